/// A node around the engine: a ledger in memory, ports that do nothing, a clock
/// that the test holds, and verbs.
#pragma once

#include "actors/actor_engine.hpp"
#include "jobs/downloads.hpp"
#include "jobs/lifecycle.hpp"
#include "tests/actors/stage.hpp"
#include "tests/doubles/fake_archives.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_far.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/fake_queries.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace alula::actors_test {

/// Stands still until moved, and can be told to throw.
class held_clock final : public jobs::clock {
public:
  jobs::time_ms now() const override {
    ++reads;
    auto left = throws.load();
    while (left > 0)
      if (throws.compare_exchange_weak(left, left - 1))
        throw std::runtime_error{"the clock is broken"};
    return at;
  }
  std::atomic<jobs::time_ms> at{1'800'000'000'000};
  mutable std::atomic<int> throws{0};
  mutable std::atomic<std::int64_t> reads{0};
};

inline jobs::server_id server_number(int number) {
  auto digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-" + digits);
}

inline jobs::backup_id backup(int number) {
  auto digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-" + digits);
}

/// What a call with a callback answered.
template<class T, class Call>
jobs::result<T> answer_of(Call call) {
  auto promise = std::make_shared<std::promise<jobs::result<T>>>();
  auto answer = promise->get_future();
  call([promise](jobs::result<T> r) { promise->set_value(std::move(r)); });
  if (answer.wait_for(patience) != std::future_status::ready)
    throw std::runtime_error{"the engine did not call back"};
  return answer.get();
}

class engine_world {
public:
  explicit engine_world(int servers = 3) {
    log_book();
    for (int i = 1; i <= servers; ++i)
      add_server(i);
    settings.pools = {{"lifecycle", 4}, {"purge", 1},   {"narrow", 1},
                      {"backup", 2},    {"restore", 1}, {"verify", 1},
                      {"transfer", 2},  {"power", 2},   {"kill", 1},
                      {"install", 1},   {"pull", 1},    {"upload", 2}};
    settings.uptime = [this] { return clock.at.load(); };
    settings.random = [] { return 0.5; };
    node_panel.configured = false;
    node_panel.fail(jobs::fault{.code = jobs::fault_code::panel_unavailable,
                                .what = "this node has no Panel"});
  }
  ~engine_world() {
    // Whatever is held is let go, or the engine would wait for its workers.
    script.open_all();
    engine.reset();
  }

  /// With the servers there from an earlier boot: row i has number i.
  void add_server(int number) {
    jobs::server_record record{.row = number,
                               .uuid = server_number(number),
                               .state = jobs::server_state::active};
    store->servers[number].record = record;
    store->live_server[record.uuid] = number;
    store->last_server = number;
  }

  engine_world& boot(const jobs::catalog& kinds = test_catalog()) {
    ledger = std::make_unique<doubles::fake_ledger>(store, clock);
    engine = std::make_unique<actors::actor_engine>(settings, kinds, ports,
                                                    *ledger, queries, clock);
    const auto started = engine->start();
    if (!started)
      FAIL("start: " << started.error().what);
    return *this;
  }
  /// kill -9, and the workers with it.
  void crash() {
    ledger->crash();
    script.open_all();
    engine.reset();
    ledger.reset();
  }
  void pass(std::chrono::milliseconds time) {
    clock.at += time.count();
    engine->look_at_clock();
  }

  /// Time passes in steps until it is so; between them the engine has a moment
  /// to notice.
  template<class Condition>
  void pass_until(std::chrono::milliseconds step, Condition holds) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > limit)
        FAIL("it never came true");
      pass(step);
      log_book().wait_for_more(std::chrono::milliseconds{5});
    }
  }

  // -- verbs ------------------------------------------------------------------

  jobs::submission request(const jobs::kind& kind, int server = 0,
                           std::string body = {}) const {
    jobs::submission what;
    what.kind = kind.name;
    if (server != 0)
      what.server = server_number(server);
    what.body = std::move(body);
    return what;
  }
  jobs::result<jobs::ticket> ask(jobs::submission what) {
    return answer_of<jobs::ticket>(
        [&](auto done) { engine->submit(std::move(what), std::move(done)); });
  }
  jobs::result<jobs::ticket> ask(const jobs::kind& kind, int server = 0,
                                 std::string body = {}) {
    return ask(request(kind, server, std::move(body)));
  }
  /// The id of the accepted job.
  jobs::job_id submit(const jobs::kind& kind, int server = 0,
                      std::string body = {}) {
    auto got = ask(kind, server, std::move(body));
    if (!got)
      FAIL("submit: " << got.error().what);
    return got->job->record().id;
  }
  jobs::result<jobs::job_view_ptr> cancel(const jobs::job_id& id) {
    return answer_of<jobs::job_view_ptr>(
        [&](auto done) { engine->cancel(id, std::move(done)); });
  }
  jobs::result<jobs::ticket> retry(const jobs::job_id& id,
                                   std::optional<jobs::idempotency> key = {}) {
    return answer_of<jobs::ticket>(
        [&](auto done) { engine->retry(id, std::move(key), std::move(done)); });
  }
  jobs::result<jobs::job_view_ptr> abandon(const jobs::job_id& id) {
    return answer_of<jobs::job_view_ptr>(
        [&](auto done) { engine->abandon(id, "no use", std::move(done)); });
  }
  /// After a crash: the parked job was given up, and alula died before anybody
  /// heard of it.
  void give_up_in_ledger(const jobs::job_id& id) {
    const auto parked = queries.find_job(id).value().value();
    const auto given_up =
        jobs::decide(parked, jobs::happened::abandoned{"no use"}, clock.at, {})
            .value();
    REQUIRE(store->save({.after = given_up.after,
                         .events = given_up.events,
                         .changes = {},
                         .locks = {}},
                        clock.at));
  }
  jobs::result<jobs::summary::pool> pause(const std::string& pool,
                                          const std::string& why = {},
                                          const std::string& who = {}) {
    return answer_of<jobs::summary::pool>([&](auto done) {
      engine->pause_pool({.pool = pool, .reason = why, .by = who},
                         std::move(done));
    });
  }
  jobs::result<jobs::summary::pool> resume(const std::string& pool) {
    return answer_of<jobs::summary::pool>(
        [&](auto done) { engine->resume_pool(pool, std::move(done)); });
  }
  jobs::summary::pool pool(std::string_view name) const {
    const auto told = engine->summarize().pools;
    return *std::ranges::find(told, name, &jobs::summary::pool::name);
  }
  jobs::result<jobs::job_view_ptr> find(const jobs::job_id& id) {
    return answer_of<jobs::job_view_ptr>(
        [&](auto done) { engine->find(id, std::move(done)); });
  }
  jobs::result<jobs::job_view_ptr>
  await(const jobs::job_id& id, jobs::await_for what, std::string etag = {},
        std::chrono::milliseconds limit = std::chrono::hours{24 * 365}) {
    return answer_of<jobs::job_view_ptr>([&](auto done) {
      engine->await(id, what, std::move(etag), limit, std::move(done));
    });
  }

  /// Waits until the job looks like that.
  template<class Condition>
  jobs::job_record until(const jobs::job_id& id, Condition holds) {
    auto view = find(id);
    while (true) {
      if (!view)
        FAIL("find: " << view.error().what);
      const auto& job = view.value()->record();
      if (holds(job))
        return job;
      if (job.is_done())
        FAIL("the job has " << to_string(job.state));
      view = await(id, jobs::await_for::changed, view.value()->etag());
    }
  }
  jobs::job_record until(const jobs::job_id& id, jobs::job_state state) {
    return until(id, [&](const auto& job) { return job.state == state; });
  }
  /// A job that waits for somebody because this step of it has failed.
  jobs::job_id park(const jobs::kind& kind, int server,
                    const std::string& step) {
    script.let(step, fails(jobs::fault_code::docker_refused));
    const auto id = submit(kind, server);
    until(id, jobs::job_state::parked);
    return id;
  }
  jobs::job_record until_reason(const jobs::job_id& id,
                                const std::string& reason) {
    return until(id, [&](const auto& job) { return job.reason == reason; });
  }
  jobs::job_record end_of(const jobs::job_id& id) {
    auto view = await(id, jobs::await_for::finished);
    if (!view)
      FAIL("await: " << view.error().what);
    return view.value()->record();
  }
  jobs::job_record now(const jobs::job_id& id) {
    return find(id).value()->record();
  }

  // -- the world, the engine last ---------------------------------------------

  stage script;
  held_clock clock;
  jobs::fake_containers containers;
  jobs::fake_volumes volumes;
  jobs::fake_audience audience;
  jobs::downloads downloads;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  doubles::fake_queries queries{store};
  jobs::fake_far far{store}; ///< nothing knows of it, until ports.far is set
  jobs::fake_archives archives;
  jobs::fake_panel node_panel; ///< none, until it is configured and there
  jobs::ports ports{.containers = containers,
                    .volumes = volumes,
                    .audience = audience,
                    .downloads = downloads,
                    .archives = archives,
                    .records = queries,
                    .panel = node_panel};
  actors::engine_settings settings;
  std::unique_ptr<doubles::fake_ledger> ledger;
  std::unique_ptr<actors::actor_engine> engine;
};

} // namespace alula::actors_test
