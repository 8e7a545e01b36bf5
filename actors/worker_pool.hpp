/// Matches waiting steps with worker threads.
#pragma once

#include "actors/engine_parts.hpp"
#include "actors/worker_crew.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace alula::actors {

/// For jobs::summary; written by the pool, read by any thread.
struct pool_figures {
  std::atomic<std::size_t> workers{0}, busy{0}, waiting{0};
};

/// Who waits for a worker, and who is next: the highest priority (0) first,
/// within it every server in turn, and every eighth time whoever has waited
/// longest, so that nobody waits for ever.
class waiting_line {
public:
  /// One wish per job. A second one keeps the place of the first, and is the
  /// one that is answered: the actor that wished before has crashed.
  void add(want_worker wish);
  void remove(const jobs::job_id& id);
  /// The next one, removed; nothing when nobody waits.
  std::optional<want_worker> next();
  /// The same of those that undo something, in the order they came.
  std::optional<want_worker> next_undo();
  /// All, oldest first.
  const std::list<want_worker>& waiting() const { return arrivals_; }
  std::size_t size() const { return arrivals_.size(); }

private:
  struct turn {
    std::string key;
    std::deque<jobs::job_id> jobs;
  };
  struct level {
    std::list<turn> turns; ///< next server first
    std::unordered_map<std::string, std::list<turn>::iterator> of_server;
  };
  level& level_of(const want_worker& wish);
  want_worker take(const jobs::job_id& id);

  std::array<level, 4> levels_;     ///< by priority
  std::list<want_worker> arrivals_; ///< oldest first
  std::unordered_map<jobs::job_id, std::list<want_worker>::iterator> by_job_;
  std::deque<jobs::job_id> undos_; ///< oldest first
  unsigned granted_ = 0;
};

/// The actor of one pool. Answers want_worker, drop_want, perform, worker_free,
/// replace_worker and pool_switched. While the pool is paused only what undoes
/// something gets a worker, and whoever waits is told why. A wish of a job that
/// has a worker already gets that one: the actor that asked before has crashed.
class worker_pool {
public:
  static inline const char* name = "worker_pool";

  void begin(std::shared_ptr<const engine_parts> parts,
             std::shared_ptr<worker_crew> crew, std::size_t workers,
             std::shared_ptr<pool_figures> figures, address_ptr self);

  void handle(const want_worker& m);
  void handle(const drop_want& m);
  void handle(const perform& m);
  void handle(const worker_free& m);
  void handle(const replace_worker& m);
  void handle(const pool_switched& m);
  void broke(const char* what);

private:
  struct grant {
    want_worker wish;
    step_run_ptr run; ///< null: granted, not begun
    bool replaced = false;
  };

  bool is_paused() const;
  void match();
  void release(std::uint64_t ticket);
  void tell_figures();

  std::shared_ptr<const engine_parts> parts_;
  std::shared_ptr<worker_crew> crew_;
  std::shared_ptr<pool_figures> figures_;
  address_ptr self_;
  std::size_t workers_ = 0;
  std::size_t free_ = 0;
  std::uint64_t next_ticket_ = 1;
  waiting_line line_;
  std::unordered_map<std::uint64_t, grant> grants_;
  std::unordered_map<jobs::job_id, std::uint64_t> ticket_of_;
};

caf::behavior run_worker_pool(self_of<worker_pool> self,
                              std::shared_ptr<const engine_parts> parts,
                              std::shared_ptr<worker_crew> crew,
                              std::size_t workers,
                              std::shared_ptr<pool_figures> figures,
                              address_ptr address);

} // namespace alula::actors
