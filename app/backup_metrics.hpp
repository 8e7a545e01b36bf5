/// The figures of the servers' backups in `/metrics`.
#pragma once

#include "jobs/backup_desk.hpp"
#include "jobs/engine.hpp"
#include "jobs/job.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <vector>

namespace alula::app {

/// The registry outlives it. One show at a time; the other on any thread.
class backup_metrics {
public:
  explicit backup_metrics(prometheus::Registry& in);

  /// A job of any kind.
  void ended(const jobs::job_record& job);
  /// What the node keeps at `now`, and of which of its servers it keeps none.
  void show(const jobs::backup_usage& usage,
            const std::vector<jobs::server_ptr>& all, jobs::time_ms now);

private:
  prometheus::Counter& written_;
  prometheus::Counter& read_;
  prometheus::Histogram& time_;
  prometheus::Gauge& throughput_;
  prometheus::Gauge& backups_;
  prometheus::Gauge& bytes_;
  prometheus::Gauge& local_bytes_;
  prometheus::Gauge& unread_;
  prometheus::Gauge& disk_free_;
  prometheus::Gauge& disk_total_;
  prometheus::Gauge& servers_;
  prometheus::Gauge& without_;
  prometheus::Gauge& worst_;
  prometheus::Family<prometheus::Gauge>& age_;
  std::vector<prometheus::Gauge*> ages_; ///< of the last show
};

} // namespace alula::app
