/// A ledger in memory with a thread of its own and the semantics of the real
/// one: group commits, the listener first, then the callbacks in order. It
/// passes tests/contracts/ledger_contract.hpp.
///
/// A reboot: destroy it (or crash() it first) and make another on the same
/// fake_store.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"
#include "tests/doubles/fake_store.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <thread>

namespace alula::doubles {

class fake_ledger final : public jobs::ledger {
public:
  fake_ledger(std::shared_ptr<fake_store> store, const jobs::clock& clock)
    : store_(std::move(store)), clock_(clock) {}
  ~fake_ledger() override { crash(); }

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

  void end() override {
    stop(true);
    const std::scoped_lock lock{store_->mutex};
    if (!crashed_)
      store_->clean = true;
  }

  // -- what a test can do to it
  // ------------------------------------------------

  /// The process dies: what is not committed never is, and nobody is called.
  void crash() { stop(false); }

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
  bool held_ = false;
  bool stopping_ = false;
  bool crashed_ = false;
  std::thread thread_;
};

/// Reads the same store.
class fake_queries final : public jobs::queries {
public:
  explicit fake_queries(std::shared_ptr<fake_store> store)
    : store_(std::move(store)) {}

  jobs::result<std::optional<jobs::job_record>>
  find_job(const jobs::job_id& id) override {
    const std::scoped_lock lock{store_->mutex};
    const auto row = store_->row_of.find(id);
    if (row == store_->row_of.end())
      return std::optional<jobs::job_record>{};
    return std::optional{store_->jobs.at(row->second)};
  }

  jobs::result<jobs::job_page> list_jobs(const jobs::job_filter& filter,
                                         std::int64_t before,
                                         std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    jobs::job_page page;
    for (auto at = store_->jobs.rbegin(); at != store_->jobs.rend(); ++at) {
      if ((before != 0 && at->first >= before) || !fits(filter, at->second))
        continue;
      if (page.items.size() == limit) {
        page.next_before = page.items.back().row;
        break;
      }
      page.items.push_back(at->second);
    }
    return page;
  }

  jobs::result<jobs::event_page> events_after(std::int64_t seq,
                                              const jobs::event_filter& filter,
                                              std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    jobs::event_page page;
    if (!store_->events.empty())
      page.last_seq = store_->events.back().seq;
    for (const auto& e : store_->events)
      if (e.seq > seq && filter.matches(e) && page.items.size() < limit)
        page.items.push_back(e);
    return page;
  }

  jobs::result<std::vector<jobs::trash_entry>> list_trash() override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::trash_entry> out;
    for (const auto& [id, row] : store_->trash)
      out.push_back(row.entry);
    return out;
  }

  jobs::result<std::optional<jobs::job_record>>
  find_by_key(const jobs::idempotency& key) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->find_by_key(key);
  }

  jobs::result<std::optional<jobs::progress>>
  find_progress(std::int64_t job_row) override {
    const std::scoped_lock lock{store_->mutex};
    const auto found = store_->progress.find(job_row);
    if (found == store_->progress.end())
      return std::optional<jobs::progress>{};
    return std::optional{found->second};
  }

private:
  static bool fits(const jobs::job_filter& filter, const jobs::job_record& j) {
    const auto among = [](const auto& list, const auto& value) {
      return list.empty() || std::ranges::find(list, value) != list.end();
    };
    jobs::event like;
    like.kind = j.kind;
    jobs::event_filter kind;
    kind.kind = filter.kind;
    return among(filter.ids, j.id) && among(filter.states, j.state)
           && (filter.server.empty() || filter.server == j.server)
           && kind.matches(like)
           && (!filter.done || *filter.done == j.is_done())
           && j.created_at >= filter.created_after;
  }

  std::shared_ptr<fake_store> store_;
};

} // namespace alula::doubles
