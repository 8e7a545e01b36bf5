// Reads a backup from its first byte to its last and says whether it is what
// was written: checksums, every compressed member, every tar header.
//
// A copy in a store of ours is read there, without one here, and compared by
// its checksums. Which copy is read is asked for by its place; else it is the
// local one, or the first there is.
//
// What was found is on record before the job fails over it, so that a damaged
// backup is shown as damaged whatever becomes of the job.
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
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto place = fields::text(*body, "place", 64);
  if (!place)
    return place.error();
  if (*place == panel_place)
    return fields::wrong("/place", "names a store, or \"local\"");
  auto draft = draft_of_reader(request, "backup.verify");
  if (!draft || place->empty())
    return draft;
  auto input = json::parse(draft->input);
  input["place"] = *place;
  draft->input = input.dump();
  draft->dedup_key += ":" + *place;
  return draft;
}

/// Where the copy lies that is to be read; empty: in the backup directory.
result<std::string> place_to_read(const step_context& ctx,
                                  const backup_record& b) {
  const auto asked = json::parse(ctx.job.input).value("place", std::string{});
  // One that is lost here is looked for once more when nobody else has it.
  const bool is_here = b.any_store() ? b.is_local && b.lost_at == 0
                                     : b.is_local || b.places.empty();
  if (asked == local_place || (asked.empty() && is_here))
    return std::string{};
  if (asked.empty() && b.any_store())
    return b.any_store()->name;
  if (!asked.empty() && b.find_place(asked))
    return asked;
  return fault{.code = fault_code::backup_lost,
               .what = asked.empty()
                           ? "backup " + b.uuid.to_string()
                                 + " lies in the Panel's store, which only the "
                                   "Panel can read"
                           : "there is no copy of backup " + b.uuid.to_string()
                                 + " in " + asked};
}

/// Damage of one copy is none of the backup while another one is here.
step_outcome check_in(step_context& ctx, const backup_record& b,
                      const std::string& place) {
  const auto store = find_store(ctx, place);
  if (!store)
    return store.error();
  const auto found = hash_object(ctx, **store, *b.find_place(place));
  std::string damage;
  if (!found && found.error().code == fault_code::store_object_missing)
    damage = "the archive is not there any more";
  else if (!found)
    return wait_for_store(ctx, found.error());
  else if (found->size != b.facts.size)
    damage = "it has " + std::to_string(found->size) + " bytes and should have "
             + std::to_string(b.facts.size);
  else if ((!b.facts.sha256.empty() && found->sha256 != b.facts.sha256)
           || (!b.facts.sha1.empty() && found->sha1 != b.facts.sha1))
    damage = "its checksum is another one than that of what was written";
  if (!damage.empty())
    damage = damage_in_store(place, damage);
  step_done done{.output = json{{"damage", damage}, {"missing", ""}}.dump()};
  // What was found wrong in another store is not over with this one.
  const auto known = b.damaged_place();
  const bool stays = damage.empty() && known != place && b.find_place(known);
  if (!b.is_local || b.lost_at != 0)
    done.changes.emplace_back(
        record_verification{b.uuid, stays ? b.damage : damage});
  return done;
}

step_outcome check(step_context& ctx) {
  const auto uuid = backup_of(ctx.job);
  const auto known = ctx.node.records.find_backup(uuid);
  if (!known)
    return known.error();
  if (*known) {
    const auto place = place_to_read(ctx, **known);
    if (!place)
      return place.error();
    if (!place->empty())
      return check_in(ctx, **known, *place);
  }
  auto found = check_backup(ctx, uuid, check_for::nobody);
  if (!found)
    return std::move(found).error();
  return step_done{
      .output =
          json{{"damage", found->damage}, {"missing", found->missing}}.dump(),
      .changes = found->on_record(uuid)};
}

step_outcome conclude(step_context& ctx) {
  const auto found = fields::told_by(ctx.job, "check");
  const auto damage = found.at("damage").get<std::string>();
  const auto missing = found.value("missing", std::string{});
  if (!missing.empty())
    return fault{.code = fault_code::backup_not_found, .what = missing};
  if (!damage.empty())
    return fault{.code = fault_code::backup_damaged, .what = damage};
  return step_done{.job_result = R"({"damage":null})"};
}

} // namespace

const kind verify_backup{.name = "backup.verify",
                         .lane = "verify",
                         .priority = 3,
                         .max_attempts = 3,
                         .read = read,
                         .steps = {
                             compensatable("check", check, nullptr, "verify"),
                             pivot("conclude", conclude),
                         }};

} // namespace alula::jobs
