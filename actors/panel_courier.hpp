/// Takes reports from the ledger to the Panel: in order per subject, several
/// subjects at once, again and again for days. What is told of a delivery is
/// committed before the next of its subject leaves, so after a crash a report
/// may be told twice, and never out of order or not at all.
///
/// States of containers (jobs::is_container_status) are hints, and leave beside
/// the reports of outcomes, never before one: by threads of their own, a few at
/// a time, with pauses of their own when the Panel fails at them. What a Panel
/// does not take of them is moot at once, and so is what is older than an hour:
/// that long it would have remembered it.
///
/// A Panel that cannot be reached is asked with one report at a time, less and
/// less often; when it is back the others follow. Nothing else in the node
/// waits for a report, and nothing is undone because of one.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/lasting_subscription.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/outbox.hpp"
#include "jobs/panel.hpp"
#include "jobs/report_repeats.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

namespace alula::actors {

struct courier_settings {
  std::size_t threads = 4; ///< reports under way at once
  /// Full jitter: a wait is drawn from zero to base · 2^tries, at most `cap`;
  /// at most `doubt_cap` when the Panel answered with a 4xx.
  std::chrono::milliseconds base{1'000};
  std::chrono::milliseconds cap{300'000};
  std::chrono::milliseconds doubt_cap{3'600'000};
  /// So young, the end of a transfer may be told before the Panel has committed
  /// its beginning: it starts one inside a transaction that lasts as long as
  /// its call to us, 15 seconds at most (wings-protocol 7.10 T5, 10.6).
  std::chrono::milliseconds early{20'000};
  /// A 404 in the Panel's own words may come before the Panel has committed
  /// what the report is about: its transactions last as long as its calls to
  /// us, 15 to 30 seconds. After so long, from the report on, it is no more an
  /// early one but of what was deleted there: an hour is long for any call, and
  /// for a Panel whose database is being put back, and short for what stands
  /// behind the report.
  std::chrono::milliseconds unknown_after{3'600'000};
  /// And only after so many of those 404s, as this process heard them: an hour
  /// that the Panel was away says nothing.
  int least_unknown = 5;
  /// Between two tries while the Panel cannot be reached.
  std::chrono::milliseconds pause_cap{60'000};
  /// So many times in a row a report that the Panel fails at (5xx) again is no
  /// sign of a Panel that cannot be reached: the others go on.
  int most_spared = 3;
  /// After so long, and so many tries, a report is given up.
  std::chrono::milliseconds give_up_after{std::chrono::hours{24 * 7}};
  int least_tries = 10;
  /// Whether states of containers are told. What is left of them is moot if
  /// not.
  bool tells_statuses = false;
  std::size_t status_threads = 2;
  std::size_t statuses_at_once = 32; ///< taken up together
  /// It looks by itself so often, whatever it was told.
  std::chrono::milliseconds look_every{60'000};
  std::function<double()> random = {}; ///< in [0, 1); empty: one of ours
};

/// The engine, the ledger, the Panel and the clock outlive it.
class panel_courier final : public jobs::outbox_desk,
                            public jobs::report_repeats {
public:
  panel_courier(courier_settings settings, jobs::engine& engine,
                jobs::queries& queries, jobs::ledger& ledger,
                jobs::panel& panel, const jobs::clock& clock,
                alarm_clock::reading uptime = {});
  ~panel_courier() override;
  panel_courier(const panel_courier&) = delete;
  panel_courier& operator=(const panel_courier&) = delete;

  /// Once, when the engine is ready.
  void start();

  /// Before the engine stops. What is under way is broken off, and sent again
  /// at the next start.
  void stop();

  void list(jobs::report_group which, std::int64_t after, std::size_t limit,
            std::function<void(jobs::result<jobs::report_page>)> done) override;
  jobs::outbox_figures figures() const override;

  void repeat(std::int64_t row,
              std::function<void(jobs::result<jobs::report>)> done) override;

  /// The clock was moved. For tests.
  void look() { alarms_.look(); }

private:
  /// Both clocks, read once for a whole look: what is due by the one decision
  /// is not overdue by the next.
  struct moment {
    jobs::time_ms uptime, calendar;
  };

  // -- reports of outcomes: panel_courier_deliveries.cpp, those that are told
  // again and lists: panel_courier_desk.cpp
  using repeated = std::function<void(jobs::result<jobs::report>)>;

  void tell_again(std::int64_t row, const repeated& done);
  void find_repetition(const jobs::report& of, const repeated& done);
  using delivers = void (panel_courier::*)(const jobs::report& what);

  void look_soon();
  bool queue_look();
  void look_later();
  void look_around_safely();
  void look_around();
  bool hand_out(const moment& at);
  void hand_over(task_threads& to, std::set<std::int64_t>& under_way,
                 const jobs::report& what, delivers how);
  void count();
  void arm(const moment& at, bool paused);
  void deliver(const jobs::report& what);
  void note_answer(const jobs::report& what, const jobs::delivery& came);
  void record(const jobs::report& what, const jobs::delivery& came);
  void settled(const jobs::report& what, const jobs::record_delivery& noted,
               const jobs::status& kept);
  jobs::record_delivery decide(const jobs::report& what,
                               const jobs::delivery& came);
  bool is_of_nothing(const jobs::report& what, const jobs::delivery& came);
  std::chrono::milliseconds draw(std::chrono::milliseconds most, int doublings);

  // -- states of containers: panel_courier_statuses.cpp
  void hand_out_statuses(const moment& at);
  void deliver_status(const jobs::report& what);
  bool may_leave(const jobs::report& what);
  std::string why_not(const jobs::report& what) const;
  jobs::record_delivery decide_status(const jobs::report& what,
                                      const jobs::delivery& came);
  bool takes_none(const jobs::report& what, const jobs::delivery& came);
  void note_status_answer(const jobs::delivery& came);
  void record_status(const jobs::record_delivery& noted);
  void status_is_settled(std::int64_t row, bool kept);

  const courier_settings settings_;
  jobs::engine& engine_;
  jobs::queries& queries_;
  jobs::ledger& ledger_;
  jobs::panel& panel_;
  const jobs::clock& clock_;
  std::stop_source stop_;

  /// The ledger may call back when the courier is gone.
  struct link {
    std::mutex mutex;
    panel_courier* to;
  };
  const std::shared_ptr<link> link_;

  mutable std::mutex mutex_; ///< over everything down to the alarms
  std::set<std::int64_t> under_way_;
  std::map<std::int64_t, int> unknown_; ///< open report → 404s of the Panel
  bool look_is_due_ = false;            ///< a look is queued and has not begun
  int failures_ = 0;                    ///< in a row, that met no Panel
  int spared_ = 0; ///< in a row, that met none either and do not count
  jobs::time_ms paused_until_ = 0;            ///< uptime
  std::set<std::int64_t> statuses_under_way_; ///< all are, before the next
  int status_failures_ = 0;                   ///< in a row
  jobs::time_ms statuses_paused_until_ = 0;   ///< uptime
  bool status_was_refused_ = false;           ///< and the log says so
  bool status_was_taken_ = false;
  std::set<std::string> statuses_unknown_; ///< subjects, until one was taken
  jobs::outbox_figures figures_;
  alarm_clock::id alarm_ = 0;

  alarm_clock alarms_;
  lasting_subscription news_;
  task_threads looker_;
  task_threads porters_;        ///< last: they use all of the above
  task_threads status_porters_; ///< and so do these
};

} // namespace alula::actors
