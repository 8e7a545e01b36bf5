#include "jobs/kinds/fetch_for_restore.hpp"

#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/fields.hpp"

#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

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
