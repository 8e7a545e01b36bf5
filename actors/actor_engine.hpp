/// Runs the jobs: implements jobs::engine with actors and worker threads.
#pragma once

#include "actors/engine_settings.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/ledger.hpp"

#include <chrono>
#include <memory>

namespace alula::actors {

/// What is passed to the constructor outlives the engine. Not ready until
/// start() has recovered the jobs of earlier boots.
class actor_engine final : public jobs::engine {
public:
  actor_engine(engine_settings settings, const jobs::catalog& kinds,
               const jobs::ports& node, jobs::ledger& ledger,
               jobs::queries& queries, const jobs::clock& clock);
  /// Stops with no grace, and waits for the workers: a step that does not
  /// return is waited for. See workers_left.
  ~actor_engine() override;

  /// Reads the ledger, adopts the jobs of earlier boots, resumes them, and
  /// returns when requests are taken. Once. Faults: those of the ledger;
  /// `internal` when a kind names a pool that the settings do not have.
  jobs::status start();

  /// Refuses new requests, asks running steps to stop, and waits up to `grace`
  /// until what they did is saved and their jobs are queued again. Then the
  /// ledger is ended. Jobs still running after the grace are taken up by the
  /// next boot. Takes about a second longer than that at worst, when the last
  /// worker returns late. Later calls do nothing.
  void stop(std::chrono::milliseconds grace);

  /// Steps that have not returned. After stop(): when there are any, end the
  /// process with _exit, because the destructor would wait for them.
  std::size_t workers_left() const;

  /// The uptime of the settings has jumped. For tests that hold the clock.
  void look_at_clock();

  bool is_ready() const override;
  std::string not_ready_reason() const override;
  void submit(jobs::submission what,
              std::function<void(jobs::result<jobs::ticket>)> done) override;
  void
  cancel(jobs::job_id id,
         std::function<void(jobs::result<jobs::job_view_ptr>)> done) override;
  void retry(jobs::job_id id, std::optional<jobs::idempotency> key,
             std::function<void(jobs::result<jobs::ticket>)> done) override;
  void
  abandon(jobs::job_id id, std::string why,
          std::function<void(jobs::result<jobs::job_view_ptr>)> done) override;
  void forget(jobs::job_id id, std::function<void(jobs::status)> done) override;
  jobs::job_view_ptr peek(const jobs::job_id& id) const override;
  void
  find(jobs::job_id id,
       std::function<void(jobs::result<jobs::job_view_ptr>)> done) override;
  void
  await(jobs::job_id id, jobs::await_for what, std::string etag,
        std::chrono::milliseconds limit,
        std::function<void(jobs::result<jobs::job_view_ptr>)> done) override;
  void list(jobs::job_filter filter, std::int64_t before, std::size_t limit,
            std::function<void(jobs::result<page>)> done) override;
  void events_after(
      std::int64_t seq, jobs::event_filter filter, std::size_t limit,
      std::function<void(jobs::result<jobs::event_page>)> done) override;
  void list_trash(
      std::function<void(jobs::result<std::vector<jobs::trash_entry>>)> done)
      override;
  jobs::summary summarize() const override;
  void pause_pool(
      jobs::pool_pause what,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override;
  void resume_pool(
      std::string pool,
      std::function<void(jobs::result<jobs::summary::pool>)> done) override;
  std::unique_ptr<jobs::subscription>
  subscribe(jobs::event_filter filter,
            std::function<void(const jobs::event_batch&)> sink) override;
  jobs::server_ptr find_server(const jobs::server_id& id) const override;
  std::vector<jobs::server_ptr> list_servers() const override;
  std::vector<jobs::job_record>
  live_jobs(const jobs::server_id& id) const override;
  void inspect_server(
      jobs::server_id id,
      std::function<void(jobs::result<std::optional<jobs::container_info>>)>
          done) override;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace alula::actors
