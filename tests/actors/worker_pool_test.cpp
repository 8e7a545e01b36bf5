#include "actors/actor_engine.hpp"
#include "jobs/advice.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::job_state;

namespace {

const jobs::kind narrow_lanes[] = {
    changed(make_kind("narrow.a", {tail("n")}, "a"),
            [](auto& k) { k.steps[0].pool = "narrow"; }),
    changed(make_kind("narrow.b", {tail("n")}, "b"),
            [](auto& k) { k.steps[0].pool = "narrow"; }),
    changed(make_kind("narrow.c", {tail("n")}, "c"),
            [](auto& k) { k.steps[0].pool = "narrow"; }),
    changed(make_kind("narrow.urgent", {tail("n")}, "d"),
            [](auto& k) {
              k.steps[0].pool = "narrow";
              k.priority = 0;
            }),
};

const jobs::kind narrow_steps = changed(
    make_kind("narrow.steps", {tail("a"), tail("b"), tail("c")}), [](auto& k) {
      for (auto& step : k.steps)
        step.pool = "narrow";
    });

const jobs::catalog narrow_catalog{{&narrow_lanes[0], &narrow_lanes[1],
                                    &narrow_lanes[2], &narrow_lanes[3],
                                    &narrow_steps, &narrow}};

/// The job that has the only worker until "test.narrow.n @1" is opened.
jobs::job_id take_the_narrow_worker(engine_world& w) {
  w.script.hold("test.narrow.n @1");
  const auto id = w.submit(narrow, 1);
  REQUIRE(w.script.wait_for("in test.narrow.n @1"));
  return id;
}

} // namespace

TEST_CASE("a pool runs no more steps at once than it has workers", "[actors]") {
  engine_world w{12};
  w.boot();
  std::atomic<int> now = 0, most = 0;
  w.script.let("test.single.s", [&](auto&) -> jobs::step_outcome {
    const int mine = ++now;
    for (int seen = most;
         mine > seen && !most.compare_exchange_weak(seen, mine);)
      ;
    std::this_thread::yield();
    --now;
    return jobs::step_done{};
  });
  std::vector<jobs::job_id> ids;
  for (int i = 1; i <= 12; ++i)
    ids.push_back(w.submit(single, i));
  for (const auto& id : ids)
    w.end_of(id);
  CHECK(most >= 1);
  CHECK(most <= 4);
}

TEST_CASE("a pool is fair between servers, and urgent steps go first",
          "[actors]") {
  engine_world w{4};
  w.boot(narrow_catalog);
  w.script.hold("test.narrow.n");
  const auto holder = w.submit(narrow, 4);
  REQUIRE(w.script.wait_for("in test.narrow.n"));
  const auto waiting = [&] {
    const auto told = w.engine->summarize();
    return std::ranges::find(told.pools, "narrow", &jobs::summary::pool::name)
        ->waiting;
  };
  std::vector<jobs::job_id> ids;
  const auto queue = [&](const jobs::kind& kind, int server) {
    ids.push_back(w.submit(kind, server));
    w.pass_until(0ms, [&] { return waiting() == ids.size(); });
  };
  // Server 1 asks three times before server 2 does once.
  queue(narrow_lanes[0], 1);
  queue(narrow_lanes[1], 1);
  queue(narrow_lanes[2], 1);
  queue(narrow_lanes[0], 2);
  queue(narrow_lanes[3], 3);
  w.script.open("test.narrow.n");
  for (const auto& id : ids)
    w.end_of(id);
  const auto entries = w.script.entries();
  CHECK(std::vector<std::string>(entries.begin() + 2, entries.end())
        == std::vector<std::string>{"narrow.urgent.n @3", "narrow.a.n @1",
                                    "narrow.a.n @2", "narrow.b.n @1",
                                    "narrow.c.n @1"});
  w.end_of(holder);
}

TEST_CASE("a worker goes to a job whose actor threw while it stood in line",
          "[actors]") {
  engine_world w;
  w.boot(narrow_catalog);
  const auto threw = log_book().count("server-actor-threw");
  w.script.hold("narrow.steps.b");
  const auto id = w.submit(narrow_steps, 1);
  REQUIRE(w.script.wait_for("in narrow.steps.b"));
  // Whoever asks first gets the worker between the second step and the third.
  w.script.hold("test.narrow.n");
  const auto holder = w.submit(narrow, 2);
  w.pass_until(1s, [&] {
    return w.engine->peek(holder)->record().reason == "WaitingForWorker";
  });
  w.script.open("narrow.steps.b");
  REQUIRE(w.script.wait_for("in test.narrow.n"));
  w.pass_until(0ms, [&] {
    const auto told = w.engine->summarize();
    return std::ranges::find(told.pools, "narrow", &jobs::summary::pool::name)
               ->waiting
           == 1;
  });
  w.clock.throws = 1;
  CHECK_FALSE(w.abandon(id));
  REQUIRE(log_book().wait_for("server-actor-threw", threw + 1));
  // The next life has wished when it answers.
  w.pass_until(0ms, [&] {
    return w.abandon(id).error().code == jobs::fault_code::not_parked;
  });
  w.script.open("test.narrow.n");
  CHECK(w.end_of(holder).state == job_state::succeeded);
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.end_of(w.submit(narrow, 3)).state == job_state::succeeded);
}

TEST_CASE("a job that waits for a worker says so after a while", "[actors]") {
  engine_world w;
  w.boot();
  take_the_narrow_worker(w);
  const auto id = w.submit(narrow, 2);
  w.pass_until(1s, [&] {
    return w.engine->peek(id)->record().reason == "WaitingForWorker";
  });
  w.script.open("test.narrow.n @1");
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.reason.empty());
}

TEST_CASE("a job that is cancelled while it waits for a worker takes none",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto first = take_the_narrow_worker(w);
  const auto id = w.submit(narrow, 2);
  REQUIRE(w.cancel(id));
  CHECK(w.end_of(id).state == job_state::cancelled);
  w.script.open("test.narrow.n @1");
  w.end_of(first);
  CHECK(w.end_of(w.submit(narrow, 3)).state == job_state::succeeded);
  CHECK(w.script.count("test.narrow.n @2") == 0);
}

// -- paused pools -------------------------------------------------------------

TEST_CASE("a paused pool begins no step, and what runs goes on to its end",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto running = take_the_narrow_worker(w);
  const auto paused = w.pause("narrow", "new disk", "Anna");
  REQUIRE(paused);
  CHECK(paused->paused_at == w.clock.at);
  CHECK(paused->pause_reason == "new disk");
  CHECK(paused->paused_by == "Anna");
  const auto id = w.submit(narrow, 2);
  const auto waits = w.until_reason(id, "PoolPaused");
  CHECK(waits.message
        == "the pool \"narrow\" is paused since 2027-01-15T08:00:00.000Z "
           "(new disk)");
  CHECK(jobs::advice_about(waits).find("`alula pools resume narrow`")
        != std::string::npos);
  w.script.open("test.narrow.n @1");
  CHECK(w.end_of(running).state == job_state::succeeded);
  // Its worker is free, and nobody gets it.
  w.pass_until(0ms, [&] { return w.pool("narrow").busy == 0; });
  CHECK(w.pool("narrow").waiting == 1);
  CHECK(w.script.count("test.narrow.n @2") == 0);
  // Other pools do not care.
  CHECK(w.end_of(w.submit(single, 3)).state == job_state::succeeded);
  REQUIRE(w.resume("narrow"));
  CHECK(w.pool("narrow").paused_at == 0);
  const auto done = w.end_of(id);
  CHECK(done.state == job_state::succeeded);
  CHECK(done.reason.empty());
}

TEST_CASE("the log says which request has paused a pool", "[actors]") {
  engine_world w;
  w.boot();
  const jobs::log_scope whose{"request", "r-of-a-pause"};
  REQUIRE(w.pause("narrow", "dust", "Anna"));
  REQUIRE(w.resume("narrow"));
  const auto& lines = log_books().lines;
  CHECK(lines.wait_for(
      "pool-paused pool=narrow by=Anna why=dust request=r-of-a-pause"));
  CHECK(lines.wait_for("pool-resumed pool=narrow request=r-of-a-pause"));
}

TEST_CASE("a pause begins between two steps of a job", "[actors]") {
  engine_world w;
  w.boot(narrow_catalog);
  w.script.hold("narrow.steps.a");
  const auto id = w.submit(narrow_steps, 1);
  REQUIRE(w.script.wait_for("in narrow.steps.a"));
  REQUIRE(w.pause("narrow"));
  w.script.open("narrow.steps.a");
  const auto waits = w.until_reason(id, "PoolPaused");
  CHECK(waits.steps[0].state == jobs::step_state::done);
  CHECK(waits.steps[1].state == jobs::step_state::pending);
  // Nobody said why, nor who.
  CHECK(waits.message.find("(") == std::string::npos);
  CHECK(waits.message.find(" by ") == std::string::npos);
  REQUIRE(w.resume("narrow"));
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("who stands in line is told of a pause and of its end", "[actors]") {
  engine_world w;
  w.boot();
  const auto first = take_the_narrow_worker(w);
  const auto id = w.submit(narrow, 2);
  w.pass_until(0ms, [&] { return w.pool("narrow").waiting == 1; });
  REQUIRE(w.pause("narrow"));
  w.until_reason(id, "PoolPaused");
  REQUIRE(w.resume("narrow"));
  w.until_reason(id, "WaitingForWorker");
  w.script.open("test.narrow.n @1");
  CHECK(w.end_of(id).state == job_state::succeeded);
  w.end_of(first);
}

TEST_CASE("what waits for a paused pool is cancelled all the same",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b @1");
  const auto begun = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b @1"));
  REQUIRE(w.pause("lifecycle"));
  const auto untouched = w.submit(single, 2);
  w.until_reason(untouched, "PoolPaused");
  REQUIRE(w.cancel(untouched));
  CHECK(w.end_of(untouched).state == job_state::cancelled);
  // Taking back what was done is no new step.
  w.script.open("test.plain.b @1");
  w.until_reason(begun, "PoolPaused");
  REQUIRE(w.cancel(begun));
  CHECK(w.end_of(begun).state == job_state::cancelled);
  CHECK(w.script.count("undo test.plain.a @1") == 1);
  CHECK(w.script.count("test.plain.p @1") == 0);
}

TEST_CASE("an undo with a pool of its own waits for no worker of the step's",
          "[actors]") {
  engine_world w;
  w.boot();
  gate refusal;
  w.script.let("test.elsewhere.p",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 w.script.write("in test.elsewhere.p");
                 (void)refusal.pass(ctx.stop, true);
                 return jobs::fault{.code = jobs::fault_code::docker_refused,
                                    .what = "it is refused"};
               });
  const auto undone = w.submit(elsewhere, 2);
  REQUIRE(w.script.wait_for("in test.elsewhere.p"));
  const auto holder = take_the_narrow_worker(w);
  // Its pivot fails for good while the only worker of its first step is taken.
  refusal.open();
  CHECK(w.end_of(undone).state == job_state::failed);
  CHECK(w.script.count("undo test.elsewhere.e @2") == 1);
  w.script.open("test.narrow.n @1");
  CHECK(w.end_of(holder).state == job_state::succeeded);
}

TEST_CASE("a pause outlives the process", "[actors]") {
  engine_world w;
  w.boot();
  REQUIRE(w.pause("narrow", "new disk", "Anna"));
  const auto since = w.clock.at.load();
  const auto id = w.submit(narrow, 1);
  w.until_reason(id, "PoolPaused");
  w.pass(1h);
  w.crash();
  w.boot();
  CHECK(w.pool("narrow").paused_at == since);
  CHECK(w.pool("narrow").pause_reason == "new disk");
  CHECK(w.pool("narrow").paused_by == "Anna");
  w.pass_until(0ms, [&] { return w.pool("narrow").waiting == 1; });
  CHECK(w.now(id).reason == "PoolPaused");
  CHECK(w.script.count("test.narrow.n @1") == 0);
  REQUIRE(w.resume("narrow"));
  CHECK(w.end_of(id).state == job_state::succeeded);
  w.crash();
  w.boot();
  CHECK(w.pool("narrow").paused_at == 0);
}

TEST_CASE("a pool is paused once, and resumed once, however often",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto first = w.pause("narrow", "first");
  w.pass(1min);
  const auto again = w.pause("narrow", "second");
  REQUIRE(again);
  CHECK(again->paused_at == first->paused_at);
  CHECK(again->pause_reason == "first");
  REQUIRE(w.resume("narrow"));
  REQUIRE(w.resume("narrow"));
  const auto unknown = w.pause("narow");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == jobs::fault_code::pool_not_found);
  CHECK(unknown.error().what.find("narrow") != std::string::npos);
  CHECK_FALSE(w.resume("narow"));
  std::vector<std::string> told;
  for (const auto& e : w.store->events)
    told.push_back(e.type);
  CHECK(told == std::vector<std::string>{"pool.paused", "pool.resumed"});
}
