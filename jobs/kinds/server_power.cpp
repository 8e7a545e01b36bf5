// Starts, stops, restarts or kills a server.
//
// The accept says what is wanted from now on: up or down. The newest wish wins:
// what waits in line behind is cancelled by it, a stop also cancels a start
// that is under way, and a kill everything; it has a lane and workers of its
// own, so it waits behind nothing. A start that is too far to be cancelled
// looks once more at what is wanted, and takes itself back.
//
// Before a start the Panel is asked what the server is like, it must not be
// suspended nor over its quota, the egg's configuration files are rewritten,
// its files are made the server user's, its image is got, and its container is
// made anew, so that it is as the settings say (wings-protocol 2.7, 8.4). The
// start of the container is the pivot; a failure before leaves it offline and
// says why in the console.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/in_transfer.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

struct action_rule {
  std::string_view word;
  bool up; ///< what is wanted from then on
  std::vector<std::string_view> skipped;
};

const action_rule* find_action(std::string_view word) {
  static const std::vector<std::string_view> of_start{
      "look",      "sync",  "check",     "write_config_files",
      "own_files", "image", "container", "launch"};
  static const auto and_more = [](std::vector<std::string_view> steps) {
    steps.insert(steps.end(), of_start.begin(), of_start.end());
    return steps;
  };
  static const std::vector<action_rule> rules{
      {"start", true, {"kill", "stop"}},
      {"restart", true, {"kill"}},
      {"stop", false, and_more({"kill"})},
      {"kill", false, and_more({"stop"})}};
  for (const auto& rule : rules)
    if (rule.word == word)
      return &rule;
  return nullptr;
}

/// A start would run on files that are being replaced, or be taken back by the
/// stop that comes first. http/submit.cpp names the job that is in the way.
status refuse_in_restore(const submission& request) {
  if (request.target->state != server_state::restoring)
    return {};
  return fault{.code = fault_code::server_locked,
               .what = "a backup of server " + request.server.to_string()
                       + " is being restored, or a restore taken back; until "
                         "then it cannot be started"};
}

/// Why a job was made by the node itself; empty: somebody asked.
bool is_by_itself(const json& input) {
  return !input.value("cause", std::string{}).empty();
}

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto word = fields::text(*body, "action", 16);
  if (!word)
    return word.error();
  const auto* rule = find_action(*word);
  if (!rule)
    return fields::wrong("/action", "must be start, stop, restart or kill");
  const auto cause = fields::text(*body, "cause", 64);
  if (!cause)
    return cause.error();
  if (!request.target)
    return no_such_server(request);
  if (rule->up && request.target->suspended)
    return fault{.code = fault_code::server_suspended,
                 .what = "server " + request.server.to_string()
                         + " is suspended and cannot be started"};
  if (auto may = refuse_in_transfer(request); rule->up && !may)
    return std::move(may).error();
  // What the node does by itself has looked before it asked; where a restore
  // came first, `check` looks once more.
  if (auto may = refuse_in_restore(request); rule->up && cause->empty() && !may)
    return std::move(may).error();
  job_draft draft;
  draft.input = json{{"action", *word}, {"cause", *cause}}.dump();
  if (*word == "kill")
    draft.lane = "kill";
  draft.skipped = rule->skipped;
  // What the node does by itself follows wishes and makes none.
  if (cause->empty())
    draft.changes.emplace_back(want_power{.up = rule->up});
  return draft;
}

std::string action_of(const job_record& job) {
  return json::parse(job.input).value("action", std::string{});
}

bool supersedes(const job_record& newer, const job_record& older) {
  if (older.kind != newer.kind || is_by_itself(json::parse(newer.input)))
    return false;
  const auto was = action_of(older), is = action_of(newer);
  if (was == "kill")
    return false;
  const bool begun = older.started_at != 0;
  return !begun || is == "kill" || (is == "stop" && was != "stop");
}

step_outcome outcome_of(status done) {
  if (!done)
    return std::move(done).error();
  return step_done{};
}

step_outcome kill(step_context& ctx) {
  return outcome_of(kill_process(ctx));
}

step_outcome stop(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto& settings = life_of(ctx).settings;
  const bool hurries = is_by_itself(json::parse(ctx.job.input));
  return outcome_of(stop_process(
      ctx, *server, hurries ? settings.suspend_grace : settings.stop_grace,
      begun_at(ctx, "stop")));
}

/// One that runs already is only listened to (wings-protocol 8.4).
bool ran_already(const step_context& ctx) {
  const auto* looked = ctx.job.find_step("look");
  const auto output = json::parse(looked->output, nullptr, false);
  return output.is_object() && output.value("running", false);
}

step_outcome look(step_context& ctx) {
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  if (!found)
    return found.error();
  const bool running = *found && (*found)->running;
  return step_done{.output = json{{"running", running}}.dump()};
}

/// The undo of the first step of a start: the last word about it.
step_outcome give_up(step_context& ctx) {
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  const bool running = found && *found && (*found)->running;
  if (!running) {
    auto& processes = life_of(ctx).processes;
    if (processes.state(ctx.job.server) != process_state::offline)
      processes.set_state(ctx.job.server, process_state::stopping);
    processes.set_state(ctx.job.server, process_state::offline);
  }
  if (ctx.job.error)
    say(ctx, "The server was not started: " + ctx.job.error->what);
  return step_done{};
}

step_outcome sync(step_context& ctx) {
  if (ran_already(ctx))
    return step_done{};
  auto told = ask_panel(ctx, without_panel::as_it_was);
  if (!told)
    return std::move(told).error();
  if (told->panel_away)
    say(ctx, "The Panel does not answer; the server is started as it was known "
             "last.");
  return step_done{.changes = std::move(told->changes)};
}

status check_disk(step_context& ctx, const known_server& server) {
  const auto& life = life_of(ctx);
  const auto quota = server.config.disk_bytes();
  if (quota == 0 || life.settings.disk_check_interval.count() == 0)
    return {};
  say(ctx,
      "Checking server disk space usage, this could take a few seconds...");
  const auto used = ctx.node.volumes.used(
      ctx.job.server, ctx.stop, telling_walk(ctx, "measuring its files"));
  if (!used)
    return used.error();
  life.processes.set_disk_usage(ctx.job.server, *used);
  if (*used > quota)
    return fault{.code = fault_code::no_room,
                 .what = "the server uses " + std::to_string(*used)
                         + " bytes of disk and may use "
                         + std::to_string(quota)};
  return {};
}

fault not_wanted() {
  return {.code = fault_code::cancelled,
          .what = "it is not wanted up any more"};
}

/// A start that the node wished by itself may have stood in line behind
/// somebody's stop.
step_outcome check(step_context& ctx) {
  if (ran_already(ctx))
    return step_done{};
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  life_of(ctx).processes.configure(server->record);
  if (server->record.suspended) {
    turn_clients_away(ctx); // the sync may have been the first to hear of it
    return fault{.code = fault_code::server_suspended,
                 .what = "the server is suspended"};
  }
  if (!server->record.wanted_up)
    return not_wanted();
  return outcome_of(check_disk(ctx, *server));
}

/// Of a list that an egg has broken in a thousand places.
constexpr std::size_t most_notes = 20;

/// What cannot be read or rewritten is said and stops nobody, as with Wings.
step_outcome write_config_files(step_context& ctx) {
  if (ran_already(ctx))
    return step_done{};
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto plan = read_config_plan(server->config.files);
  for (std::size_t i = 0; i < std::min(plan.notes.size(), most_notes); ++i)
    say(ctx, plan.notes[i]);
  if (plan.files.empty())
    return step_done{};
  say(ctx, "Updating process configuration files...");
  const auto made =
      life_of(ctx).files.rewrite(ctx.job.server, plan.files, ctx.stop);
  if (!made)
    return made.error();
  auto files = json::array();
  for (const auto& each : *made)
    if (each.is == config_outcome::effect::failed) {
      files.push_back(each.path);
      say(ctx, "The configuration file " + each.path + " was left as it was: "
                   + (each.notes.empty() ? "" : each.notes.front()));
    }
  return step_done{.output = fields::as_text(json{{"failed", files}})};
}

step_outcome own_files(step_context& ctx) {
  if (ran_already(ctx) || !life_of(ctx).settings.check_permissions_on_boot)
    return step_done{};
  say(ctx, "Ensuring file permissions are set correctly, this could take a few "
           "seconds...");
  const auto changed =
      ctx.node.volumes.take_ownership(ctx.job.server, ctx.stop);
  if (!changed)
    return changed.error();
  return step_done{.output = json{{"changed", *changed}}.dump()};
}

step_outcome image(step_context& ctx) {
  if (ran_already(ctx))
    return step_done{};
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  life_of(ctx).processes.set_state(ctx.job.server, process_state::starting);
  say(ctx, "Pulling Docker container image, this could take a few minutes to "
           "complete...");
  if (auto got = fetch_image(ctx, server->config.image); !got)
    return std::move(got).error();
  say(ctx, "Finished pulling Docker container image");
  return step_done{};
}

step_outcome container(step_context& ctx) {
  if (ran_already(ctx))
    return step_done{};
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto id = make_container(ctx, *server);
  if (!id)
    return id.error();
  return step_done{.output = json{{"container_id", *id}}.dump(),
                   .changes = {set_container{*id}}};
}

/// Everything is taken back when somebody has wished otherwise meanwhile: his
/// kill may have come when there was nothing to kill.
step_outcome launch(step_context& ctx) {
  auto server = server_of(ctx);
  if (!server)
    return std::move(server).error();
  auto& processes = life_of(ctx).processes;
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  if (!found)
    return found.error();
  if (!server->record.wanted_up)
    return not_wanted();
  if (!*found)
    return fault{.code = fault_code::docker_refused,
                 .what = "the container was removed before it was started"};
  const bool running = (*found)->running;
  const bool is_news =
      processes.state(ctx.job.server) == process_state::offline;
  if (is_news && !running)
    processes.set_state(ctx.job.server, process_state::starting);
  if (auto heard = processes.attach(server->record); !heard)
    return std::move(heard).error();
  if (running) {
    // Whoever hears that may write to its console at once.
    if (is_news)
      processes.set_state(ctx.job.server, process_state::running);
    return step_done{};
  }
  if (auto started = ctx.node.containers.start(ctx.job.server.view()); !started)
    return std::move(started).error();
  server = server_of(ctx);
  if (server && server->record.wanted_up)
    return step_done{};
  if (auto killed = kill_process(ctx); !killed)
    return std::move(killed).error();
  return not_wanted();
}

step of_power(std::string_view name, step_function run,
              step_function undo = nullptr) {
  return compensatable(name, run, undo, "power");
}

} // namespace

const kind server_power{
    .name = "server.power",
    .priority = 1,
    .max_attempts = 5,
    .supersedes = supersedes,
    .read = read,
    .steps = {
        compensatable("kill", kill, nullptr, "kill"),
        // `stop` of a container is one call, which says nothing until it ends.
        with_stall_limit(of_power("stop", stop), std::chrono::minutes{15}),
        of_power("look", look, give_up),
        of_power("sync", sync),
        // A walk over millions of files gives no sign of life.
        with_stall_limit(of_power("check", check), std::chrono::hours{1}),
        of_power("write_config_files", write_config_files),
        with_stall_limit(of_power("own_files", own_files),
                         std::chrono::hours{1}),
        // A registry that is slow holds no worker that others are stopped by.
        compensatable("image", image, nullptr, "pull"),
        of_power("container", container),
        pivot("launch", launch, nullptr, "power"),
    }};

} // namespace alula::jobs
