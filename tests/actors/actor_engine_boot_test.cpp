#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

// -- boots --------------------------------------------------------------------

TEST_CASE("nothing is taken before the engine has recovered", "[actors]") {
  engine_world w;
  w.ledger = std::make_unique<doubles::fake_ledger>(w.store, w.clock);
  w.engine = std::make_unique<actors::actor_engine>(
      w.settings, test_catalog(), w.ports, *w.ledger, w.queries, w.clock);
  CHECK_FALSE(w.engine->is_ready());
  CHECK_FALSE(w.engine->not_ready_reason().empty());
  CHECK(w.ask(single, 1).error().code == fault_code::starting);
  REQUIRE(w.engine->start());
  CHECK(w.engine->is_ready());
  CHECK(w.engine->not_ready_reason().empty());
  CHECK(w.end_of(w.submit(single, 1)).state == job_state::succeeded);
}

TEST_CASE("a kind that needs a pool that is not there stops the boot",
          "[actors]") {
  engine_world w;
  w.settings.pools.erase("narrow");
  w.ledger = std::make_unique<doubles::fake_ledger>(w.store, w.clock);
  w.engine = std::make_unique<actors::actor_engine>(
      w.settings, test_catalog(), w.ports, *w.ledger, w.queries, w.clock);
  const auto started = w.engine->start();
  REQUIRE_FALSE(started);
  CHECK(started.error().what.find("narrow") != std::string::npos);
}

TEST_CASE("after a crash every job goes on where it was", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b");
  const auto first = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  const auto second = w.submit(single, 1);
  w.until_reason(second, "WaitingInLine");
  w.crash();
  w.boot();
  const auto job = w.end_of(first);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.crashes == 1);
  CHECK(w.end_of(second).state == job_state::succeeded);
  CHECK(w.script.count("test.plain.a @1") == 1);
  CHECK(w.script.count("test.plain.b @1") == 2);
}

TEST_CASE("three crashes in one step park the job", "[actors]") {
  engine_world w;
  w.boot();
  jobs::job_id id;
  for (int boot = 1; boot <= jobs::max_crashes_in_one_step; ++boot) {
    w.script.hold("test.plain.b");
    if (boot == 1)
      id = w.submit(plain, 1);
    REQUIRE(
        w.script.wait_for("in test.plain.b", static_cast<std::size_t>(boot)));
    w.crash();
    w.boot();
  }
  const auto job = w.now(id);
  CHECK(job.state == job_state::parked);
  CHECK(job.error->code == fault_code::crashed);
  CHECK(w.script.count("test.plain.b @1") == 3);
  REQUIRE(w.retry(id));
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a step that gets further each time outlives many crashes",
          "[actors]") {
  engine_world w;
  w.boot();
  jobs::job_id id;
  for (int boot = 1; boot <= 2 * jobs::max_crashes_in_one_step; ++boot) {
    const auto door = std::make_shared<gate>();
    w.script.let("test.single.s",
                 [boot, door](jobs::step_context& ctx) -> jobs::step_outcome {
                   ctx.report({.done = 10 * boot, .unit = "entries"});
                   door->pass(ctx.stop, false);
                   return stopped();
                 });
    if (boot == 1)
      id = w.submit(single, 1);
    else
      w.boot();
    w.pass_until(1s, [&] {
      const std::scoped_lock lock{w.store->mutex};
      const auto& known = w.store->progress;
      return !known.empty() && known.begin()->second.done == 10 * boot;
    });
    w.ledger->crash(); // before the step returns
    door->open();
    w.crash();
  }
  w.script.open_all();
  w.boot();
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.crashes == 2 * jobs::max_crashes_in_one_step);
  CHECK(job.steps[0].reached == 20 * jobs::max_crashes_in_one_step);
}

TEST_CASE("a process that is killed while it stops has not crashed",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s", true);
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  auto killed = std::async(std::launch::async, [&] {
    w.pass_until(0ms, [&] {
      const std::scoped_lock lock{w.store->mutex};
      return !w.store->ended_boots.empty();
    });
    w.ledger->crash();
    w.script.open_all();
  });
  w.engine->stop(100ms);
  killed.get();
  w.engine.reset();
  w.boot();
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.crashes == 0);
}

TEST_CASE("a cancel survives a crash", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("undo test.plain.a", true);
  w.script.hold("test.plain.b");
  const auto id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  REQUIRE(w.cancel(id));
  REQUIRE(w.script.wait_for("in undo test.plain.a"));
  w.crash();
  w.boot();
  CHECK(w.end_of(id).state == job_state::cancelled);
  CHECK(w.script.count("undo test.plain.a @1") == 2);
}

TEST_CASE("a job of an unknown kind or plan is parked with a reason",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a");
  w.script.hold("test.single.s");
  const auto unknown = w.submit(plain, 1);
  const auto newer = w.submit(single, 2);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  REQUIRE(w.script.wait_for("in test.single.s"));
  const auto queued = w.submit(plain, 1);
  w.until_reason(queued, "WaitingInLine");
  w.crash();
  const auto next_single = changed(single, [](auto& k) { k.plan_version = 2; });
  const jobs::catalog other{{&next_single}};
  w.boot(other);
  for (const auto& id : {unknown, newer}) {
    const auto job = w.until(id, job_state::parked);
    CHECK(job.error->code == fault_code::not_implemented);
    CHECK(job.error->what.find(job.kind) != std::string::npos);
  }
  // A parked job keeps its lane, so the next one is still in line.
  CHECK(w.now(queued).state == job_state::queued);
  // The release that knows them is back.
  w.crash();
  w.boot();
  REQUIRE(w.retry(unknown));
  CHECK(w.end_of(unknown).state == job_state::succeeded);
  CHECK(w.end_of(queued).state == job_state::succeeded);
}

TEST_CASE("a job of an older plan runs to its end when steps were only added",
          "[actors]") {
  static const auto longer = changed(plain, [](auto& k) {
    k.plan_version = 2;
    k.oldest_plan = 1;
    k.steps.push_back(tail("added"));
  });
  static const jobs::catalog later{{&longer}};
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b");
  const auto old = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  w.crash();
  w.boot(later);
  const auto job = w.end_of(old);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.plan_version == 1);
  CHECK_FALSE(job.find_step("added"));
  // And a new one has them all.
  CHECK(w.end_of(w.submit(longer, 2)).find_step("added")->state
        == jobs::step_state::done);
}

TEST_CASE("a job of an older plan whose steps are others is parked",
          "[actors]") {
  static const auto other = changed(plain, [](auto& k) {
    k.plan_version = 2;
    k.oldest_plan = 1;
    std::swap(k.steps.front(), k.steps.back());
  });
  static const jobs::catalog later{{&other}};
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b");
  const auto old = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  w.crash();
  w.boot(later);
  CHECK(w.until(old, job_state::parked).error->code
        == fault_code::not_implemented);
}

// -- the end ------------------------------------------------------------------

TEST_CASE("a graceful stop costs a job no attempt", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b");
  const auto id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  w.engine->stop(patience);
  const auto stopped = *w.queries.find_job(id).value();
  CHECK(stopped.state == job_state::queued);
  CHECK(stopped.reason == "Interrupted");
  CHECK(stopped.attempt == 0);
  CHECK(w.engine->workers_left() == 0);
  w.engine.reset();
  w.script.open_all();
  w.boot();
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.attempt == 0);
  CHECK(job.crashes == 0);
}

TEST_CASE("a stopping engine takes nothing new and answers who waits",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  std::promise<job_state> waited;
  auto answer = waited.get_future();
  w.engine->await(id, jobs::await_for::finished, {}, 1h,
                  [&](const jobs::result<jobs::job_view_ptr>& r) {
                    waited.set_value(r.value()->record().state);
                  });
  w.engine->stop(patience);
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  CHECK(answer.get() == job_state::queued);
  CHECK(w.ask(single, 2).error().code == fault_code::shutting_down);
  CHECK(w.cancel(id).error().code == fault_code::shutting_down);
  CHECK_FALSE(w.engine->is_ready());
  CHECK(w.engine->peek(id));
}

TEST_CASE("a worker that does not stop does not hold up the end", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s", true);
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  w.engine->stop(10ms);
  CHECK(w.engine->workers_left() == 1);
  CHECK(w.queries.find_job(id).value()->state == job_state::running);
  w.script.open("test.single.s");
  w.engine.reset();
  w.boot();
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("an engine is stopped by another thread than started it",
          "[actors]") {
  engine_world w;
  w.boot();
  w.end_of(w.submit(single, 1));
  auto stopped =
      std::async(std::launch::async, [&] { w.engine->stop(patience); });
  CHECK(stopped.wait_for(patience) == std::future_status::ready);
}

TEST_CASE("engines start and stop many times over one ledger", "[actors]") {
  engine_world w;
  for (int i = 0; i < 20; ++i) {
    w.boot();
    const auto id = w.submit(plain, 1 + i % 3);
    if (i % 2 == 0)
      w.end_of(id);
    w.engine->stop(patience);
    w.engine.reset();
  }
  w.boot();
  for (const auto& [row, job] : w.store->jobs)
    CHECK(w.end_of(job.id).state == job_state::succeeded);
}
