// Runs the egg's install script in a container of its own (wings-protocol 2.8,
// 8.8): the Panel is asked for the server and the script, the image is got, a
// left-over installer is removed, the container is made, started and listened
// to until it ends. Its exit code counts. It has a limit on the wall's clock
// that counts over restarts of alula: the container runs on meanwhile and is
// listened to again. Its limit on silence begins anew each time it is listened
// to: nobody knows when it spoke last while nobody listened.
//
// However it ends, the log is kept (a disk that does not take it is tried again
// as often as any step; then the installation counts all the same, and says
// what became of its log), the container and the script are removed,
// the clients hear `install completed`, and the Panel hears how it went: from
// the last step when it went well, from the end of the job when it did not.
#include "jobs/kinds/installing.hpp"

#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/in_transfer.hpp"
#include "jobs/kinds/install_log.hpp"
#include "jobs/kinds/installer_console.hpp"
#include "jobs/kinds/installer_watch.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;
using std::chrono::milliseconds;

bool is_reinstall(const job_record& job) {
  return json::parse(job.input).value("reinstall", false);
}

bool has_script(const step_context& ctx) {
  return script_of(ctx).is_object();
}

/// Its undo is the last of all. One that was before it in line may have ended
/// well meanwhile, and then it is installed, until this begins.
step_outcome begin(step_context&) {
  return step_done{.changes = {begin_install{}}};
}

step_outcome announce_end(step_context& ctx) {
  ctx.node.audience.announce(ctx.job.server, "install completed", {""});
  return step_done{};
}

step_outcome sync(step_context& ctx) {
  auto told = ask_panel(ctx, without_panel::fail);
  if (!told)
    return std::move(told).error();
  return step_done{.changes = std::move(told->changes)};
}

step_outcome script(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  life_of(ctx).processes.configure(server->record);
  if (server->config.skip_egg_scripts || !ctx.node.panel.is_configured())
    return step_done{};
  ctx.node.audience.announce(ctx.job.server, "install started", {""});
  ctx.report({.message = "asks the Panel for the installation script"});
  const auto told =
      ctx.node.panel.find_install_script(ctx.job.server, ctx.stop);
  if (!told)
    return told.error();
  auto at = life_of(ctx).installs.put_script(ctx.job.server, told->script);
  if (!at)
    return std::move(at).error();
  return step_done{.output = json{
                       {"image", told->image},
                       {"entrypoint", told->entrypoint},
                       {"directory",
                        *at}}.dump()};
}

step_outcome remove_script(step_context& ctx) {
  if (auto gone = life_of(ctx).installs.remove_script(ctx.job.server); !gone)
    return std::move(gone).error();
  return step_done{};
}

step_outcome image(step_context& ctx) {
  if (!has_script(ctx))
    return step_done{};
  const auto wanted = script_of(ctx).at("image").get<std::string>();
  ctx.node.audience.announce(ctx.job.server, "daemon message",
                             {"Pulling the image of the installer."});
  if (auto got = fetch_image(ctx, wanted); !got)
    return std::move(got).error();
  return step_done{};
}

/// What runs next changes files: nobody who did not ask for it starts a server
/// on what is left of them.
std::vector<change> wishes_before_run(const job_record& job) {
  if (!is_reinstall(job))
    return {};
  return {want_power{.up = false, .unless_start_waits = true}};
}

step_outcome container(step_context& ctx) {
  if (!has_script(ctx))
    return step_done{.changes = wishes_before_run(ctx.job)};
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto name = installer_name(ctx.job.server);
  if (auto gone = ctx.node.containers.destroy(name, ctx.stop); !gone)
    return std::move(gone).error();
  const auto rules = rules_here(ctx);
  if (!rules)
    return rules.error();
  const auto told = script_of(ctx);
  auto id = life_of(ctx).factory.create(
      installer_container(ctx.job.server, server->config, *rules,
                          told.at("image").get<std::string>(),
                          told.at("entrypoint").get<std::string>(),
                          told.at("directory").get<std::string>()));
  if (!id)
    return std::move(id).error();
  return step_done{.output = json{{"container_id", *id}}.dump(),
                   .changes = wishes_before_run(ctx.job)};
}

/// Its log first: a container that is gone tells nothing any more. One that has
/// ended by itself has its log already.
step_outcome remove_installer(step_context& ctx) {
  const auto name = installer_name(ctx.job.server);
  const auto found = ctx.node.containers.inspect(name);
  if (!found)
    return found.error();
  if (*found && (*found)->running)
    if (auto kept =
            keep_log(ctx, ctx.job.error ? ctx.job.error->what : "cancelled");
        !kept)
      if (auto why = without_log(ctx, "container", kept.error()))
        return *std::move(why);
  life_of(ctx).streams.detach(name);
  // The undo runs to its end, whatever the job was asked.
  if (auto gone = ctx.node.containers.destroy(name, {}); !gone)
    return std::move(gone).error();
  return step_done{};
}

/// A console that broke off has missed what Docker has.
bool has_heard_all(step_context& ctx, const installer_console& console) {
  if (console.has_gap())
    return false;
  const auto newest =
      life_of(ctx).streams.log_tail(installer_name(ctx.job.server), 1);
  if (!newest || newest->empty())
    return true; // nobody knows better
  return console.newest() == newest->back();
}

step_outcome judged(step_context& ctx, const container_info& ended,
                    const std::optional<std::string>& heard = {}) {
  const bool well = ended.exit_code == 0 && !ended.oom_killed;
  const auto kept = keep_log(ctx, well ? "well" : "not well", heard);
  if (!kept)
    if (auto why = without_log(ctx, "run", kept.error()))
      return *std::move(why);
  if (well) {
    json output{{"exit_code", 0}};
    if (!kept)
      output["log_lost"] = kept.error().what;
    return step_done{.output = fields::as_text(output)};
  }
  auto what = ended.oom_killed
                  ? "the installer was ended: it used too much memory"
                  : "the install script ended with exit code "
                        + std::to_string(ended.exit_code);
  if (!kept)
    what += "; its log could not be kept: " + kept.error().what;
  return install_failure(std::move(what));
}

step_outcome run(step_context& ctx) {
  constexpr milliseconds last_words{2'000};
  if (!has_script(ctx))
    return step_done{};
  const auto name = installer_name(ctx.job.server);
  const auto found = ctx.node.containers.inspect(name);
  if (!found)
    return found.error();
  if (!*found)
    return install_failure("the installer's container was removed");
  const bool fresh = (*found)->status == "created";
  if (!fresh && !(*found)->running)
    return judged(ctx, **found);
  auto& streams = life_of(ctx).streams;
  const auto console =
      std::make_shared<installer_console>(ctx.node.audience, ctx.job.server);
  if (auto heard = streams.attach(name, console); !heard)
    return std::move(heard).error();
  if (fresh)
    if (auto started = ctx.node.containers.start(name); !started)
      return std::move(started).error();
  auto ended = watch_installer(ctx, console);
  // Its last words may come after its end: Docker tells them on another line.
  const bool heard_all = fresh && ended && console->wait(ctx.stop, last_words)
                         && has_heard_all(ctx, *console);
  console->hear_no_more();
  if (!ended)
    return std::move(ended).error();
  // What it said while nobody listened is missing.
  return judged(ctx, *ended,
                heard_all ? std::optional{console->text()} : std::nullopt);
}

step_outcome clean(step_context& ctx) {
  if (!has_script(ctx))
    return step_done{};
  life_of(ctx).streams.detach(installer_name(ctx.job.server));
  if (auto gone =
          ctx.node.containers.destroy(installer_name(ctx.job.server), ctx.stop);
      !gone)
    return std::move(gone).error();
  return remove_script(ctx);
}

/// What the script made belongs to its container's user, often root.
step_outcome own_files(step_context& ctx) {
  const auto changed =
      ctx.node.volumes.take_ownership(ctx.job.server, ctx.stop);
  if (!changed)
    return changed.error();
  return step_done{};
}

/// The undo of what comes before the container, so that the installer is gone:
/// a script that has failed leaves files as well, and no start may be told to
/// look after owners (`check_permissions_on_boot`). What cannot be had is said;
/// it is no reason to park a job that has failed already.
step_outcome own_what_is_left(step_context& ctx) {
  if (!has_script(ctx) || ctx.job.find_step("run")->started_at == 0)
    return step_done{};
  const auto changed =
      ctx.node.volumes.take_ownership(ctx.job.server, ctx.stop);
  if (changed)
    return step_done{};
  if (changed.error().code == fault_code::interrupted)
    return changed.error();
  say(ctx, "What the installer has left may not belong to the server: "
               + changed.error().what);
  return step_done{};
}

step_outcome finish(step_context& ctx) {
  json told{{"ran", has_script(ctx)}};
  const auto ran =
      json::parse(ctx.job.find_step("run")->output, nullptr, false);
  if (ran.is_object() && ran.contains("log_lost"))
    told["log_lost"] = ran.at("log_lost");
  return step_done{.changes = {end_install{true}, reports::install_has_ended(
                                                      ctx.job.server, true,
                                                      is_reinstall(ctx.job))},
                   .job_result = fields::as_text(told)};
}

} // namespace

result<job_draft> read_install(const submission& request, bool reinstall) {
  if (!request.target)
    return no_such_server(request);
  if (auto may = refuse_in_transfer(request); !may)
    return std::move(may).error();
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto start = fields::flag(*body, "start_on_completion", false);
  if (!start)
    return start.error();
  job_draft draft;
  // A job that tries again what has failed is read from this.
  draft.input = json{{"reinstall", reinstall},
                     {"start_on_completion", !reinstall && *start}}
                    .dump();
  draft.dedup_key =
      std::string{reinstall ? "server.reinstall:" : "server.install:"}
      + std::to_string(request.target->row);
  draft.changes.emplace_back(begin_install{});
  if (!reinstall && *start)
    draft.changes.emplace_back(want_power{.up = true});
  return draft;
}

std::vector<step> install_steps() {
  const auto before_the_end = [](std::string_view name, step_function run,
                                 step_function undo = nullptr) {
    return step{.name = name,
                .cls = step_class::compensatable,
                .run = run,
                .undo = undo,
                .pool = "install"};
  };
  // A registry that is slow holds no worker that scripts are run by.
  auto image_step = with_stall_limit(
      // Its undo walks over millions of files without a sign of life; a pull
      // has limits of its own.
      compensatable("image", image, own_what_is_left, "pull"),
      std::chrono::hours{1});
  image_step.undo_pool = "install";
  return {before_the_end("begin", begin, announce_end),
          before_the_end("sync", sync),
          before_the_end("script", script, remove_script),
          image_step,
          before_the_end("container", container, remove_installer),
          before_the_end("run", run),
          before_the_end("clean", clean),
          with_stall_limit(
              compensatable("own_files", own_files, nullptr, "install"),
              std::chrono::hours{1}),
          pivot("finish", finish),
          retriable("announce", announce_end)};
}

std::vector<change> install_is_over(const job_record& ended) {
  const auto* finished = ended.find_step("finish");
  if (finished && finished->state == step_state::done)
    return {};
  std::vector<change> over{
      end_install{false, reports::install_has_ended(ended.server, false,
                                                    is_reinstall(ended))}};
  // It was to be started when it is installed: whoever mends that starts it,
  // and no boot does.
  if (json::parse(ended.input).value("start_on_completion", false))
    over.emplace_back(want_power{
        .up = false, .unless_start_waits = true, .unless_installed = true});
  return over;
}

} // namespace alula::jobs
