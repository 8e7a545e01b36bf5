/// An engine that does the work: kinds of the catalog, on fakes, a thread per
/// job, over the rules of the fake ledger. For handlers whose answer depends on
/// what a job does. A step that fails is not tried again.
#pragma once

#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/next_action.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_store.hpp"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace alula::doubles {

class working_engine final : public jobs::engine {
public:
  working_engine(const jobs::ports& node, std::shared_ptr<fake_store> store,
                 const fake_clock& clock)
    : node_(node), store_(std::move(store)), clock_(clock) {
    store_->boot = 1;
  }
  ~working_engine() override {
    stop_.request_stop();
    join();
  }

  /// What the next submits answer instead.
  std::optional<jobs::fault> refuse_submit;
  bool ready = true;

  /// Until every job has ended.
  void join() {
    for (;;) {
      std::vector<std::thread> all;
      {
        const std::scoped_lock lock{mutex_};
        all = std::exchange(threads_, {});
      }
      if (all.empty())
        return;
      for (auto& one : all)
        one.join();
    }
  }
  std::vector<jobs::job_record> all_jobs() const {
    const std::scoped_lock lock{mutex_};
    std::vector<jobs::job_record> all;
    for (const auto& [id, view] : views_)
      all.push_back(view->record());
    return all;
  }

  // -- jobs::engine -----------------------------------------------------------

  bool is_ready() const override { return ready; }
  std::string not_ready_reason() const override { return ready ? "" : "boot"; }

  void submit(jobs::submission what,
              std::function<void(jobs::result<jobs::ticket>)> done) override {
    if (refuse_submit)
      return done(*refuse_submit);
    const auto* kind = jobs::standard_catalog().find(what.kind);
    const auto draft = kind->read(what);
    if (!draft)
      return done(draft.error());
    jobs::acceptance asked{.job = jobs::plan(*kind, *draft, clock_.now()),
                           .changes = draft->changes,
                           .key = {},
                           .locks = draft->locks};
    const auto got = [&] {
      const std::scoped_lock lock{store_->mutex};
      return store_->accept(asked, clock_.now());
    }();
    if (!got)
      return done(got.error());
    jobs::job_view_ptr shown;
    {
      // Whoever sees the job can join it.
      const std::scoped_lock lock{mutex_};
      shown = show_locked(got->job);
      if (got->outcome == jobs::accept_outcome::created)
        threads_.emplace_back(
            [this, kind, job = got->job] { work(*kind, job); });
    }
    done(jobs::ticket{std::move(shown), got->outcome});
  }
  void
  await(jobs::job_id id, jobs::await_for what, std::string,
        std::chrono::milliseconds limit,
        std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    const std::scoped_lock lock{mutex_};
    threads_.emplace_back([this, id, what, limit, done = std::move(done)] {
      jobs::job_view_ptr newest;
      const auto stop = stop_.get_token();
      {
        std::unique_lock waiting{mutex_};
        changed_.wait_for(waiting, stop, limit, [&] {
          newest = views_.at(id);
          const auto& job = newest->record();
          return job.is_done() || job.state == jobs::job_state::parked
                 || (what == jobs::await_for::answered && job.is_answered());
        });
      }
      // Nobody works on it any more: who asks again would ask for ever.
      if (stop.stop_requested())
        return done(jobs::fault{.code = jobs::fault_code::shutting_down,
                                .what = "the engine is stopping"});
      done(newest);
    });
  }
  jobs::job_view_ptr peek(const jobs::job_id& id) const override {
    const std::scoped_lock lock{mutex_};
    const auto found = views_.find(id);
    return found == views_.end() ? nullptr : found->second;
  }
  void
  find(jobs::job_id id,
       std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    if (auto view = peek(id))
      return done(view);
    done(unknown());
  }

  // Nobody asks the rest here.
  void
  cancel(jobs::job_id,
         std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    done(unknown());
  }
  void retry(jobs::job_id, std::optional<jobs::idempotency>,
             std::function<void(jobs::result<jobs::ticket>)> done) override {
    done(unknown());
  }
  void
  abandon(jobs::job_id, std::string,
          std::function<void(jobs::result<jobs::job_view_ptr>)> done) override {
    done(unknown());
  }
  void forget(jobs::job_id, std::function<void(jobs::status)> done) override {
    done(unknown());
  }
  void list(jobs::job_filter, std::int64_t, std::size_t,
            std::function<void(jobs::result<page>)> done) override {
    done(page{});
  }
  void events_after(
      std::int64_t, jobs::event_filter, std::size_t,
      std::function<void(jobs::result<jobs::event_page>)> done) override {
    done(jobs::event_page{});
  }
  void list_trash(
      std::function<void(jobs::result<std::vector<jobs::trash_entry>>)> done)
      override {
    done(std::vector<jobs::trash_entry>{});
  }
  jobs::summary summarize() const override { return {}; }
  void pause_pool(
      jobs::pool_pause,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override {
    done(unknown());
  }
  void resume_pool(
      std::string,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override {
    done(unknown());
  }
  std::unique_ptr<jobs::subscription>
  subscribe(jobs::event_filter,
            std::function<void(const jobs::event_batch&)>) override {
    return nullptr;
  }
  jobs::server_ptr find_server(const jobs::server_id&) const override {
    return nullptr;
  }
  std::vector<jobs::server_ptr> list_servers() const override { return {}; }
  std::vector<jobs::job_record>
  live_jobs(const jobs::server_id&) const override {
    return {};
  }
  void inspect_server(
      jobs::server_id,
      std::function<void(jobs::result<std::optional<jobs::container_info>>)>
          done) override {
    done(unknown());
  }

private:
  static jobs::fault unknown() {
    return {.code = jobs::fault_code::job_not_found, .what = "no such job"};
  }

  jobs::job_view_ptr show(const jobs::job_record& job) {
    const std::scoped_lock lock{mutex_};
    return show_locked(job);
  }
  jobs::job_view_ptr show_locked(const jobs::job_record& job) {
    auto view = std::make_shared<const jobs::job_view>(job, std::nullopt, 0);
    auto& known = views_[job.id];
    if (!known || known->record().version <= job.version)
      known = view;
    changed_.notify_all();
    return known;
  }

  /// False when the ledger refuses it; the job is then as it was.
  bool happen(jobs::job_record& job, const jobs::happening& what,
              std::vector<jobs::change> changes, jobs::fault* why = nullptr) {
    const auto next = jobs::decide(job, what, clock_.now(), {});
    if (!next)
      return false;
    const auto saved = [&] {
      const std::scoped_lock lock{store_->mutex};
      return store_->save({.after = next->after,
                           .events = next->events,
                           .changes = std::move(changes),
                           .locks = {}},
                          clock_.now());
    }();
    if (!saved) {
      if (why)
        *why = saved.error();
      return false;
    }
    job = *saved;
    show(job);
    return true;
  }

  void fail(jobs::job_record& job, const jobs::fault& why) {
    happen(job,
           jobs::happened::step_failed{why, {jobs::error_class::permanent, {}}},
           {});
  }

  void work(const jobs::kind& kind, jobs::job_record job) {
    while (!job.is_done()) {
      const auto next = jobs::next_action(job, clock_.now());
      const auto* forward = std::get_if<jobs::run_step>(&next);
      const auto* back = std::get_if<jobs::undo_step>(&next);
      if ((!forward && !back) || stop_.stop_requested())
        return;
      const auto& step = kind.steps[forward ? forward->index : back->index];
      if (!happen(job, jobs::happened::step_started{1}, {}))
        return;
      jobs::step_context ctx{job, node_, stop_.get_token(), clock_.now(),
                             [](const jobs::progress&) {}};
      if (back) {
        auto changes = std::vector<jobs::change>{};
        if (step.undo)
          if (auto outcome = step.undo(ctx);
              auto* done = std::get_if<jobs::step_done>(&outcome))
            changes = std::move(done->changes);
        if (!happen(job, jobs::happened::undo_done{}, std::move(changes)))
          return;
        continue;
      }
      auto outcome = step.run(ctx);
      if (auto* done = std::get_if<jobs::step_done>(&outcome)) {
        jobs::fault why;
        if (!happen(job,
                    jobs::happened::step_done{done->output, done->job_result},
                    std::move(done->changes), &why))
          fail(job, why);
      } else if (const auto* why = std::get_if<jobs::fault>(&outcome)) {
        fail(job, *why);
      } else {
        return; // it waits: nobody wakes it here
      }
    }
  }

  const jobs::ports& node_;
  const std::shared_ptr<fake_store> store_;
  const fake_clock& clock_;
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<jobs::job_id, jobs::job_view_ptr> views_;
  std::vector<std::thread> threads_;
};

} // namespace alula::doubles
