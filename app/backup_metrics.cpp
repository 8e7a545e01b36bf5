#include "app/backup_metrics.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

namespace alula::app {

namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

const prometheus::Histogram::BucketBoundaries backup_buckets{
    1, 5, 15, 60, 300, 900, 3'600, 14'400};

/// A series per server only while they are few; the worst is always there.
constexpr std::size_t most_servers = 200;

prometheus::Gauge& backup_gauge(prometheus::Registry& in, const char* name,
                                const char* help) {
  return BuildGauge().Name(name).Help(help).Register(in).Add({});
}

prometheus::Counter& backup_counter(prometheus::Registry& in, const char* name,
                                    const char* help) {
  return BuildCounter().Name(name).Help(help).Register(in).Add({});
}

} // namespace

backup_metrics::backup_metrics(prometheus::Registry& in)
  : written_(backup_counter(in, "alula_backup_archive_bytes_total",
                            "Bytes of finished archives")),
    read_(backup_counter(in, "alula_backup_content_bytes_total",
                         "Bytes of the files in finished backups")),
    time_(BuildHistogram()
              .Name("alula_backup_seconds")
              .Help("Start to end of a backup")
              .Register(in)
              .Add({}, backup_buckets)),
    throughput_(
        backup_gauge(in, "alula_backup_last_bytes_per_second",
                     "Content bytes per second of the last finished backup")),
    backups_(backup_gauge(in, "alula_backups", "Backups on record")),
    bytes_(backup_gauge(in, "alula_backups_bytes",
                        "Bytes of their archives, wherever they lie")),
    local_bytes_(backup_gauge(in, "alula_backups_local_bytes",
                              "Bytes of those in the backup directory")),
    unread_(backup_gauge(in, "alula_backup_unverified_seconds_max",
                         "Since the last verification, or else since it was "
                         "made, of the backup where that is longest ago")),
    disk_free_(
        backup_gauge(in, "alula_backup_disk_free_bytes", "Free on their disk")),
    disk_total_(
        backup_gauge(in, "alula_backup_disk_bytes", "Size of their disk")),
    servers_(backup_gauge(in, "alula_servers", "Registered servers")),
    without_(backup_gauge(in, "alula_servers_without_backup",
                          "Servers that have no good backup")),
    worst_(backup_gauge(in, "alula_last_good_backup_age_seconds_max",
                        "Age of the last good backup of the server where it "
                        "is oldest")),
    age_(BuildGauge()
             .Name("alula_last_good_backup_age_seconds")
             .Help("Age of each server's last good backup; only with 200 "
                   "servers or fewer")
             .Register(in)) {}

void backup_metrics::ended(const jobs::job_record& job) {
  if (job.kind != "backup.create" || job.state != jobs::job_state::succeeded)
    return;
  const auto made = nlohmann::json::parse(job.result, nullptr, false);
  if (!made.is_object())
    return;
  const auto content = made.value("content_bytes", 0.0);
  const auto took = static_cast<double>(std::max<jobs::time_ms>(
                        0, job.finished_at - job.started_at))
                    / 1e3;
  written_.Increment(made.value("size", 0.0));
  read_.Increment(content);
  time_.Observe(took);
  if (took > 0)
    throughput_.Set(content / took);
}

void backup_metrics::show(const jobs::backup_usage& usage,
                          const std::vector<jobs::server_ptr>& all,
                          jobs::time_ms now) {
  backups_.Set(static_cast<double>(usage.backups));
  bytes_.Set(static_cast<double>(usage.bytes));
  local_bytes_.Set(static_cast<double>(usage.local_bytes));
  unread_.Set(usage.oldest_read_at == 0
                  ? 0
                  : static_cast<double>(now - usage.oldest_read_at) / 1e3);
  disk_free_.Set(static_cast<double>(usage.disk.free));
  disk_total_.Set(static_cast<double>(usage.disk.total));
  servers_.Set(static_cast<double>(all.size()));
  std::map<std::string, jobs::time_ms> newest;
  for (const auto& one : usage.servers)
    newest[one.server.to_string()] = one.newest_at;
  for (auto* old : ages_)
    age_.Remove(old);
  ages_.clear();
  double most = 0, none = 0;
  for (const auto& server : all) {
    const auto uuid = server->uuid.to_string();
    const auto at = newest[uuid];
    if (at == 0) {
      ++none;
      continue;
    }
    const auto old = static_cast<double>(now - at) / 1e3;
    most = std::max(most, old);
    if (all.size() > most_servers)
      continue;
    ages_.push_back(&age_.Add({{"server", uuid}}));
    ages_.back()->Set(old);
  }
  without_.Set(none);
  worst_.Set(most);
}

} // namespace alula::app
