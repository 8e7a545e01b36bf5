/// What the sources of actor_engine share.
#pragma once

#include "actors/actor_engine.hpp"
#include "actors/engine_parts.hpp"
#include "actors/pool_pauses.hpp"
#include "actors/server_registry.hpp"
#include "actors/stopping.hpp"
#include "actors/task_threads.hpp"
#include "actors/worker_crew.hpp"
#include "actors/worker_pool.hpp"
#include "jobs/lifecycle.hpp"

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
  jobs::result<jobs::decision> adopted(const jobs::job_record& job,
                                       const jobs::recovery& found);
  std::int64_t done_before_crash(const jobs::job_record& job);
  void start_actors(std::int64_t boot);
  void resume();
  void say(std::string reason);
  double draw();

  /// Why no request is taken at the moment; nothing when requests are.
  std::optional<jobs::fault> refusal() const;

  // what earlier boots have left in the trash, or taken out of it
  void look_after_trash(const std::vector<jobs::job_id>& left);
  void finish_unrecorded(const std::vector<std::string>& names,
                         const std::vector<jobs::job_id>& recorded);
  void settle_undeletes(const std::vector<std::string>& names);
  void put_back(const jobs::trash_entry& entry);

  // submitting
  void take(jobs::submission what, const ticket_answer& answer);
  void accept(jobs::acceptance what, const jobs::job_id& subject,
              ticket_answer done);
  void refuse_unless_taken_before(const std::optional<jobs::idempotency>& key,
                                  jobs::fault why, ticket_answer done);
  void replay(const jobs::job_view_ptr& known, const ticket_answer& done);
  void submit_about(jobs::acceptance what, const jobs::job_id& subject,
                    ticket_answer done);
  using request_key = std::optional<jobs::idempotency>;
  void find_taken(const jobs::idempotency& key,
                  std::function<void(jobs::result<jobs::job_view_ptr>)> done);
  void try_again(const jobs::job_id& id, request_key key, ticket_answer done);
  void submit_again(const jobs::job_record& failed, request_key key,
                    ticket_answer done);
  void finish_for(const jobs::job_id& given_up, ticket_answer done,
                  request_key key = {});
  void finish_after(const jobs::job_record& abandoned);
  static ticket_answer tell_refusal(const jobs::job_id& left_by);
  template<class T, class Ended, class Message>
  void ask_about(const jobs::job_id& id, answer_once<T> answer, Ended ended,
                 Message message);

  // pools
  jobs::summary::pool show_pool(const std::string& name) const;
  void change_pool(const std::string& name, jobs::change what,
                   std::function<void()> apply, pool_answer done);
  void remember_pauses(const std::vector<jobs::pool_pause>& standing);

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
    const bool taken = readers.run([this, done, query = std::move(query)] {
      try {
        done(closing ? jobs::result<T>{stopping()} : query());
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
  std::atomic<bool> closing{false}; ///< reads that wait are refused
  bool begun = false;               ///< ledger.begin() succeeded
  /// Shared by whoever calls the ledger from outside the actors, so that
  /// nobody does after its end.
  std::shared_mutex ledger_gate;

  std::mutex drain_mutex;
  std::condition_variable drain_changed;
  bool drained = false;

  job_board board;
  alarm_clock alarms;
  event_hub hub;
  pool_pauses pauses;
  task_threads readers;
  task_threads inspectors;
  std::shared_ptr<engine_parts> parts;
  std::map<std::string, std::shared_ptr<pool_figures>> figures;
  std::map<std::string, std::shared_ptr<worker_crew>> crews;
  system_config config;
  std::unique_ptr<caf::actor_system> system; // ends first
};

} // namespace alula::actors
