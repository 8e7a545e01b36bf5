// Registers a server on this node: its data directory exists and is durable,
// a container that carries its name already is adopted, and it is active.
//
// Until then it is in state `creating` and belongs to this job. A cancel or a
// failure takes back what the job made, which is the directory if it is still
// empty, and frees the uuid; a directory with files in it is never touched.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/ports.hpp"

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
  const auto settings = body.value("/settings"_json_pointer, json());
  if (!settings.is_object())
    return wrong_field("/settings",
                       "is needed: this node has no Panel to ask for it");
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
  draft.input = json{{"server", uuid->view()}}.dump();
  draft.dedup_key = "server.create:" + uuid->to_string();
  draft.changes.emplace_back(
      register_server{*uuid, config.dump(), suspended.get<bool>()});
  return draft;
}

step_outcome prepare_volume(step_context& ctx) {
  const auto created = ctx.node.volumes.create(ctx.job.server);
  if (!created)
    return created.error();
  return step_done{.output = json{{"created", *created}}.dump()};
}

step_outcome discard(step_context& ctx) {
  if (auto removed = ctx.node.volumes.remove_if_empty(ctx.job.server); !removed)
    return std::move(removed).error();
  return step_done{.changes = {discard_server{}}};
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

step_outcome activate(step_context&) {
  return step_done{.changes = {activate_server{}}};
}

} // namespace

const kind create_server{
    .name = "server.create",
    .read = read,
    .steps = {
        {.name = "prepare_volume",
         .cls = step_class::compensatable,
         .run = prepare_volume,
         .undo = discard},
        {.name = "adopt_container",
         .cls = step_class::compensatable,
         .run = adopt_container},
        {.name = "activate", .cls = step_class::pivot, .run = activate},
    }};

} // namespace alula::jobs
