/// An engine without threads, a ledger, or work: jobs are what a test puts in,
/// callbacks come before the call returns (a wait: when the test ends it).
#pragma once

#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_engine final : public jobs::engine {
public:
  ~fake_engine() override; ///< in fakes.cpp, as is all that is virtual
  // -- the world, set up by the test ------------------------------------------

  bool ready = true;
  std::string boot_message = "adopting the jobs of the last boot";
  jobs::summary counters;
  std::vector<jobs::trash_entry> trash;
  std::vector<jobs::server_ptr> servers;
  /// What Docker says of every server.
  jobs::result<std::optional<jobs::container_info>> container =
      std::optional<jobs::container_info>{};
  /// What the next calls answer instead of doing their work.
  std::optional<jobs::fault> refuse_submit, refuse_cancel, refuse_retry,
      refuse_abandon, refuse_forget, refuse_list, refuse_events, refuse_trash,
      refuse_await;
  /// The same, for submissions of one kind.
  std::map<std::string, jobs::fault, std::less<>> refuse_kind;
  /// As the engine does: the kind reads the request first, and may refuse it.
  bool reads_requests = false;
  /// The job and outcome of the next submit and retry.
  jobs::ticket ticket;
  jobs::time_ms pauses_at = 1'800'000'000'000; ///< of a pool
  bool keeps_in_memory = true;                 ///< false: peek finds nothing
  std::int64_t first_retained = 1; ///< older events have been pruned
  /// Runs while events_after reads, before it calls back.
  std::function<void()> while_reading;
  /// Runs before abandon answers.
  std::function<void()> when_abandoned;

  // -- the journal ------------------------------------------------------------

  std::vector<jobs::submission> submitted;
  std::vector<std::string> abandoned_for;
  std::vector<jobs::job_id> cancelled, retried, forgotten;
  std::vector<std::optional<jobs::idempotency>> retry_keys;
  struct asked_list {
    jobs::job_filter filter;
    std::int64_t before;
    std::size_t limit;
  };
  std::vector<asked_list> lists;
  struct asked_wait {
    jobs::job_id id;
    jobs::await_for what;
    std::string etag;
    std::chrono::milliseconds limit;
  };
  std::vector<asked_wait> waits;

  // -- what the test lets happen ----------------------------------------------

  /// The job is so from now on; whoever waits for that is told.
  jobs::job_view_ptr put(jobs::job_record job, std::int64_t revision = 0,
                         std::optional<jobs::progress> progress = {}) {
    auto view = std::make_shared<const jobs::job_view>(
        std::move(job), std::move(progress), revision);
    views_[view->record().id] = view;
    wake([&](const waiter& w) {
      return w.asked.id == view->record().id && holds(w.asked, *view);
    });
    return view;
  }
  void expire(const jobs::job_id& id) { views_.erase(id); }

  /// The limit of every wait is reached.
  void let_time_pass() {
    wake([](const waiter&) { return true; });
  }
  std::size_t waiting() const { return waiters_.size(); }

  /// A committed event, with the next seq when it has none.
  jobs::event happen(jobs::event e, bool tell = true) {
    if (e.seq == 0)
      e.seq = static_cast<std::int64_t>(log_.size()) + 1;
    log_.push_back(e);
    if (tell)
      deliver({{std::make_shared<const jobs::event>(e)}, {}, false});
    return e;
  }
  void deliver(const jobs::event_batch& batch) {
    const auto sinks = sinks_; // a sink may end its subscription
    for (const auto& [key, sink] : sinks)
      sink(batch);
  }
  std::size_t subscribers() const { return sinks_.size(); }

  // -- jobs::engine -----------------------------------------------------------

  bool is_ready() const override { return ready; }
  std::string not_ready_reason() const override {
    return ready ? "" : boot_message;
  }

  void submit(jobs::submission what,
              std::function<void(jobs::result<jobs::ticket>)> done) override {
    submitted.push_back(std::move(what));
    if (reads_requests) {
      auto asked = submitted.back();
      asked.target = find_server(asked.server);
      const auto* kind = jobs::standard_catalog().find(asked.kind);
      if (const auto read = kind->read(asked); !read)
        return done(read.error());
    }
    const auto refused = refuse_kind.find(submitted.back().kind);
    if (refused != refuse_kind.end())
      done(refused->second);
    else
      refuse_submit ? done(*refuse_submit) : done(ticket);
  }
  void
  cancel(jobs::job_id id,
         std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    cancelled.push_back(id);
    refuse_cancel ? done(*refuse_cancel) : find(id, std::move(done));
  }
  void retry(jobs::job_id id, std::optional<jobs::idempotency> key,
             std::function<void(jobs::result<jobs::ticket>)> done) override {
    retried.push_back(id);
    retry_keys.push_back(std::move(key));
    refuse_retry ? done(*refuse_retry) : done(ticket);
  }
  void
  abandon(jobs::job_id id, std::string why,
          std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    abandoned_for.push_back(std::move(why));
    if (when_abandoned)
      when_abandoned();
    refuse_abandon ? done(*refuse_abandon) : find(id, std::move(done));
  }
  void forget(jobs::job_id id,
              std::function<void(jobs::status)> done) override {
    forgotten.push_back(id);
    refuse_forget ? done(*refuse_forget) : done({});
  }

  jobs::job_view_ptr peek(const jobs::job_id& id) const override {
    const auto found = views_.find(id);
    return keeps_in_memory && found != views_.end() ? found->second : nullptr;
  }
  void
  find(jobs::job_id id,
       std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    const auto found = views_.find(id);
    if (found == views_.end())
      done(jobs::fault{.code = jobs::fault_code::job_not_found,
                       .what = "no job " + id.to_string()});
    else
      done(found->second);
  }
  void
  await(jobs::job_id id, jobs::await_for what, std::string etag,
        std::chrono::milliseconds limit,
        std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    waits.push_back({id, what, std::move(etag), limit});
    if (refuse_await)
      return done(*refuse_await);
    const auto found = views_.find(id);
    if (found != views_.end() && holds(waits.back(), *found->second))
      return done(found->second);
    waiters_.push_back({waits.back(), std::move(done)});
  }

  void list(jobs::job_filter filter, std::int64_t before, std::size_t limit,
            std::function<void(jobs::result<page>)> done) override {
    lists.push_back({std::move(filter), before, limit});
    if (refuse_list)
      return done(*refuse_list);
    std::map<std::int64_t, jobs::job_view_ptr, std::greater<>> newest_first;
    for (const auto& [id, view] : views_)
      if (before == 0 || view->record().row < before)
        newest_first[view->record().row] = view;
    page out;
    for (const auto& [row, view] : newest_first) {
      if (out.items.size() == limit) {
        out.next_before = out.items.back()->record().row;
        break;
      }
      out.items.push_back(view);
    }
    done(std::move(out));
  }
  void events_after(
      std::int64_t seq, jobs::event_filter filter, std::size_t limit,
      std::function<void(jobs::result<jobs::event_page>)> done) override {
    if (refuse_events)
      return done(*refuse_events);
    jobs::event_page out;
    out.truncated = seq + 1 < first_retained;
    out.last_seq = log_.empty() ? 0 : log_.back().seq;
    for (const auto& e : log_)
      if (e.seq > seq && e.seq >= first_retained && filter.matches(e)
          && out.items.size() < limit)
        out.items.push_back(e);
    if (const auto once = std::exchange(while_reading, nullptr))
      once();
    done(std::move(out));
  }
  void list_trash(
      std::function<void(jobs::result<std::vector<jobs::trash_entry>>)> done)
      override {
    refuse_trash ? done(*refuse_trash) : done(trash);
  }
  jobs::summary summarize() const override { return counters; }
  void pause_pool(
      jobs::pool_pause what,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override {
    change_pool(what.pool, done, [&](auto& p) {
      if (p.paused_at == 0)
        p = {p.name,    p.workers,   p.busy, p.waiting,
             pauses_at, what.reason, what.by};
    });
  }
  void resume_pool(
      std::string pool,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override {
    change_pool(pool, done, [](auto& p) {
      p.paused_at = 0;
      p.pause_reason.clear();
      p.paused_by.clear();
    });
  }

  std::unique_ptr<jobs::subscription>
  subscribe(jobs::event_filter filter,
            std::function<void(const jobs::event_batch&)> sink) override {
    const auto key = next_sink_++;
    sinks_[key] = [filter = std::move(filter),
                   sink = std::move(sink)](const jobs::event_batch& batch) {
      auto mine = batch;
      std::erase_if(mine.events,
                    [&](const auto& e) { return !filter.matches(*e); });
      sink(mine);
    };
    return std::make_unique<ticket_of_sink>(*this, key);
  }

  jobs::server_ptr find_server(const jobs::server_id& id) const override {
    for (const auto& server : servers)
      if (server->uuid == id)
        return server;
    return nullptr;
  }
  std::vector<jobs::server_ptr> list_servers() const override {
    return servers;
  }
  std::vector<jobs::job_record>
  live_jobs(const jobs::server_id& id) const override {
    std::vector<jobs::job_record> out;
    for (const auto& [job, view] : views_)
      if (view->record().server == id && !view->record().is_done())
        out.push_back(view->record());
    return out;
  }
  void inspect_server(
      jobs::server_id,
      std::function<void(jobs::result<std::optional<jobs::container_info>>)>
          done) override {
    done(container);
  }

private:
  struct waiter {
    asked_wait asked;
    std::function<void(jobs::result<jobs::job_view_ptr>)> done;
  };
  class ticket_of_sink final : public jobs::subscription {
  public:
    ticket_of_sink(fake_engine& owner, int key) : owner_(owner), key_(key) {}
    ~ticket_of_sink() override { owner_.sinks_.erase(key_); }

  private:
    fake_engine& owner_;
    int key_;
  };

  static bool holds(const asked_wait& asked, const jobs::job_view& view) {
    const auto& job = view.record();
    switch (asked.what) {
    case jobs::await_for::changed:
      return view.etag() != asked.etag;
    case jobs::await_for::answered:
      return job.is_done() || job.is_answered()
             || job.state == jobs::job_state::parked;
    case jobs::await_for::finished:
      return job.is_done();
    }
    return true;
  }

  template<class Done, class Change>
  void change_pool(const std::string& name, const Done& done, Change change) {
    for (auto& pool : counters.pools)
      if (pool.name == name) {
        change(pool);
        return done(pool);
      }
    done(jobs::fault{.code = jobs::fault_code::pool_not_found,
                     .what = "no pool " + name});
  }

  template<class Which>
  void wake(Which which) {
    std::vector<waiter> due;
    for (auto w = waiters_.begin(); w != waiters_.end();) {
      if (which(*w)) {
        due.push_back(std::move(*w));
        w = waiters_.erase(w);
      } else {
        ++w;
      }
    }
    for (const auto& w : due)
      find(w.asked.id, w.done);
  }

  std::map<jobs::job_id, jobs::job_view_ptr> views_;
  std::vector<waiter> waiters_;
  std::vector<jobs::event> log_;
  std::map<int, std::function<void(const jobs::event_batch&)>> sinks_;
  int next_sink_ = 1;
};

/// A job of three steps that answers after the second, running its first.
inline jobs::job_record make_job(std::string_view kind = "server.delete",
                                 jobs::time_ms now = 1'800'000'000'000) {
  jobs::job_record job;
  static std::int64_t row = 0;
  job.row = ++row;
  job.id = jobs::make_job_id(now);
  job.kind = kind;
  job.server =
      jobs::server_id::parse("8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d").value();
  job.server_row = 12;
  job.lane = "server:12";
  job.state = jobs::job_state::running;
  job.created_at = job.run_at = job.started_at = now;
  job.answer_after = 1;
  for (const auto* name : {"stop", "detach", "purge"})
    job.steps.push_back({.name = name});
  job.steps[0].state = jobs::step_state::started;
  return job;
}

/// The job's mark is reached.
inline jobs::job_record answered(jobs::job_record job) {
  job.steps[0].state = job.steps[1].state = jobs::step_state::done;
  ++job.version;
  return job;
}

inline jobs::job_record ended(jobs::job_record job, jobs::job_state how,
                              std::optional<jobs::fault> why = {}) {
  if (how == jobs::job_state::succeeded)
    for (auto& step : job.steps)
      step.state = jobs::step_state::done;
  job.state = how;
  job.error = std::move(why);
  if (jobs::is_terminal(how))
    job.finished_at = job.created_at + 1'000;
  ++job.version;
  return job;
}

} // namespace alula::doubles
