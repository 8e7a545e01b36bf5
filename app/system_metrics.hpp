/// The figures of systems and their backups in `/metrics`.
#pragma once

#include "jobs/job.hpp"
#include "jobs/system_backup.hpp"

#include <cstdint>
#include <map>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <string>
#include <string_view>
#include <vector>

namespace alula::app {

/// The registry outlives it. One look at a time; the others on any thread.
class system_metrics {
public:
  explicit system_metrics(prometheus::Registry& in);

  /// An upload was refused before its body; `why` is one of few words.
  void refused(std::string_view why, double count);
  /// A job of any kind.
  void ended(const jobs::job_record& job);
  /// Reads what is on record; blocks. `most`: bytes an organisation may have,
  /// 0 for no limit.
  void look(jobs::system_records& records, std::int64_t most,
            jobs::time_ms now);

private:
  void show(const std::vector<jobs::listed_system>& all, std::int64_t most,
            jobs::time_ms now);

  prometheus::Counter& received_;
  prometheus::Family<prometheus::Counter>& refusals_;
  prometheus::Gauge& systems_;
  prometheus::Gauge& backups_;
  prometheus::Gauge& bytes_;
  prometheus::Gauge& without_;
  prometheus::Gauge& worst_;
  prometheus::Gauge& fullest_;
  prometheus::Family<prometheus::Gauge>& age_;
  std::vector<prometheus::Gauge*> ages_; ///< of the last look
};

} // namespace alula::app
