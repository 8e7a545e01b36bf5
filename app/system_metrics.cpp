#include "app/system_metrics.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace alula::app {

namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

/// A series per system only while they are few; the worst is always there.
constexpr std::size_t most_named = 200;

prometheus::Gauge& gauge(prometheus::Registry& in, const char* name,
                         const char* help) {
  return BuildGauge().Name(name).Help(help).Register(in).Add({});
}

/// In pages, so that no answer of the ledger is longer than it must be.
std::vector<jobs::listed_system> all_of(jobs::system_records& records) {
  constexpr std::size_t page = 1'000;
  std::vector<jobs::listed_system> all;
  for (std::string after;;) {
    auto some = records.list_systems(after, page);
    if (!some || some->empty())
      return all;
    after = some->back().id;
    const bool more = some->size() == page;
    std::ranges::move(*some, std::back_inserter(all));
    if (!more)
      return all;
  }
}

} // namespace

system_metrics::system_metrics(prometheus::Registry& in)
  : received_(BuildCounter()
                  .Name("alula_system_upload_bytes_total")
                  .Help("Bytes of stored backups of systems")
                  .Register(in)
                  .Add({})),
    refusals_(BuildCounter()
                  .Name("alula_system_refusals_total")
                  .Help("Uploads of systems that were refused, by reason")
                  .Register(in)),
    systems_(gauge(in, "alula_systems", "Systems on record")),
    backups_(gauge(in, "alula_system_backups", "Stored backups of systems")),
    bytes_(gauge(in, "alula_system_backups_bytes", "Bytes of them")),
    without_(gauge(in, "alula_systems_without_backup",
                   "Systems that may send backups and have none")),
    worst_(gauge(in, "alula_last_system_backup_age_seconds_max",
                 "Age of the newest backup of the system where it is oldest")),
    fullest_(gauge(in, "alula_system_organization_fill_ratio_max",
                   "Part of its quota that the fullest organisation has "
                   "taken; 0 without a quota")),
    age_(BuildGauge()
             .Name("alula_last_system_backup_age_seconds")
             .Help("Age of each system's newest backup; only with 200 systems "
                   "or fewer")
             .Register(in)) {}

void system_metrics::refused(std::string_view why, double count) {
  refusals_.Add({{"why", std::string{why}}}).Increment(count);
}

void system_metrics::ended(const jobs::job_record& job) {
  if (job.kind != "system.backup.receive"
      || job.state != jobs::job_state::succeeded)
    return;
  const auto made = nlohmann::json::parse(job.result, nullptr, false);
  if (made.is_object())
    received_.Increment(made.value("size", 0.0));
}

void system_metrics::look(jobs::system_records& records, std::int64_t most,
                          jobs::time_ms now) {
  auto all = all_of(records);
  std::erase_if(all, [](const auto& one) { return one.destroyed_at != 0; });
  show(all, most, now);
}

void system_metrics::show(const std::vector<jobs::listed_system>& all,
                          std::int64_t most, jobs::time_ms now) {
  for (auto* old : ages_)
    age_.Remove(old);
  ages_.clear();
  std::map<std::string_view, std::int64_t> taken;
  double backups = 0, bytes = 0, without = 0, worst = 0;
  for (const auto& one : all) {
    backups += static_cast<double>(one.backups);
    bytes += static_cast<double>(one.bytes);
    taken[one.organization] += one.bytes;
    if (one.suspended_at != 0)
      continue; // it sends nothing, and nobody misses it
    if (one.newest_at == 0) {
      ++without;
      continue;
    }
    const auto age = static_cast<double>(now - one.newest_at) / 1e3;
    worst = std::max(worst, age);
    if (all.size() > most_named)
      continue;
    ages_.push_back(&age_.Add({{"system", one.id}}));
    ages_.back()->Set(age);
  }
  std::int64_t fullest = 0;
  for (const auto& [path, sum] : taken)
    fullest = std::max(fullest, sum);
  systems_.Set(static_cast<double>(all.size()));
  backups_.Set(backups);
  bytes_.Set(bytes);
  without_.Set(without);
  worst_.Set(worst);
  fullest_.Set(most > 0
                   ? static_cast<double>(fullest) / static_cast<double>(most)
                   : 0.0);
}

} // namespace alula::app
