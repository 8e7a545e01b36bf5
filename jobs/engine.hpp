/// What the front door may ask of the engine. Every method returns at once and
/// may be called from any thread; callbacks come exactly once, from a thread
/// of the engine, and must not block.
#pragma once

#include "jobs/job.hpp"
#include "jobs/kind.hpp"
#include "jobs/ledger.hpp"
#include "jobs/pool_pause.hpp"
#include "jobs/ports.hpp"
#include "jobs/server.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

/// A request for a job, as the door read it.
struct submission {
  std::string_view kind;
  server_id server;  ///< empty for kinds that need none
  server_ptr target; ///< filled in by the engine: the live server, or null
  std::string body;  ///< the request's JSON, unread by the door; may be empty
  /// The job the request is about (undelete: the job that deleted), or empty.
  job_id subject;
  std::optional<idempotency> key;
  /// What the Panel is to hear of the request: committed with the accept, and
  /// only when it makes a new job.
  std::optional<tell_panel> report = {};
};

struct ticket {
  job_view_ptr job;
  accept_outcome outcome = accept_outcome::created;
};

/// For a waiting poller: what ends the wait.
enum class await_for {
  changed,  ///< the etag differs from the given one
  answered, ///< job.is_answered(), or the job is parked or done
  finished  ///< the job is done
};

struct summary {
  std::map<std::string, std::int64_t> jobs_by_state; ///< live states only
  std::map<std::string, std::int64_t> jobs_by_kind;  ///< live jobs only
  /// Kind and state; live jobs only.
  std::map<std::pair<std::string, std::string>, std::int64_t>
      jobs_by_kind_and_state = {};
  struct pool {
    std::string name;
    std::size_t workers = 0, busy = 0, waiting = 0;
    time_ms paused_at = 0; ///< 0: it is not
    std::string pause_reason = {};
    std::string paused_by = {}; ///< may be empty
  };
  std::vector<pool> pools;
  /// Of jobs in line and of those that try again, from the first try on; not
  /// of files that are kept for the undelete window. 0: none waits.
  time_ms oldest_waiting_since = 0;
  std::int64_t ended_since_boot = 0;
};

/// A batch of committed events, or the news that the subscriber was too slow
/// and was cut off (`lost`): it resumes from its cursor.
struct event_batch {
  std::vector<std::shared_ptr<const event>> events;
  /// Jobs whose progress moved; sampled at most once a second per job.
  std::vector<job_view_ptr> progress;
  bool lost = false;
};

/// Ends the subscription when destroyed: after that no thread is in the sink
/// and none enters it. Waits for one that is; so it is not destroyed under a
/// lock that the sink takes. The sink itself may destroy it.
class subscription {
public:
  virtual ~subscription() = default;
};

class engine {
public:
  virtual ~engine() = default;

  /// The jobs of the last boot are adopted and requests are taken.
  virtual bool is_ready() const = 0;
  /// A sentence about what the boot is doing; empty when ready.
  virtual std::string not_ready_reason() const = 0;

  /// Faults as the kind's `read`, server_not_found, server_locked, starting,
  /// shutting_down, and those of ledger::accept. A ticket means the job is on
  /// disk. A live job with the same natural key is joined; when it is parked,
  /// it is offered another go.
  virtual void submit(submission what,
                      std::function<void(result<ticket>)> done) = 0;

  /// Fault: job_not_found, past_pivot, already_finished.
  virtual void cancel(job_id id,
                      std::function<void(result<job_view_ptr>)> done) = 0;
  /// Parked: the same job goes on. Failed: a new job with `retry_of`. A key
  /// that is known leads to the job of then. Faults: job_not_found, not_parked,
  /// idempotency_mismatch, job_expired.
  virtual void retry(job_id id, std::optional<idempotency> key,
                     std::function<void(result<ticket>)> done) = 0;
  /// parked → failed. Fault: job_not_found, not_parked.
  virtual void abandon(job_id id, std::string why,
                       std::function<void(result<job_view_ptr>)> done) = 0;
  /// Forgets the record of a job that has ended. Faults: those of
  /// ledger::forget, starting, shutting_down.
  virtual void forget(job_id id, std::function<void(status)> done) = 0;

  /// From memory only; null when it is not there. Cheap enough for the I/O
  /// thread.
  virtual job_view_ptr peek(const job_id& id) const = 0;
  /// From memory or the ledger. Faults: job_not_found, job_expired.
  virtual void find(job_id id,
                    std::function<void(result<job_view_ptr>)> done) = 0;
  /// Calls back with the newest view when the condition holds or the time is
  /// up, whichever is first.
  virtual void await(job_id id, await_for what, std::string etag,
                     std::chrono::milliseconds limit,
                     std::function<void(result<job_view_ptr>)> done) = 0;

  struct page {
    std::vector<job_view_ptr> items;
    std::int64_t next_before = 0;
  };
  virtual void list(job_filter filter, std::int64_t before, std::size_t limit,
                    std::function<void(result<page>)> done) = 0;
  virtual void events_after(std::int64_t seq, event_filter filter,
                            std::size_t limit,
                            std::function<void(result<event_page>)> done) = 0;
  virtual void
  list_trash(std::function<void(result<std::vector<trash_entry>>)> done) = 0;
  virtual jobs::summary summarize() const = 0;

  /// From the answer on no step of the pool begins, over restarts too, until
  /// it is resumed. Steps that have their worker go on to their end, and what
  /// is cancelled is undone all the same. Done twice: nothing changes, the
  /// first reason stands. `since` is now, whatever it says. Faults:
  /// pool_not_found, starting, shutting_down, and those of ledger::amend.
  virtual void pause_pool(pool_pause what,
                          std::function<void(result<summary::pool>)> done) = 0;
  /// Faults as above. A pool that is not paused stays as it is.
  virtual void resume_pool(std::string pool,
                           std::function<void(result<summary::pool>)> done) = 0;

  /// Live events from now on; combine with events_after for a gapless stream:
  /// subscribe first, then read, then drop what was seen.
  virtual std::unique_ptr<subscription>
  subscribe(event_filter filter,
            std::function<void(const event_batch&)> sink) = 0;

  /// From memory; null when no live server has that uuid.
  virtual server_ptr find_server(const server_id& id) const = 0;
  virtual std::vector<server_ptr> list_servers() const = 0;
  /// From memory: the jobs of a server that have not ended, oldest first.
  virtual std::vector<job_record> live_jobs(const server_id& id) const = 0;
  /// Asks the container engine, on a worker thread, with a short deadline.
  virtual void inspect_server(
      server_id id,
      std::function<void(result<std::optional<container_info>>)> done) = 0;
};

} // namespace alula::jobs
