// Takes in the backup that an appliance sends.
//
// The door accepts this job when it has read the head of the request: from then
// on the bytes that were announced are reserved. The first step reads the body
// from the door while it arrives, so the upload is a job like any other: it has
// progress, it can be cancelled, and it holds its place on the disk.
//
// A body cannot be asked for again. When the client vanishes, or the process
// does, the job is undone: the part goes, and the row with the end of the job.
// From the rename on the backup exists. What is over its system's limits then
// is removed behind the answer, oldest first, and neither this one nor the
// newest of its system.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"
#include "jobs/system_objects.hpp"

#include <algorithm>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t longest_text = 1'024;

result<std::int64_t> number(const json& in, const char* name) {
  const auto found = in.find(name);
  if (found == in.end() || !found->is_number_integer()
      || found->get<std::int64_t>() < 0)
    return fields::wrong('/' + std::string{name}, "must be a number");
  return found->get<std::int64_t>();
}

/// The request is the door's own: what the client said was read there.
result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  begin_system_upload begin;
  json input = json::object();
  for (auto [name, into] : {std::pair{"id", &begin.id},
                            {"system", &begin.system},
                            {"filename", &begin.filename},
                            {"mimetype", &begin.mimetype},
                            {"uploader", &begin.uploader}}) {
    auto value = fields::text(*body, name, longest_text);
    if (!value)
      return value.error();
    *into = *std::move(value);
    input[name] = *into;
  }
  auto organization = fields::text(*body, "organization", longest_text);
  if (!organization)
    return organization.error();
  input["organization"] = *std::move(organization);
  if (canonical_system_backup_id(begin.id) != begin.id)
    return fields::wrong("/id", "must be the id of a backup");
  if (begin.system.empty())
    return fields::wrong("/system", "must name a system");
  for (const auto* name : {"size", "count", "bytes", "most"}) {
    const auto value = number(*body, name);
    if (!value)
      return value.error();
    input[name] = *value;
  }
  begin.size = input["size"].get<std::int64_t>();
  begin.most = input["most"].get<std::int64_t>();
  job_draft draft;
  draft.dedup_key = "system.backup.receive:" + begin.id;
  draft.input = input.dump();
  draft.changes.emplace_back(std::move(begin));
  return draft;
}

fault no_store() {
  return {.code = fault_code::store_not_found,
          .what = "this node keeps no backups of systems"};
}

std::string id_of(const job_record& job) {
  return json::parse(job.input).at("id").get<std::string>();
}

/// A second try would find no client: whatever went wrong is final.
fault final_fault(fault why) {
  const bool says_more = why.code == fault_code::interrupted
                         || why.code == fault_code::upload_failed;
  if (!says_more)
    why.code = why.code == fault_code::insufficient_storage
                   ? fault_code::no_room
                   : fault_code::upload_failed;
  return why;
}

/// Lets go of the client however the step ends.
class taken_body {
public:
  explicit taken_body(std::shared_ptr<body_pipe> body)
    : body_(std::move(body)) {}
  ~taken_body() {
    if (body_)
      body_->abandon();
  }
  taken_body(const taken_body&) = delete;
  taken_body& operator=(const taken_body&) = delete;
  body_pipe* get() const { return body_.get(); }

private:
  std::shared_ptr<body_pipe> body_;
};

step_outcome receive(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return no_store();
  const auto input = json::parse(ctx.job.input);
  const auto id = input.at("id").get<std::string>();
  const auto size = input.at("size").get<std::int64_t>();
  const taken_body body{systems->bodies.take(id)};
  if (!body.get())
    return fault{.code = fault_code::upload_failed,
                 .what = "the client that sent backup " + id
                         + " is not there any more",
                 .where = id};
  if (auto room = systems->objects.reserve(ctx.job.id, size); !room)
    return final_fault(std::move(room).error());
  auto written = systems->objects.write(
      id,
      [&](std::span<char> into) { return body.get()->read(into, ctx.stop); },
      [&](std::int64_t so_far) {
        ctx.report({.done = so_far, .total = size, .unit = "bytes"});
      });
  systems->objects.release(ctx.job.id);
  if (!written)
    return final_fault(std::move(written).error());
  if (written->size != size)
    return fault{.code = fault_code::upload_failed,
                 .what = "the upload has " + std::to_string(written->size)
                         + " bytes instead of the announced "
                         + std::to_string(size),
                 .where = id};
  return step_done{.output = json{{"sha256", written->sha256}}.dump()};
}

step_outcome drop_part(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return no_store();
  systems->objects.release(ctx.job.id);
  if (auto gone = systems->objects.remove(id_of(ctx.job)); !gone)
    return std::move(gone).error();
  return step_done{};
}

std::string sum_of(const job_record& job) {
  const auto received =
      std::ranges::find(job.steps, "receive", &step_record::name);
  const auto output = json::parse(
      received == job.steps.end() ? std::string{} : received->output, nullptr,
      false);
  return output.is_object() ? output.value("sha256", "") : std::string{};
}

step_outcome publish(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return no_store();
  const auto input = json::parse(ctx.job.input);
  system_backup_record made{.id = input.at("id").get<std::string>(),
                            .system = input.at("system").get<std::string>(),
                            .state = system_backup_state::stored,
                            .filename = input.at("filename").get<std::string>(),
                            .mimetype = input.at("mimetype").get<std::string>(),
                            .size = input.at("size").get<std::int64_t>(),
                            .sha256 = sum_of(ctx.job)};
  if (const auto uuid = job_id::parse(std::string_view{made.id}.substr(0, 36)))
    made.uploaded_at = created_at(*uuid);
  if (auto published = systems->objects.publish(made.id); !published)
    return std::move(published).error();
  step_done done;
  done.changes.emplace_back(
      store_system_backup{.id = made.id,
                          .size = made.size,
                          .sha256 = made.sha256,
                          .count = input.at("count").get<std::int64_t>(),
                          .bytes = input.at("bytes").get<std::int64_t>()});
  done.job_result = to_json(made);
  return done;
}

/// A victim that cannot be removed stays on record and is tried again, and
/// nobody newer takes its place.
step_outcome prune(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return no_store();
  const auto system =
      json::parse(ctx.job.input).at("system").get<std::string>();
  const auto all = ctx.node.records.list_system_backups(system);
  if (!all)
    return all.error();
  step_done done;
  for (const auto& one : *all) {
    if (one.state != system_backup_state::deleting
        || one.owner_job != ctx.job.id)
      continue;
    if (auto gone = systems->objects.remove(one.id); !gone)
      return std::move(gone).error();
    done.changes.emplace_back(forget_system_backup{one.id});
  }
  return done;
}

} // namespace

const kind receive_system_backup{
    .name = "system.backup.receive",
    .priority = 1,
    .answer_after = "publish",
    .read = read,
    .steps = {
        {.name = "receive",
         .cls = step_class::compensatable,
         .run = receive,
         .undo = drop_part,
         .pool = "upload",
         // Nor is what is left of one to wait for the bodies of others.
         .undo_pool = "lifecycle"},
        // Not in the line of those who wait for a place to send: its client
        // waits for nothing but this.
        pivot("publish", publish),
        retriable("prune", prune),
    }};

} // namespace alula::jobs
