/// Holds the line of one server and takes its jobs through their steps.
#pragma once

#include "actors/engine_parts.hpp"
#include "actors/server_jobs.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace alula::actors {

/// What the registry gives every life of a server's actor.
struct server_place {
  std::shared_ptr<const engine_parts> parts;
  std::string key;
  std::int64_t server_row = 0;
  std::uint64_t life = 0;
  address_ptr here; ///< points at whichever life is current
  /// Accepts that the ledger has not answered, over all lives.
  std::shared_ptr<std::atomic<int>> accepting;
};

/// One per incarnation of a server with live jobs; the jobs without a server
/// share one. Owns the live jobs and nothing durable: when a handler throws,
/// the registry starts it again from the board. Retires when no job is left.
///
/// The loop, per job: an intent (something happened) is decided by the state
/// machine, saved, and only then acted upon; with no intent left, advance()
/// looks what comes next. Effects follow the commit, never the other way.
class server_actor {
public:
  static inline const char* name = "server_actor";

  void begin(caf::event_based_actor* self, server_place place);

  void handle(const start_job& m);
  void handle(const job_accepted& m);
  void handle(const adopt_jobs& m);
  void handle(const cancel_job& m);
  void handle(const retry_job& m);
  void handle(const abandon_job& m);
  void handle(const drain& m);
  void handle(const job_saved& m);
  void handle(const worker_granted& m);
  void handle(const still_running& m);
  void handle(const step_ended& m);
  void handle(const wake_job& m);
  void handle(const look_at_run& m);
  void handle(const still_no_worker& m);
  void broke(const char* what);

private:
  // the loop: server_actor.cpp
  void happen(live_job& job, intent what);
  void pump(live_job& job);
  void save(live_job& job, intent what, jobs::decision decided);
  void settled(live_job& job, const intent& what);
  void refused(live_job& job, const intent& what, const jobs::fault& why);
  void save_failed(live_job& job, intent what, const jobs::fault& why);
  void advance(live_job& job);
  void advance_step(live_job& job, std::size_t index, bool undo);
  void nudge(live_job& job);
  void free_room(const live_job& job);
  void finish(live_job& job);
  void look_at_all();
  void look_at_preempting(const jobs::job_id& changed);
  void check_idle();

  // steps and workers: server_actor_steps.cpp
  void wish_worker(live_job& job, std::string_view pool, bool undo);
  void release_worker(live_job& job);
  void start_run(live_job& job);
  void watch_run(live_job& job);
  void ask_stalled(live_job& job);
  void call_stuck(live_job& job);
  intent intent_of(live_job& job, const step_run& run,
                   const jobs::step_outcome& outcome);
  intent failure(live_job& job, bool undo, jobs::fault why);

  // waiting, and the jobs in the way: server_actor_waiting.cpp
  live_job* preempting(const jobs::acceptance& what,
                       const jobs::job_id& subject);
  void clear_the_way(live_job& job);
  void supersede_others(const jobs::job_id& newer);
  bool is_alone(live_job& job);
  void send_others_away(const jobs::job_id& because_of);
  void send_away(live_job& other, const live_job& because_of);
  void show_waiting(live_job& job, std::string reason, std::string message);
  void wait_in_line(live_job& job, const jobs::fault& why);
  void wake_after(live_job& job, const jobs::job_view_ptr& owner,
                  std::chrono::milliseconds limit);
  void hold(live_job& job, std::chrono::milliseconds delay);
  void wake_in(live_job& job, std::chrono::milliseconds delay);
  void wake_at(live_job& job, jobs::time_ms when);
  void disarm_all(live_job& job);

  jobs::time_ms now() const { return parts().clock.now(); }
  const engine_parts& parts() const { return *place_.parts; }
  jobs::job_view_ptr view_of(const jobs::job_record& record) const;

  caf::event_based_actor* self_ = nullptr;
  server_place place_;
  server_jobs jobs_;
  std::uint64_t seen_ = 0; ///< messages from the registry
  bool draining_ = false;
};

caf::behavior run_server_actor(self_of<server_actor> self, server_place place);

} // namespace alula::actors
