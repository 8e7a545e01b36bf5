/// What the two sources of actor_engine share.
#pragma once

#include "actors/actor_engine.hpp"
#include "actors/engine_parts.hpp"
#include "actors/server_registry.hpp"
#include "actors/task_threads.hpp"
#include "actors/worker_crew.hpp"
#include "actors/worker_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>

namespace alula::actors {

struct actor_engine::state final : public jobs::commit_listener {
  state(engine_settings chosen, const jobs::catalog& catalog,
        const jobs::ports& ports, jobs::ledger& book, jobs::queries& reading,
        const jobs::clock& time);

  // jobs::commit_listener, on the ledger thread
  void committed(const std::vector<jobs::event>& events,
                 const std::vector<jobs::job_record>& records,
                 const std::vector<jobs::server_ptr>& servers) override;
  void forgotten(const std::vector<jobs::job_id>& ended) override;

  // starting and stopping
  jobs::status check_pools() const;
  jobs::status adopt(const jobs::recovery& found);
  void start_actors(std::int64_t boot);
  void resume();
  void say(std::string reason);
  double draw();

  /// Why no request is taken at the moment; nothing when requests are.
  std::optional<jobs::fault> refusal() const;

  // submitting
  void accept(jobs::acceptance what, const jobs::job_id& subject,
              ticket_answer done);
  void refuse_unless_taken_before(const std::optional<jobs::idempotency>& key,
                                  jobs::fault why, ticket_answer done);
  void submit_about(jobs::acceptance what, const jobs::job_id& subject,
                    ticket_answer done);
  void submit_again(const jobs::job_record& failed, ticket_answer done);

  // reading
  using view_callback = std::function<void(jobs::result<jobs::job_view_ptr>)>;
  template<class T>
  void refuse(answer_once<T> done, jobs::fault why) {
    hub.answer_later([done, why = std::move(why)] { done(why); });
  }
  /// From memory, else on a reader thread; the callback comes at once or from
  /// there.
  void look_up(const jobs::job_id& id, view_callback done);
  jobs::fault unknown_job(const jobs::job_id& id) const;
  jobs::job_view_ptr newest_view(jobs::job_record record) const;
  template<class T>
  void read(answer_once<T> done, std::function<jobs::result<T>()> query) {
    const bool taken = readers.run([done, query = std::move(query)] {
      try {
        done(query());
      } catch (const std::exception& e) {
        done(jobs::fault{.what = std::string{"a query threw: "} + e.what()});
      }
    });
    if (!taken)
      refuse(done,
             jobs::fault{.code = jobs::fault_code::rate_limited,
                         .what = "too many questions to the ledger wait"});
  }

  const engine_settings settings;
  const jobs::catalog& kinds;
  const jobs::ports& node;
  jobs::ledger& ledger;
  jobs::queries& queries;
  const jobs::clock& clock;

  std::mutex random_mutex;
  std::mt19937_64 random{std::random_device{}()};

  enum class phase { new_born, starting, ready, stopping };
  std::atomic<phase> now_in{phase::new_born};
  mutable std::mutex reason_mutex;
  std::string reason = "alula has not read its ledger yet";
  std::mutex stop_mutex;
  bool stopped = false;
  bool begun = false; ///< ledger.begin() succeeded
  /// Shared by whoever calls the ledger from outside the actors, so that
  /// nobody does after its end.
  std::shared_mutex ledger_gate;

  std::mutex drain_mutex;
  std::condition_variable drain_changed;
  bool drained = false;

  job_board board;
  alarm_clock alarms;
  event_hub hub;
  task_threads readers;
  task_threads inspectors;
  std::shared_ptr<engine_parts> parts;
  std::map<std::string, std::shared_ptr<pool_figures>> figures;
  std::map<std::string, std::shared_ptr<worker_crew>> crews;
  system_config config;
  std::unique_ptr<caf::actor_system> system; // ends first
};

} // namespace alula::actors
