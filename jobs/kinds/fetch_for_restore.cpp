#include "jobs/kinds/fetch_for_restore.hpp"

#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/fields.hpp"

#include <optional>
#include <span>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

/// It is asked for and not read: a link may be good for this one method only.
status look_behind_link(step_context& ctx) {
  const auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return known.error();
  if (!ctx.node.far || !*known || (*known)->links.empty())
    return fault{.code = fault_code::internal,
                 .what = "the link of a restore is not on record"};
  bool is_there = false;
  auto got = ctx.node.far->links.get(
      (*known)->links.front(), {},
      [&](const link_content&) -> status {
        is_there = true;
        return fault{.code = fault_code::interrupted,
                     .what = "it is there, which was the question"};
      },
      [](std::span<const char>) { return status{}; }, ctx.stop);
  return is_there ? status{} : got;
}

status is_at(step_context& ctx, const backup_place& place) {
  const auto store = find_store(ctx, place.name);
  if (!store)
    return store.error();
  const auto found = (*store)->head(place.key, ctx.stop);
  if (!found)
    return found.error();
  if (*found && (*found)->size == place.size)
    return {};
  return fault{.code = fault_code::store_object_missing,
               .what = "store " + place.name + " does not have " + place.key
                       + (*found ? " as it was written" : "")};
}

bool has_link(const step_context& ctx) {
  return json::parse(ctx.job.input).value("adapter", std::string{}) == "s3";
}

} // namespace

result<backup_record> record_of_restore(const step_context& ctx) {
  auto known = ctx.node.records.find_backup(backup_of(ctx.job));
  if (!known)
    return std::move(known).error();
  if (!*known && !has_link(ctx))
    return fault{.code = fault_code::backup_not_found,
                 .what =
                     "there is no backup " + backup_of(ctx.job).to_string()};
  auto record = known->value_or(backup_record{});
  record.uuid = backup_of(ctx.job);
  return record;
}

bool is_to_be_fetched(const step_context& ctx, const backup_record& record) {
  return has_link(ctx) || (!record.is_good_here() && record.any_store());
}

std::int64_t size_to_fetch(const step_context& ctx,
                           const backup_record& record) {
  if (!is_to_be_fetched(ctx, record))
    return 0;
  return has_link(ctx) ? record.facts.size : record.any_store()->size;
}

step_outcome fetch_archive(step_context& ctx) {
  const auto record = record_of_restore(ctx);
  if (!record)
    return record.error();
  if (!is_to_be_fetched(ctx, *record))
    return step_done{};
  auto got = has_link(ctx)
                 ? fetch_link(ctx, record->uuid)
                 : fetch_from_stores(ctx, *record, check_for::who_waits);
  if (!got)
    return wait_for_store(ctx, std::move(got).error());
  ctx.node.archives.release(ctx.job.id);
  return step_done{.output = json{{"fetched", *got}}.dump()};
}

status look_for_far_archive(step_context& ctx) {
  const auto record = record_of_restore(ctx);
  if (!record)
    return record.error();
  if (has_link(ctx))
    return look_behind_link(ctx);
  std::optional<fault> why;
  for (const auto& place : record->places) {
    if (place.name == panel_place)
      continue;
    const auto seen = is_at(ctx, place);
    if (seen)
      return {};
    // One that may answer later is waited for.
    if (!why || seen.error().code == fault_code::store_unavailable)
      why = seen.error();
  }
  return why.value_or(
      fault{.code = fault_code::backup_lost,
            .what = "no store of ours has backup " + record->uuid.to_string()});
}

job_id fetched_by(const step_context& ctx) {
  const auto* step = ctx.job.find_step("fetch");
  return step && !step->output.empty() ? ctx.job.id : job_id{};
}

result<backup_check> check_fetched(step_context& ctx, const backup_id& backup) {
  const auto record = record_of_restore(ctx);
  if (!record)
    return record.error();
  const auto verified =
      read_archive(ctx, backup, record->facts, check_for::who_waits,
                   check_depth::sum_of_ours, ctx.job.id);
  backup_check out;
  if (verified) {
    out.facts = verified->facts;
    out.is_whole = verified->is_whole;
  } else if (verified.error().code == fault_code::backup_damaged) {
    out.damage = verified.error().what;
  } else {
    return verified.error();
  }
  return out;
}

} // namespace alula::jobs
