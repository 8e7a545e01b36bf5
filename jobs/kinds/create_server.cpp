// Registers a server on this node: its data directory exists and is durable,
// a container that carries its name already is adopted, and it is active.
//
// With a Panel the request names the server only (wings-protocol 2.3): the
// Panel is asked what it is like, and the commit that makes it active also
// wants it installed and, if asked for, up. The node does both by jobs of their
// own, also after a restart. One that fails before is reported as a failed
// installation. A registration of what the Panel has had for long
// (`skip_install`) wants none and reports none.
//
// Then its container is made ahead, as far as that can be had soon (see
// first_container.hpp): an installation that follows waits for no pull, and
// gets the image when it has gone well. Where a start follows at once that
// makes it, and what is registered as it is waits for its first start.
//
// Until it is active it is in state `creating` and belongs to this job. A
// cancel or a failure takes back what the job made, which is the directory if
// it is still empty, disconnects who was looking, and frees the uuid; a
// directory that was there before, or that has files in it, is never touched.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/first_container.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"
#include "jobs/server_config.hpp"

#include <nlohmann/json.hpp>

namespace alula::jobs {

namespace {

using nlohmann::json;

fault wrong_field(std::string pointer, std::string detail) {
  return {.code = fault_code::validation,
          .what = "a field of the server is wrong",
          .fields = {{std::move(pointer), std::move(detail)}}};
}

result<job_draft> read(const submission& request) {
  const auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object())
    return fault{.code = fault_code::malformed,
                 .what = "the body is not a JSON object"};
  const auto uuid_text = body.value("/uuid"_json_pointer, json());
  const auto uuid = uuid_text.is_string()
                        ? server_id::parse(uuid_text.get<std::string>())
                        : std::nullopt;
  if (!uuid)
    return wrong_field("/uuid", "must be a lower-case UUID");
  const auto start = fields::flag(body, "start_on_completion", false);
  if (!start)
    return start.error();
  const auto skip_install = fields::flag(body, "skip_install", false);
  if (!skip_install)
    return skip_install.error();
  // The door knows whether there is a Panel to ask instead.
  const bool of_panel = !body.contains("settings");
  const auto settings =
      of_panel ? json::object() : body.value("/settings"_json_pointer, json());
  if (!settings.is_object())
    return wrong_field("/settings", "must be an object");
  const auto inner = settings.value("/uuid"_json_pointer, uuid_text);
  if (inner != uuid_text)
    return wrong_field("/settings/uuid", "must equal /uuid");
  const auto suspended = settings.value("/suspended"_json_pointer, json(false));
  if (!suspended.is_boolean())
    return wrong_field("/settings/suspended", "must be true or false");
  if (request.target && request.target->state != server_state::creating)
    return fault{.code = fault_code::server_exists,
                 .what = "server " + uuid->to_string()
                         + " is registered on this node already"};

  const json config{{"settings", settings},
                    {"process_configuration",
                     body.value("process_configuration", json::object())}};
  job_draft draft;
  draft.input = fields::as_text(json{{"server", uuid->view()},
                                     {"of_panel", of_panel},
                                     {"skip_install", *skip_install},
                                     {"start_on_completion", *start}});
  if (!of_panel)
    draft.skipped = {"ask_panel"};
  if (of_panel || *start)
    draft.skipped.push_back("server_image");
  if (*skip_install || *start)
    draft.skipped.push_back("server_container");
  // The Panel's request is not that of a boot that found the server on the
  // Panel's list: joined to it, it would be told of no installation for ever.
  draft.dedup_key =
      "server.create:" + uuid->to_string() + (*skip_install ? ":as it is" : "");
  draft.changes.emplace_back(
      register_server{*uuid, config.dump(), suspended.get<bool>()});
  return draft;
}

/// What is there is written down before anything is made, so that a crash in
/// between cannot make another's directory look like ours.
step_outcome find_volume(step_context& ctx) {
  const auto there = ctx.node.volumes.exists(ctx.job.server);
  if (!there)
    return there.error();
  return step_done{.output = json{{"volume", *there}}.dump()};
}

/// The Panel waits for the end of an installation.
bool is_to_be_installed(const job_record& job) {
  const auto input = json::parse(job.input);
  return input.value("of_panel", false) && !input.value("skip_install", false);
}

step_outcome ask_panel(step_context& ctx) {
  if (!ctx.node.panel.is_configured())
    return wrong_field("/settings",
                       "is needed: this node has no Panel to ask for it");
  const auto told = ctx.node.panel.find_server(ctx.job.server, ctx.stop);
  if (!told)
    return told.error();
  const auto config = parse_server_config(told->config);
  if (!config)
    return config.error();
  return step_done{.changes = {set_server_config{ctx.job.server, told->config,
                                                 config->suspended}}};
}

/// Whoever looks at the server while it is being made is told that it is gone.
step_outcome discard(step_context& ctx) {
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  ctx.node.audience.dismiss(ctx.job.server, going_away, "server not created",
                            ctx.node.socket_grace);
  return step_done{.changes = {discard_server{}}};
}

step_outcome prepare_volume(step_context& ctx) {
  const auto created = ctx.node.volumes.create(ctx.job.server);
  if (!created)
    return created.error();
  return step_done{.output = json{{"created", *created}}.dump()};
}

step_outcome remove_volume(step_context& ctx) {
  const auto found = fields::told_by(ctx.job, "find_volume");
  if (found.at("volume").get<bool>())
    return step_done{};
  if (auto removed = ctx.node.volumes.remove_if_empty(ctx.job.server); !removed)
    return std::move(removed).error();
  return step_done{};
}

/// Without Docker there is nothing to adopt now; whoever needs the container
/// later finds it by its name.
step_outcome adopt_container(step_context& ctx) {
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  if (!found && found.error().code == fault_code::docker_unavailable)
    return step_done{.output = json{{"docker", "unavailable"}}.dump()};
  if (!found)
    return found.error();
  if (!*found)
    return step_done{};
  return step_done{.output = json{{"container_id", (*found)->id}}.dump(),
                   .changes = {set_container{(*found)->id}}};
}

step_outcome activate(step_context& ctx) {
  step_done done{.changes = {activate_server{}}};
  const auto input = json::parse(ctx.job.input);
  if (is_to_be_installed(ctx.job))
    done.changes.emplace_back(want_install{});
  if (input.value("start_on_completion", false))
    done.changes.emplace_back(want_power{.up = true});
  return done;
}

/// The Panel shows it as installing, and would for ever (trap 52).
std::vector<change> when_over(const job_record& ended) {
  const auto* made = ended.find_step("activate");
  if (!is_to_be_installed(ended) || (made && made->state == step_state::done))
    return {};
  return {reports::install_has_ended(ended.server, false, false)};
}

} // namespace

const kind create_server{
    .name = "server.create",
    .plan_version = 3,
    .oldest_plan = 2, // without the container ahead
    .read = read,
    .steps =
        {
            compensatable("find_volume", find_volume, discard),
            compensatable("ask_panel", ask_panel),
            compensatable("prepare_volume", prepare_volume, remove_volume),
            compensatable("adopt_container", adopt_container),
            pivot("activate", activate),
            first_image_step(),
            first_container_step("lifecycle"),
        },
    .when_over = when_over};

} // namespace alula::jobs
