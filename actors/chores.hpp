/// What a node does by itself: looks through the backup directory, and through
/// its stores when it knows of no backup, removes what
/// restores have replaced once it cannot be undone, finishes deletes of backups
/// that were given up, removes local archives that another place has and what
/// jobs have left in stores, and uploads beside the backups of systems, copies
/// backups to a store, looks for containers without a server, verifies and
/// rotates backups on a schedule, and asks the Panel which of those in its
/// store it has deleted.
///
/// When something is due is kept in the ledger, so a restart moves nothing; a
/// node that was off over several ticks makes up for them with one, some
/// minutes after its start. Every chore but that look is an ordinary job,
/// submitted like a client's.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/lasting_subscription.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/rotation.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {
class system_objects;
}

namespace alula::actors {

struct chore_settings {
  std::chrono::milliseconds scan_every{std::chrono::hours{24}};
  /// Every backup that can be read is verified once in this time: one after
  /// the other, the one that was not read for longest first, and a minute apart
  /// at least. A new one counts from when it was made. Zero: never.
  std::chrono::milliseconds verify_within{0};
  /// Without that: one backup each time; zero: never.
  std::chrono::milliseconds verify_every{0};
  /// All servers; zero: once a day those that have a policy of their own, and
  /// no others.
  std::chrono::milliseconds rotate_every{0};
  /// Of the servers without a policy of their own. One that is off is not
  /// submitted.
  jobs::rotation_policy policy;
  /// How often the Panel is asked for backups that only its store has; zero:
  /// never, as without a Panel.
  std::chrono::milliseconds ask_panel_every{0};
  /// A store that gets a copy of every backup in the backup directory; empty:
  /// none. What is scratch stays for it, for a day at most.
  std::string copy_to;
  /// Names of those that are looked through at a start without any backup on
  /// record: what an older ledger knew may lie there.
  std::vector<std::string> stores;
  /// 0 to 1; a tick comes up to a tenth early or late, and one that is overdue
  /// at a start up to a tenth (ten minutes at most) after it, so that a
  /// thousand nodes do not start at once.
  std::function<double()> random;
  /// Looked through at the start for what deleted servers left; null: not.
  jobs::containers* containers = nullptr;
  /// Looked through before every scan for what uploads have left, which is a
  /// job if there is anything; null: not.
  jobs::system_objects* systems = nullptr;
};

/// The engine, the ledger and the clock outlive it.
class chores {
public:
  chores(chore_settings settings, jobs::engine& engine, jobs::queries& queries,
         jobs::ledger& ledger, const jobs::clock& clock,
         alarm_clock::reading uptime = {});
  ~chores();
  chores(const chores&) = delete;
  chores& operator=(const chores&) = delete;

  /// Once, when the engine is ready: scans, and takes the schedules up.
  void start();

  /// Before the engine stops: nothing is submitted any more.
  void stop();

  /// The clock was moved. For tests.
  void look() { alarms_.look(); }

private:
  struct task;
  using interval = std::function<std::chrono::milliseconds()>;

  static constexpr std::size_t page_size = 1'000;
  static constexpr std::size_t removals_at_once = 100;
  /// A ledger that could not be read.
  static constexpr std::chrono::minutes read_again_after{1};

  void take_up(const std::string& name, const interval& how_often,
               void (chores::*run)());
  void arm(const std::shared_ptr<task>& what, jobs::time_ms at);
  void tick(const std::shared_ptr<task>& what);
  void scan();
  void scan_stores();
  void settle();
  void keep_scratch(const jobs::job_id& of_failed);
  void clean_stores(std::int64_t from);
  void copy_out(bool all);
  void submit_copy(const jobs::backup_record& backup);
  void ask_refused_copies_again();
  bool take_up_refused_copies();
  bool are_copies_unanswered() const;
  bool is_wanted_in_store(const jobs::backup_record& backup) const;
  struct verifications;
  jobs::result<verifications> look_for_verifications() const;
  std::chrono::milliseconds verify_tick() const;
  std::chrono::milliseconds tick_for(std::size_t readable) const;
  void verify_one();
  void verify_oldest();
  jobs::time_ms next_tick(std::chrono::milliseconds every) const;
  jobs::time_ms overdue_tick(std::chrono::milliseconds every) const;
  void keep(const std::string& name, jobs::time_ms next);
  void ask_panel();
  void forget_gone(const jobs::job_id& asked);
  void rotate_all();
  void remove_due();
  void look_at_containers();
  void sweep_systems();
  void clear_up_behind(const jobs::job_id& ended, std::string_view chore);
  void submit(std::string_view kind, const jobs::server_id& server,
              std::string body);
  static void log_refused(const std::string& kind, const jobs::fault& why);
  void later(std::function<void()> what);
  void again(const std::string& what, std::chrono::milliseconds after,
             std::function<void()> run);

  const chore_settings settings_;
  jobs::engine& engine_;
  jobs::queries& queries_;
  jobs::ledger& ledger_;
  const jobs::clock& clock_;
  std::atomic<bool> stopped_{false};
  std::stop_source stopping_;
  /// Backups whose verification was asked for and has told nothing since; of
  /// the chores' thread.
  std::map<jobs::backup_id, jobs::time_ms> tried_;
  /// Backups whose copy was asked for since the last scan; of the same thread.
  std::set<jobs::backup_id> copied_;
  bool has_more_to_copy_ = false;
  /// Backups whose scratch was kept since the last scan, as no other place was
  /// found to have them; of the same thread.
  std::set<jobs::backup_id> kept_scratch_;
  /// What is done again after a while; of the same thread.
  std::set<std::string> put_off_;
  /// Backups that another job held when their copy was asked for. The engine
  /// answers on any thread, at any time, and after this is gone.
  struct refused_copies {
    std::mutex mutex;
    std::set<jobs::backup_id> all;
    std::size_t unanswered = 0;
  };
  const std::shared_ptr<refused_copies> refused_ =
      std::make_shared<refused_copies>();
  std::mutex due_mutex_; ///< over due_alarm_
  alarm_clock::id due_alarm_ = 0;
  bool asks_again_ = false; ///< an alarm is set for what is left in stores
  std::int64_t newest_remains_ = 0; ///< row of the newest that was asked for
  alarm_clock alarms_;
  lasting_subscription ends_; ///< of jobs that replace trees
  task_threads thread_;       ///< last: it uses all of the above
};

} // namespace alula::actors
