/// An engine that knows servers and whether their containers run, nothing of
/// jobs: enough for the websocket.
#pragma once

#include "jobs/engine.hpp"

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

/// Any thread. Job methods must not be called, but for submit, and for what
/// follows jobs: those answer what a test has put in.
class servers_only final : public jobs::engine {
public:
  void add(const jobs::server_id& id,
           jobs::server_state state = jobs::server_state::active) {
    auto record = std::make_shared<jobs::server_record>();
    record->uuid = id;
    record->state = state;
    const std::lock_guard lock{mutex_};
    servers_[id] = std::move(record);
  }
  void remove(const jobs::server_id& id) {
    const std::lock_guard lock{mutex_};
    servers_.erase(id);
  }
  /// The answer of inspect_server from now on.
  void answer(jobs::result<std::optional<jobs::container_info>> what) {
    const std::lock_guard lock{mutex_};
    answer_ = std::move(what);
  }
  void answer_running(bool running) {
    answer(std::optional{jobs::container_info{
        "c", "c", running ? "running" : "exited", running}});
  }

  jobs::result<std::optional<jobs::container_info>> inspect_now() const {
    const std::lock_guard lock{mutex_};
    return answer_;
  }

  bool ready = true;
  /// Called by find_server before and after it looks.
  std::function<void()> before_find;
  std::function<void()> after_find;

  bool is_ready() const override { return ready; }
  std::string not_ready_reason() const override { return "reading the ledger"; }
  jobs::server_ptr find_server(const jobs::server_id& id) const override {
    if (before_find)
      before_find();
    auto found = look_up(id);
    if (after_find)
      after_find();
    return found;
  }
  std::vector<jobs::server_ptr> list_servers() const override { return {}; }
  std::vector<jobs::job_record>
  live_jobs(const jobs::server_id& server) const override {
    std::vector<jobs::job_record> out;
    for (const auto& job : live)
      if (job->record().server == server && !job->record().is_done())
        out.push_back(job->record());
    return out;
  }
  void inspect_server(
      jobs::server_id,
      std::function<void(jobs::result<std::optional<jobs::container_info>>)>
          done) override {
    done(inspect_now());
  }

  /// What was submitted; each is answered with `taken`.
  std::vector<jobs::submission> submitted;
  jobs::result<jobs::ticket> taken = jobs::ticket{};
  std::vector<jobs::job_view_ptr> live;               ///< jobs under way
  std::function<void(const jobs::event_batch&)> sink; ///< of the subscriber
  int subscriptions = 0;

  void submit(jobs::submission what,
              std::function<void(jobs::result<jobs::ticket>)> done) override {
    submitted.push_back(std::move(what));
    done(taken);
  }
  void cancel(jobs::job_id,
              std::function<void(jobs::result<jobs::job_view_ptr>)>) override {
    std::abort();
  }
  void retry(jobs::job_id, std::optional<jobs::idempotency>,
             std::function<void(jobs::result<jobs::ticket>)>) override {
    std::abort();
  }
  void abandon(jobs::job_id, std::string,
               std::function<void(jobs::result<jobs::job_view_ptr>)>) override {
    std::abort();
  }
  void forget(jobs::job_id, std::function<void(jobs::status)>) override {
    std::abort();
  }
  jobs::job_view_ptr peek(const jobs::job_id& id) const override {
    for (const auto& job : live)
      if (job->record().id == id)
        return job;
    return nullptr;
  }
  void find(jobs::job_id,
            std::function<void(jobs::result<jobs::job_view_ptr>)>) override {
    std::abort();
  }
  void await(jobs::job_id, jobs::await_for, std::string,
             std::chrono::milliseconds,
             std::function<void(jobs::result<jobs::job_view_ptr>)>) override {
    std::abort();
  }
  void list(jobs::job_filter, std::int64_t, std::size_t,
            std::function<void(jobs::result<page>)>) override {
    std::abort();
  }
  void
  events_after(std::int64_t, jobs::event_filter, std::size_t,
               std::function<void(jobs::result<jobs::event_page>)>) override {
    std::abort();
  }
  void
  list_trash(std::function<void(jobs::result<std::vector<jobs::trash_entry>>)>)
      override {
    std::abort();
  }
  jobs::summary summarize() const override { std::abort(); }
  void
  pause_pool(jobs::pool_pause,
             std::function<void(jobs::result<jobs::summary::pool>)>) override {
    std::abort();
  }
  void
  resume_pool(std::string,
              std::function<void(jobs::result<jobs::summary::pool>)>) override {
    std::abort();
  }
  std::unique_ptr<jobs::subscription>
  subscribe(jobs::event_filter,
            std::function<void(const jobs::event_batch&)> told) override {
    ++subscriptions;
    sink = std::move(told);
    return nullptr;
  }

private:
  jobs::server_ptr look_up(const jobs::server_id& id) const {
    const std::lock_guard lock{mutex_};
    const auto found = servers_.find(id);
    return found == servers_.end() ? nullptr : found->second;
  }

  mutable std::mutex mutex_;
  std::map<jobs::server_id, jobs::server_ptr> servers_;
  jobs::result<std::optional<jobs::container_info>> answer_{
      std::optional<jobs::container_info>{}};
};

} // namespace alula::http
