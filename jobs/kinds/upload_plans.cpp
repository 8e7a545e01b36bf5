#include "jobs/kinds/upload_plans.hpp"

#include "jobs/backup.hpp"
#include "jobs/far_places.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <utility>

namespace alula::jobs {

namespace {

std::string parameter(const std::string& url, std::string_view name) {
  for (auto at = url.find('?'); at != std::string::npos;
       at = url.find('&', at + 1)) {
    const auto begin = at + 1;
    if (url.compare(begin, name.size(), name) != 0
        || url.size() <= begin + name.size() || url[begin + name.size()] != '=')
      continue;
    const auto value = begin + name.size() + 1;
    return url.substr(value, url.find('&', value) - value);
  }
  return {};
}

/// Of a presigned URL; 0 when it does not say.
time_ms expiry_of(const std::string& url) {
  // The signature before that one had seconds since 1970.
  if (const auto end = std::atoll(parameter(url, "Expires").c_str()); end > 0)
    return static_cast<time_ms>(end) * 1'000;
  const auto at = parameter(url, "X-Amz-Date");
  const auto lasts = std::atoll(parameter(url, "X-Amz-Expires").c_str());
  std::tm utc{};
  if (lasts <= 0 || !strptime(at.c_str(), "%Y%m%dT%H%M%SZ", &utc))
    return 0;
  return (static_cast<time_ms>(timegm(&utc)) + lasts) * 1'000;
}

bool is_good(const transfer_record& plan, std::int64_t size,
             const upload_rules& rules, time_ms now) {
  return plan.place == panel_place && !plan.links.empty() && plan.part_size > 0
         && count_parts(size, plan.part_size)
                <= static_cast<std::int64_t>(plan.links.size())
         && !has_expired(plan, rules, now);
}

} // namespace

bool has_expired(const transfer_record& plan, const upload_rules& rules,
                 time_ms now) {
  return plan.expires_at != 0 && now + rules.margin.count() >= plan.expires_at;
}

result<transfer_record> plan_for(step_context& ctx, const backup_id& backup,
                                 std::int64_t size, bool anew, time_ms now) {
  const auto& far = *ctx.node.far;
  const auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return known.error();
  if (!anew && *known && is_good(**known, size, far.rules, now))
    return **known;
  auto asked = ctx.node.panel.plan_upload(backup, size, ctx.stop);
  if (!asked)
    return std::move(asked).error();
  transfer_record plan;
  plan.place = panel_place;
  plan.upload = parameter(asked->urls.front(), "uploadId");
  plan.expires_at = expiry_of(asked->urls.front());
  plan.part_size = asked->part_size;
  plan.size = size;
  plan.links = std::move(asked->urls);
  if (count_parts(size, plan.part_size)
      > static_cast<std::int64_t>(plan.links.size()))
    return fault{
        .code = fault_code::panel_refused,
        .what = "the Panel has signed " + std::to_string(plan.links.size())
                + " parts of " + std::to_string(plan.part_size)
                + " bytes, too few for " + std::to_string(size) + " bytes"};
  if (*known && (*known)->place == panel_place)
    log(log_level::info, "upload-planned-anew",
        {{"backup", backup.view()}, {"abandoned_upload", (*known)->upload}});
  // On disk before the first byte leaves.
  if (auto kept = far.journal.keep(ctx.job.id, plan); !kept)
    return std::move(kept).error();
  return plan;
}

namespace {

/// Of a full store, and of parts it will never take: the links are good, and
/// every question for others leaves an upload that a Panel forgets.
bool is_final(std::string_view code) {
  constexpr std::array codes{
      std::string_view{"QuotaExceeded"},  std::string_view{"EntityTooLarge"},
      std::string_view{"EntityTooSmall"}, std::string_view{"NoSuchBucket"},
      std::string_view{"InvalidPart"},    std::string_view{"AccountProblem"},
  };
  return std::ranges::find(codes, code) != codes.end();
}

/// How an answer to a part of a Panel's upload is meant. `stale` is set when
/// other links may help.
result<object_part> part_from(const link_answer& answer, int number,
                              std::int64_t size, std::atomic<bool>& stale) {
  if (answer.status >= 200 && answer.status < 300) {
    if (answer.is_wrong)
      return fault{.code = fault_code::store_unavailable,
                   .what = "what the store has is not what was sent"};
    // The Panel refuses a report with an empty one (trap 65).
    if (answer.etag.empty())
      return fault{.code = fault_code::store_refused,
                   .what = "the store gives no ETag for a part"};
    return object_part{number, size, answer.etag};
  }
  // S3 says 400 of a part that came too slowly; 507 is a store that is full.
  const bool again = (answer.status >= 500 && answer.status != 507)
                     || answer.status == 429 || answer.status == 408
                     || answer.code == "RequestTimeout"
                     || answer.code == "SlowDown";
  // Expired, of an aborted upload, or wrong: stores differ in how they say so.
  if (!again && !is_final(answer.code)
      && (answer.status == 400 || answer.status == 401 || answer.status == 403
          || answer.status == 404 || answer.status == 410))
    stale = true;
  return fault{.code = again ? fault_code::store_unavailable
                             : fault_code::store_refused,
               .what = answer.why};
}

std::function<void(std::int64_t, const std::string&)>
telling(step_context& ctx, std::int64_t total, byte_count* through) {
  return
      [&ctx, total, through](std::int64_t bytes, const std::string& message) {
        if (through)
          *through = bytes;
        ctx.report({.done = bytes,
                    .total = std::max(total, bytes),
                    .unit = "bytes",
                    .message = message});
      };
}

} // namespace

part_sender sender_for(step_context& ctx, const transfer_record& plan,
                       std::int64_t total, std::atomic<bool>& stale,
                       std::atomic<bool>& moved, byte_count* through) {
  const auto& far = *ctx.node.far;
  part_sender by;
  by.rules = far.rules;
  by.send = [&far, &plan, &stale](int number, const byte_source& from,
                                  const transfer_tell& tell,
                                  std::stop_token stop) -> result<object_part> {
    auto answer =
        far.links.put(plan.links[static_cast<std::size_t>(number - 1)], from,
                      tell, std::move(stop));
    if (!answer)
      return std::move(answer).error();
    return part_from(*answer, number, from.size(), stale);
  };
  by.keep = [&ctx, &far, &plan, &moved](const object_part& part) {
    moved = true;
    return far.journal.keep_part(ctx.job.id, plan.upload, part);
  };
  by.tell = telling(ctx, total, through);
  return by;
}

part_sender sender_to(step_context& ctx, object_store& store,
                      const transfer_record& plan, std::int64_t total,
                      byte_count* through) {
  const auto& far = *ctx.node.far;
  part_sender by;
  by.rules = far.rules;
  by.send = [&store, &plan](int number, const byte_source& from,
                            const transfer_tell& tell, std::stop_token stop) {
    return store.put_part(plan.key, plan.upload, number, from, tell,
                          std::move(stop));
  };
  by.keep = [&ctx, &far, &plan](const object_part& part) {
    return far.journal.keep_part(ctx.job.id, plan.upload, part);
  };
  by.tell = telling(ctx, total, through);
  return by;
}

} // namespace alula::jobs
