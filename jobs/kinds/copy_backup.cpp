// Brings a copy of a backup to another place: a store of ours, or the backup
// directory.
//
// From the backup directory it is sent straight from the archive, which is not
// removed meanwhile; from one store to another it comes by way of an unfinished
// archive of this job. So it does when the one in the backup directory is known
// to be damaged, which is sent nowhere. A copy that arrives in the backup
// directory is read from end to end before it gets its name. What the store has
// put together is on record only then; a failure or a cancel takes everything
// back.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/reading_backups.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  return read_about_place(request, "backup.copy", backup_lock::shared, "to");
}

std::string destination(const step_context& ctx) {
  return json::parse(ctx.job.input).at("to").get<std::string>();
}

bool is_here(const backup_record& b) {
  return b.is_local && b.lost_at == 0;
}

fault damaged_here(const backup_record& b, const std::string& advice) {
  return {.code = fault_code::backup_damaged,
          .what = "the archive of backup " + b.uuid.to_string()
                  + " on this node is damaged and is not copied: " + b.damage
                  + advice};
}

result<backup_record> ready_backup(const step_context& ctx) {
  const auto known = ctx.node.records.find_backup(backup_of(ctx.job));
  if (!known)
    return known.error();
  if (!*known || (*known)->state != backup_state::ready)
    return fault{.code = fault_code::backup_not_found,
                 .what =
                     "there is no backup " + backup_of(ctx.job).to_string()};
  if (!is_here(**known) && !(*known)->any_store())
    return fault{.code = fault_code::backup_lost,
                 .what = "no archive of backup "
                         + backup_of(ctx.job).to_string()
                         + " can be read by this node"};
  if (!(*known)->is_good_here() && !(*known)->any_store())
    return damaged_here(**known, "");
  return **known;
}

bool is_there(const backup_record& b, const std::string& to) {
  return to == local_place ? is_here(b) : b.find_place(to) != nullptr;
}

/// Gets the archive into an unfinished one of this job, where it is needed.
step_outcome fetch(step_context& ctx) {
  const auto b = ready_backup(ctx);
  if (!b)
    return b.error();
  const auto to = destination(ctx);
  if (to != local_place)
    if (const auto store = find_store(ctx, to); !store)
      return store.error();
  if (to == local_place && is_here(*b) && !b->is_good_here())
    return damaged_here(*b, "; drop the copy in \"local\" first, then copy it "
                            "back from a store");
  if (is_there(*b, to) || b->is_good_here()) {
    auto newer = newer_than(ctx, *b);
    if (!newer)
      return std::move(newer).error();
    step_done done;
    if (*newer)
      done.changes.emplace_back(record_found_backup{**std::move(newer)});
    return done;
  }
  auto got = fetch_from_stores(ctx, *b, check_for::nobody);
  if (!got)
    return wait_for_store(ctx, std::move(got).error());
  ctx.node.archives.release(ctx.job.id); // it is on the disk
  const auto checked = read_archive(ctx, b->uuid, b->facts, check_for::nobody,
                                    check_depth::whole, ctx.job.id);
  if (!checked)
    return checked.error();
  return step_done{.output = json{{"fetched", *got}}.dump()};
}

bool was_fetched(const step_context& ctx) {
  return !ctx.job.find_step("fetch")->output.empty();
}

step_outcome send(step_context& ctx) {
  const auto b = ready_backup(ctx);
  if (!b)
    return b.error();
  const auto to = destination(ctx);
  if (to == local_place || is_there(*b, to))
    return step_done{};
  const auto store = find_store(ctx, to);
  if (!store)
    return store.error();
  descriptor archive, manifest;
  if (was_fetched(ctx)) {
    auto part =
        ctx.node.archives.open_part(b->uuid, ctx.job.id, archive_half::archive);
    if (!part)
      return std::move(part).error();
    archive = std::move(*part);
  } else {
    // Read by somebody else since the first step.
    if (!b->is_good_here())
      return damaged_here(*b, "");
    auto file = ctx.node.archives.open(b->uuid);
    if (!file)
      return std::move(file).error();
    if (file->size != b->facts.size)
      return fault{.code = fault_code::backup_damaged,
                   .what = "the archive has " + std::to_string(file->size)
                           + " bytes and should have "
                           + std::to_string(b->facts.size)};
    archive = std::move(file->file);
  }
  if (auto beside = ctx.node.archives.open_manifest(b->uuid))
    manifest = std::move(beside->file);
  auto sent = upload_to_store(ctx, **store, object_key(b->server, b->uuid),
                              archive.get(), b->facts.size, manifest.get());
  if (!sent)
    return wait_for_store(ctx, std::move(sent).error());
  return step_done{
      .output = json{{"etag", sent->etag}, {"size", b->facts.size}}.dump()};
}

/// Nobody has read it to its end, and it may have been sent while it was still
/// being written: what is copied has to stay as it is.
status check_whole(step_context& ctx, const backup_record& b,
                   std::int64_t sent) {
  const auto newer = newer_than(ctx, b);
  if (!newer)
    return newer.error();
  if (!*newer && sent == b.facts.size)
    return {};
  return fault{.code = fault_code::backup_damaged,
               .what = "the archive of backup " + b.uuid.to_string()
                       + " was written to while it was copied: copy it again "
                         "when it is whole"};
}

/// From its commit on the copy is there.
step_outcome settle(step_context& ctx) {
  const auto b = ready_backup(ctx);
  if (!b)
    return b.error();
  const auto to = destination(ctx);
  step_done done;
  done.job_result = json{{"backup", b->uuid.view()}, {"to", to}}.dump();
  if (to == local_place) {
    if (was_fetched(ctx))
      if (auto named = ctx.node.archives.adopt(b->uuid, ctx.job.id); !named)
        return std::move(named).error();
    done.changes.emplace_back(set_local{b->uuid, true, false});
    // Of one that was found in a store it has come with the archive.
    if (!b->has_manifest && ctx.node.archives.open_manifest(b->uuid))
      done.changes.emplace_back(record_manifest{b->uuid});
    // `fetch` has read it: what was wrong with the one before is over.
    if (was_fetched(ctx))
      done.changes.emplace_back(record_verification{b->uuid, "", b->facts});
    return done;
  }
  const auto& sent = ctx.job.find_step("send")->output;
  if (sent.empty())
    return done;
  // Read by somebody else while it was sent.
  if (!was_fetched(ctx) && b->damaged_place() == local_place)
    return damaged_here(*b, "");
  const auto told = json::parse(sent);
  // An older release has not kept how much it was.
  const auto size = told.value("size", b->facts.size);
  if (!was_fetched(ctx))
    if (auto whole = check_whole(ctx, *b, size); !whole)
      return std::move(whole).error();
  done.changes.emplace_back(
      record_place{b->uuid, to, object_key(b->server, b->uuid),
                   told.at("etag").get<std::string>(), size});
  return done;
}

step_outcome unsettle(step_context& ctx) {
  // An archive that got its name is found by the next scan.
  (void)ctx;
  return step_done{};
}

} // namespace

const kind copy_backup{
    .name = "backup.copy",
    .lane = "copy",
    .priority = 3,
    .max_attempts = 5,
    .read = read,
    .steps = {
        compensatable("fetch", fetch, discard_fetched, "transfer"),
        compensatable("send", send, take_back_upload, "transfer"),
        pivot("settle", settle, unsettle),
        retriable("tidy", discard_fetched),
    }};

} // namespace alula::jobs
