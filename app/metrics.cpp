#include "app/metrics.hpp"

#include "app/backup_metrics.hpp"
#include "app/docker_gauge.hpp"
#include "app/system_metrics.hpp"
#include "jobs/measures.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <set>
#include <utility>
#include <vector>

namespace alula::app {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using buckets = Histogram::BucketBoundaries;

/// From an inspect to the purge of a million files.
const buckets step_buckets{0.01, 0.1, 1, 10, 60, 600, 3'600, 21'600};
const buckets commit_buckets{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                             0.05,   0.1,   0.25,  1,     5};
const buckets call_buckets{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};

template<class Build>
auto& family(prometheus::Registry& in, Build build, const char* name,
             const char* help) {
  return build().Name(name).Help(help).Register(in);
}

std::string text_of_state(jobs::job_state s) {
  return std::string{jobs::to_string(s)};
}

} // namespace

struct metrics::core {
  explicit core(sources given) : from(std::move(given)) {}

  void take(jobs::measure what, double value, std::string_view label);
  void take_ended(const jobs::job_record& job);
  void look();
  void look_at_jobs();

  Family<Gauge>& gauges(const char* name, const char* help) {
    return family(registry, prometheus::BuildGauge, name, help);
  }
  Family<Counter>& counters(const char* name, const char* help) {
    return family(registry, prometheus::BuildCounter, name, help);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return family(registry, prometheus::BuildHistogram, name, help);
  }

  sources from;
  prometheus::Registry registry;
  std::mutex looking; ///< one look at a time, and none after the stop
  std::mutex subscribing;
  std::unique_ptr<jobs::subscription> subscribed;
  std::atomic<bool> lost{true};

  Family<Gauge>& live = gauges("alula_jobs", "Live jobs by state");
  Family<Gauge>& kinds =
      gauges("alula_jobs_by_kind", "Live jobs by kind and state");
  Gauge& oldest = gauges("alula_job_oldest_waiting_seconds",
                         "How long the oldest waiting job waits")
                      .Add({});
  Family<Gauge>& workers = gauges("alula_pool_workers", "Worker threads");
  Family<Gauge>& busy = gauges("alula_pool_busy", "Workers that run a step");
  Family<Gauge>& queued = gauges("alula_pool_waiting", "Steps that wait");
  Family<Gauge>& paused = gauges("alula_pool_paused_seconds",
                                 "How long the pool is paused; 0: it is not");
  Family<Counter>& ended =
      counters("alula_jobs_ended_total", "Jobs that ended, by kind and state");
  Family<Histogram>& steps =
      histograms("alula_step_seconds", "From the first try of a step to its "
                                       "end");
  Family<Counter>& retries = counters(
      "alula_step_retries_total", "Failed tries of steps that are tried again");
  Gauge& reports =
      gauges("alula_outbox_open", "Reports the Panel was not told yet").Add({});
  Gauge& dead =
      gauges("alula_outbox_dead", "Reports the Panel was never told").Add({});
  Gauge& report_age =
      gauges("alula_outbox_oldest_seconds", "Age of the oldest open report")
          .Add({});
  backup_metrics of_backups{registry};
  /// Kinds and states that were seen.
  std::set<std::pair<std::string, std::string>> named;
  bool stopped = false;
  Gauge& trash =
      gauges("alula_trash_entries", "Deleted servers in the trash").Add({});
  Gauge& trash_size =
      gauges("alula_trash_bytes", "Bytes of all trees in the trash").Add({});
  Counter& purged =
      counters("alula_purge_entries_total", "Files and directories removed")
          .Add({});
  Counter& freed =
      counters("alula_purge_bytes_total", "Bytes of disk that freed").Add({});
  Histogram& commits =
      histograms("alula_ledger_commit_seconds", "Group commits with their "
                                                "fsync")
          .Add({}, commit_buckets);
  Histogram& syncs =
      histograms("alula_ledger_fsync_seconds", "Fsyncs of the write-ahead log")
          .Add({}, commit_buckets);
  Gauge& log_bytes =
      gauges("alula_ledger_wal_bytes", "Size of the write-ahead log").Add({});
  Family<Histogram>& docker =
      histograms("alula_docker_call_seconds", "Calls of Docker's API");
  Family<Counter>& docker_failures =
      counters("alula_docker_failures_total",
               "Calls of Docker without an answer, or answered by a 5xx");
  Counter& polls =
      counters("alula_polls_total", "Jobs that were shown").Add({});
  docker_gauge docker_up{registry};
  system_metrics of_systems{registry};
  Family<Gauge>& door =
      gauges("alula_door", "Open connections, unanswered requests, event "
                           "streams, websockets, transfers");
};

void metrics::core::take(jobs::measure what, double value,
                         std::string_view label) {
  const auto of = [&] {
    return prometheus::Labels{{"method", std::string{label}}};
  };
  switch (what) {
  case jobs::measure::ledger_commit_seconds:
    return commits.Observe(value);
  case jobs::measure::ledger_fsync_seconds:
    return syncs.Observe(value);
  case jobs::measure::ledger_log_bytes:
    return log_bytes.Set(value);
  case jobs::measure::docker_call_seconds:
    return docker.Add(of(), call_buckets).Observe(value);
  case jobs::measure::docker_failure:
    return docker_failures.Add(of()).Increment(value);
  case jobs::measure::step_retry: {
    const auto space = label.find(' ');
    return retries
        .Add({{"kind", std::string{label.substr(0, space)}},
              {"step", std::string{label.substr(space + 1)}}})
        .Increment(value);
  }
  case jobs::measure::poll:
    return polls.Increment(value);
  case jobs::measure::purged_entries:
    return purged.Increment(value);
  case jobs::measure::purged_bytes:
    return freed.Increment(value);
  case jobs::measure::system_refusal:
    return of_systems.refused(label, value);
  }
}

/// Kinds and steps are words of the catalog, so their number is bounded.
void metrics::core::take_ended(const jobs::job_record& job) {
  ended.Add({{"kind", job.kind}, {"state", text_of_state(job.state)}})
      .Increment();
  const auto seconds = [](jobs::time_ms begin, jobs::time_ms end) {
    return static_cast<double>(std::max<jobs::time_ms>(0, end - begin)) / 1e3;
  };
  for (const auto& step : job.steps) {
    if (step.started_at != 0 && step.finished_at != 0)
      steps.Add({{"kind", job.kind}, {"step", step.name}}, step_buckets)
          .Observe(seconds(step.started_at, step.finished_at));
  }
  of_systems.ended(job);
  of_backups.ended(job);
}

void metrics::core::look_at_jobs() {
  const auto sum = from.engine.summarize();
  for (const auto state :
       {jobs::job_state::queued, jobs::job_state::running,
        jobs::job_state::retry_wait, jobs::job_state::cancelling,
        jobs::job_state::parked}) {
    const auto name = text_of_state(state);
    const auto found = sum.jobs_by_state.find(name);
    live.Add({{"state", name}})
        .Set(found == sum.jobs_by_state.end()
                 ? 0.0
                 : static_cast<double>(found->second));
  }
  for (const auto& [what, count] : sum.jobs_by_kind_and_state)
    named.insert(what); // without jobs it falls to 0
  for (const auto& what : named) {
    const auto found = sum.jobs_by_kind_and_state.find(what);
    kinds.Add({{"kind", what.first}, {"state", what.second}})
        .Set(found == sum.jobs_by_kind_and_state.end()
                 ? 0.0
                 : static_cast<double>(found->second));
  }
  const auto now = from.clock.now();
  const auto age_of = [now](jobs::time_ms since) {
    return since == 0 ? 0.0 : static_cast<double>(now - since) / 1e3;
  };
  oldest.Set(age_of(sum.oldest_waiting_since));
  for (const auto& pool : sum.pools) {
    const prometheus::Labels labels{{"pool", pool.name}};
    workers.Add(labels).Set(static_cast<double>(pool.workers));
    busy.Add(labels).Set(static_cast<double>(pool.busy));
    queued.Add(labels).Set(static_cast<double>(pool.waiting));
    paused.Add(labels).Set(age_of(pool.paused_at));
  }
  const auto told = from.outbox.figures();
  reports.Set(static_cast<double>(told.open));
  dead.Set(static_cast<double>(told.dead));
  report_age.Set(age_of(told.oldest_open_at));
}

namespace {

/// What a desk answers, within a second or two.
template<class T, class Ask>
std::optional<T> await_answer(Ask ask) {
  auto promise = std::make_shared<std::promise<std::optional<T>>>();
  auto answer = promise->get_future();
  ask([promise](const jobs::result<T>& got) {
    promise->set_value(got ? std::optional<T>{*got} : std::nullopt);
  });
  if (answer.wait_for(std::chrono::seconds{2}) != std::future_status::ready)
    return std::nullopt;
  return answer.get();
}

} // namespace

void metrics::core::look() {
  look_at_jobs();
  const auto now = from.clock.now();
  if (const auto usage = await_answer<jobs::backup_usage>(
          [&](auto then) { from.backups.usage(std::move(then)); }))
    of_backups.show(*usage, from.engine.list_servers(), now);
  docker_up.look(from.facts);
  docker_up.show_unresponsive(from.unresponsive());
  if (from.systems)
    of_systems.look(*from.systems, from.organization_quota, from.clock.now());
  if (const auto entries = await_answer<std::vector<jobs::trash_entry>>(
          [&](auto then) { from.engine.list_trash(std::move(then)); }))
    trash.Set(static_cast<double>(entries->size()));
  trash_size.Set(static_cast<double>(from.trash_bytes()));
  const auto f = from.door();
  for (const auto& [what, count] : {std::pair{"connections", f.connections},
                                    {"pending", f.pending},
                                    {"streams", f.streams},
                                    {"websockets", f.websockets},
                                    {"transfers", f.transfers}})
    door.Add({{"what", what}}).Set(static_cast<double>(count));
}

metrics::metrics(sources from)
  : core_(std::make_shared<core>(std::move(from))) {
  jobs::set_measure_sink(
      [core = core_](jobs::measure what, double value, std::string_view label) {
        core->take(what, value, label);
      });
}

metrics::~metrics() {
  stop();
}

void metrics::stop() {
  jobs::set_measure_sink(nullptr);
  {
    const std::scoped_lock lock{core_->looking};
    core_->stopped = true;
  }
  const std::scoped_lock lock{core_->subscribing};
  core_->subscribed.reset();
}

void metrics::listen() {
  const std::scoped_lock lock{core_->subscribing};
  if (!core_->lost.exchange(false))
    return;
  core_->subscribed = core_->from.engine.subscribe(
      {}, [mine = std::weak_ptr{core_}](const jobs::event_batch& batch) {
        const auto self = mine.lock();
        if (!self)
          return;
        if (batch.lost)
          self->lost = true;
        for (const auto& e : batch.events) {
          const bool is_end = e->type == "job.succeeded"
                              || e->type == "job.failed"
                              || e->type == "job.cancelled";
          if (!is_end)
            continue;
          self->from.engine.find(
              e->job, [self](const jobs::result<jobs::job_view_ptr>& job) {
                if (job)
                  self->take_ended((*job)->record());
              });
        }
      });
}

std::string metrics::text() {
  const std::scoped_lock lock{core_->looking};
  if (core_->stopped)
    return {};
  listen(); // again, when it was too slow once
  core_->look();
  return prometheus::TextSerializer{}.Serialize(core_->registry.Collect());
}

} // namespace alula::app
