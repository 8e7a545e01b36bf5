/// Sees to it that servers are what they are wanted to be: at boot it takes
/// over those that run and starts those that should, a few at a time; it
/// installs what was created to be installed, starts what has crashed by the
/// rules for crashes, and stops what uses too much disk.
///
/// What is wanted is in the ledger, so a restart forgets nothing; everything it
/// does is an ordinary job, submitted like a client's.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/lasting_subscription.hpp"
#include "actors/process_board.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/crash_rule.hpp"
#include "jobs/engine.hpp"

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::actors {

struct keeper_settings {
  jobs::crash_settings crashes;
  std::size_t starts_at_once = 4; ///< of those that a boot starts
  /// A start that takes longer goes on, and the next in line begins beside it;
  /// not while Docker is away.
  std::chrono::milliseconds start_patience{60'000};
  /// Of a Wings that ran here before (wings-protocol 9.3): read once.
  std::filesystem::path states_file;
};

/// What is passed outlives it.
class server_keeper {
public:
  server_keeper(keeper_settings settings, jobs::engine& engine,
                jobs::queries& queries, jobs::ledger& ledger,
                jobs::containers& containers, process_board& board,
                const jobs::clock& clock);
  ~server_keeper();
  server_keeper(const server_keeper&) = delete;
  server_keeper& operator=(const server_keeper&) = delete;

  /// Once, when the engine is ready.
  void start();

  /// Waits up to `limit` for what start() has begun: that the servers which run
  /// are taken over. Whether they are, as far as Docker has answered.
  bool await_first_look(std::chrono::milliseconds limit);

  /// Servers may have been registered by other means than jobs: takes up those
  /// it has not seen yet.
  void look_for_servers();

  /// Before the board and the engine stop: nothing is submitted any more.
  void stop();

  /// Whatever was queued is done. For tests.
  void settle();

private:
  void later(std::function<void()> what);
  void take_up(const std::vector<jobs::server_ptr>& all);
  void take_up_one(const jobs::server_ptr& server, bool runs);
  void read_states_once();
  bool ran_under_wings(const jobs::server_id& server) const;
  void job_ended(const jobs::event& what);
  void catch_up();
  void reinstall_failed(const jobs::job_id& reinstall);
  void ended_in_line(const jobs::job_id& job, std::string_view step);
  bool start_if_only_stopped(const jobs::job_record& reinstall);
  bool start_if_left_by_reinstall(const jobs::server_id& server);
  bool is_decided_since(const jobs::job_record& reinstall) const;
  bool is_left_to_an_end(const jobs::server_id& server) const;
  /// By its accept.
  std::optional<jobs::job_record> newest_of(const jobs::server_id& server,
                                            std::string_view kind) const;
  bool is_in_queue(const jobs::server_id& server) const;
  void queue_start(const jobs::server_id& server, std::string cause);
  void start_next();
  void has_begun(const jobs::job_id& start);
  bool lives(const jobs::job_id& job) const;
  bool waits_for_docker(const jobs::job_id& job) const;
  static bool may_be_started(const jobs::server_record& server);
  void crashed(const jobs::server_id& server, const jobs::process_end& ended);
  jobs::time_ms last_answered(const jobs::server_record& server) const;
  void note_answered(const jobs::server_id& server);
  void docker_away();
  void found_up(const jobs::server_id& server);
  void stop_typed(const jobs::server_id& server);
  void over_quota(const jobs::server_id& server);
  void submit_install(const jobs::server_record& server);
  void submit(std::string_view kind, const jobs::server_id& server,
              std::string body);
  void amend(std::vector<jobs::change> what, std::function<void()> then = {});

  /// The end of a server that was wanted up.
  struct recent_end {
    jobs::time_ms at;
    jobs::server_id server;
    bool withdrawn; ///< the wish, because of this end
  };

  struct wished_start {
    jobs::server_id server;
    std::string cause;
  };

  const keeper_settings settings_;
  jobs::engine& engine_;
  jobs::queries& queries_;
  jobs::ledger& ledger_;
  jobs::containers& containers_;
  process_board& board_;
  const jobs::clock& clock_;
  std::stop_source stopping_;

  // Of the keeper's thread.
  std::set<std::int64_t> seen_; ///< rows of servers
  bool states_read_ = false;
  std::map<std::string, std::string> states_; ///< of Wings, of a first boot
  std::deque<wished_start> queue_;
  std::deque<recent_end> ended_lately_;
  std::size_t submitting_ = 0;
  std::set<jobs::job_id> starting_; ///< those that hold a place
  jobs::time_ms caught_up_at_ = 0;  ///< with the ends of jobs until then
  /// Servers that a live job kept from being looked at then, and of which only
  /// the ends until this time are known.
  std::map<jobs::server_id, jobs::time_ms> left_to_ends_;
  jobs::time_ms begun_at_ = 0;
  /// Crashes that were answered by a start, as long as they matter.
  std::map<jobs::server_id, jobs::time_ms> answered_;

  lasting_subscription ends_;
  alarm_clock alarms_{alarm_clock::reading{}};
  task_threads thread_; ///< last: it uses all of the above
};

} // namespace alula::actors
