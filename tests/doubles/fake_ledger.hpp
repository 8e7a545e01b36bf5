/// A ledger in memory with a thread of its own and the semantics of the real
/// one: group commits, the listener first, then the callbacks in order. It
/// passes every tests/contracts/*_ledger_contract.hpp.
///
/// A reboot: destroy it (or crash() it first) and make another on the same
/// fake_store.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"
#include "tests/doubles/fake_store.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <thread>

namespace alula::doubles {

class fake_ledger final : public jobs::ledger {
public:
  fake_ledger(std::shared_ptr<fake_store> store, const jobs::clock& clock)
    : store_(std::move(store)), clock_(clock) {}
  ~fake_ledger() override; ///< in fakes.cpp, as is all that is virtual

  jobs::result<jobs::recovery> begin(jobs::commit_listener& listener) override {
    listener_ = &listener;
    jobs::recovery found;
    {
      const std::scoped_lock lock{store_->mutex};
      found.boot = ++store_->boot;
      found.previous_was_clean = store_->clean;
      store_->clean = false;
      for (const auto& [row, server] : store_->servers)
        if (server.record.state != jobs::server_state::deleted)
          found.servers.push_back(server.record);
      for (const auto row : store_->live)
        found.jobs.push_back(store_->jobs.at(row));
      for (const auto& job : found.jobs)
        if (store_->ended_boots.contains(job.boot))
          found.ended_boots.insert(job.boot);
      for (const auto& [job, left] : store_->trash)
        if (!store_->live.contains(store_->row_of.at(job)))
          found.left_trash.push_back(job);
      for (const auto& [name, pause] : store_->paused_pools)
        found.paused_pools.push_back(pause);
      if (!store_->events.empty())
        found.last_event_seq = store_->events.back().seq;
    }
    thread_ = std::thread{[this] { run(); }};
    return found;
  }

  void accept(jobs::acceptance what,
              std::function<void(jobs::result<jobs::accepted>)> done) override {
    enqueue([this, what = std::move(what), done = std::move(done)] {
      auto outcome = take_fault(refuse_accept);
      auto r = outcome ? jobs::result<jobs::accepted>{*outcome}
                       : store_->accept(what, clock_.now());
      accepted_ = r.has_value();
      return [done, r = std::move(r)] { done(r); };
    });
  }

  void save(jobs::save what,
            std::function<void(jobs::result<jobs::job_record>)> done) override {
    enqueue([this, what = std::move(what), done = std::move(done)] {
      auto outcome =
          what.changes.empty() ? std::nullopt : take_fault(refuse_changes);
      auto r = outcome ? jobs::result<jobs::job_record>{*outcome}
                       : store_->save(what, clock_.now());
      return [done, r = std::move(r)] { done(r); };
    });
  }

  void amend(std::vector<jobs::change> what,
             std::function<void(jobs::status)> done) override {
    enqueue([this, what = std::move(what), done = std::move(done)] {
      auto r = store_->amend(what, clock_.now());
      return [done, r] { done(r); };
    });
  }

  void burn_token(std::string id, jobs::time_ms expires_at,
                  std::function<void(jobs::result<bool>)> done) override {
    enqueue([this, id = std::move(id), expires_at, done = std::move(done)] {
      const bool is_new = store_->burnt.emplace(id, expires_at).second;
      return [done, is_new] { done(is_new); };
    });
  }

  void save_progress(std::int64_t job_row, jobs::progress what) override {
    const std::scoped_lock lock{store_->mutex};
    store_->progress[job_row] = std::move(what);
  }

  void forget(jobs::job_id id,
              std::function<void(jobs::status)> done) override {
    enqueue([this, id, done = std::move(done)] {
      auto r = store_->forget(id);
      if (r)
        forgotten_.push_back(id);
      return [done, r] { done(r); };
    });
  }

  void ending() override {
    enqueue([this] {
      store_->ended_boots.insert(store_->boot);
      return [] {};
    });
  }

  void end() override {
    ending();
    stop(true);
    const std::scoped_lock lock{store_->mutex};
    if (!crashed_)
      store_->clean = true;
  }

  // -- what a test can do to it -----------------------------------------------

  /// The process dies: what is not committed never is, and nobody is called.
  void crash() { stop(false); }

  /// The process dies right after the commit of the next accept: nobody is
  /// told of it. Then crash().
  void die_after_next_accept() {
    const std::scoped_lock lock{mutex_};
    dies_ = true;
  }
  bool wait_until_dead() {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{30},
                             [this] { return dead_; });
  }

  /// Commits wait until release(): the disk is slow.
  void hold() { set_held(true); }
  void release() { set_held(false); }

  /// The next accept, or the next save with changes, is refused with this.
  std::optional<jobs::fault> refuse_accept, refuse_changes; ///< before begin()
  void refuse_next_changes(jobs::fault why) {
    const std::scoped_lock lock{mutex_};
    refuse_changes = std::move(why);
  }

private:
  /// Runs in the commit; returns what is called after it.
  using call = std::function<std::function<void()>()>;

  void enqueue(call what) {
    {
      const std::scoped_lock lock{mutex_};
      if (stopping_)
        return;
      calls_.push_back(std::move(what));
    }
    changed_.notify_all();
  }

  std::optional<jobs::fault> take_fault(std::optional<jobs::fault>& from) {
    const std::scoped_lock lock{mutex_};
    return std::exchange(from, std::nullopt);
  }

  void set_held(bool held) {
    {
      const std::scoped_lock lock{mutex_};
      held_ = held;
    }
    changed_.notify_all();
  }

  bool dies() {
    {
      const std::scoped_lock lock{mutex_};
      dead_ = dies_;
      held_ = held_ || dead_; // nothing more is committed
    }
    changed_.notify_all();
    return dead_;
  }

  void stop(bool cleanly) {
    {
      const std::scoped_lock lock{mutex_};
      if (!cleanly && !stopping_) {
        crashed_ = true;
        calls_.clear();
      }
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
      thread_.join();
  }

  void run() {
    std::unique_lock lock{mutex_};
    while (true) {
      changed_.wait(
          lock, [this] { return stopping_ || (!held_ && !calls_.empty()); });
      if (calls_.empty() || crashed_)
        return;
      auto group = std::exchange(calls_, {});
      lock.unlock();
      commit(group);
      lock.lock();
    }
  }

  void commit(const std::deque<call>& group) {
    std::vector<std::function<void()>> callbacks;
    std::vector<jobs::event> events;
    std::vector<jobs::job_record> records;
    std::vector<jobs::server_ptr> servers;
    {
      const std::scoped_lock lock{store_->mutex};
      for (const auto& c : group)
        callbacks.push_back(c());
      events = std::exchange(store_->new_events, {});
      records = std::exchange(store_->new_jobs, {});
      servers = std::exchange(store_->new_servers, {});
    }
    if (std::exchange(accepted_, false) && dies())
      return;
    if (!events.empty() || !records.empty() || !servers.empty())
      listener_->committed(events, records, servers);
    if (!forgotten_.empty())
      listener_->forgotten(std::exchange(forgotten_, {}));
    for (const auto& callback : callbacks)
      callback();
  }

  std::shared_ptr<fake_store> store_;
  const jobs::clock& clock_;
  jobs::commit_listener* listener_ = nullptr;
  std::vector<jobs::job_id> forgotten_; ///< of the ledger thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<call> calls_;
  bool accepted_ = false; ///< of the ledger thread
  bool held_ = false;
  bool dies_ = false;
  bool dead_ = false;
  bool stopping_ = false;
  bool crashed_ = false;
  std::thread thread_;
};

} // namespace alula::doubles
