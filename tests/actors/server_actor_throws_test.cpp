// Exceptions out of steps, handlers and workers: none of them ends more than
// its own job.
#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

#include <atomic>
#include <pthread.h>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

TEST_CASE("a step that throws fails its job and nothing else", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.single.s @1", [](auto&) -> jobs::step_outcome {
    throw std::runtime_error{"boom"};
  });
  const auto bad = w.submit(single, 1);
  const auto good = w.submit(single, 2);
  const auto job = w.end_of(bad);
  CHECK(job.state == job_state::failed);
  REQUIRE(job.error);
  CHECK(job.error->code == fault_code::internal);
  CHECK(job.error->what.find("boom") != std::string::npos);
  CHECK(w.end_of(good).state == job_state::succeeded);
}

TEST_CASE("a handler that throws is logged and the job survives", "[actors]") {
  const int times = GENERATE(1, 3);
  engine_world w;
  w.boot();
  const auto before = log_book().count("server-actor-threw");
  std::atomic<int> runs = 0;
  w.script.let("test.single.s", [&](auto&) -> jobs::step_outcome {
    // The next to ask for the time is the actor, with the outcome in hand.
    if (runs++ == 0)
      w.clock.throws = times;
    return jobs::step_done{};
  });
  const auto id = w.submit(single, 1);
  // From the second time on the actor is started again after a pause.
  w.pass_until(1s, [&] { return w.engine->peek(id)->record().is_done(); });
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(runs == 2);
  CHECK(log_book().count("server-actor-threw")
        == before + static_cast<std::size_t>(times));
}

TEST_CASE("a step that outlives its actor is not run beside itself",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto before = log_book().count("server-actor-threw");
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  w.clock.throws = 1;
  // Some message that makes the actor look at the clock.
  CHECK_FALSE(w.abandon(id));
  REQUIRE(log_book().wait_for("server-actor-threw", before + 1));
  // The next life has taken over when it answers.
  w.pass_until(0ms, [&] {
    return w.abandon(id).error().code == fault_code::not_parked;
  });
  w.script.open("test.single.s");
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.script.count("test.single.s @1") == 1);
}

TEST_CASE("an accept whose actor threw meanwhile is answered and not waited "
          "for",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto threw = log_book().count("server-actor-threw");
  const auto late = log_book().count("stop-grace-over");
  w.script.hold("test.single.s");
  const auto running = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  w.ledger->hold();
  std::promise<jobs::result<jobs::ticket>> promise;
  w.engine->submit(w.request(side, 1), [&](jobs::result<jobs::ticket> got) {
    promise.set_value(std::move(got));
  });
  // Twice, so that the actor is down for a while when the ledger answers.
  for (std::size_t i = 1; i <= 2; ++i) {
    w.clock.throws = 1;
    CHECK_FALSE(w.abandon(running));
    REQUIRE(log_book().wait_for("server-actor-threw", threw + i));
  }
  w.ledger->release();
  auto answer = promise.get_future();
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  const auto got = answer.get();
  REQUIRE(got);
  CHECK(got->outcome == jobs::accept_outcome::created);
  w.pass_until(1s, [&] {
    return w.engine->peek(got->job->record().id)->record().is_done();
  });
  w.engine->stop(patience);
  CHECK(log_book().count("stop-grace-over") == late);
  CHECK(w.queries.find_job(running).value()->state == job_state::queued);
}

TEST_CASE("what throws on a worker outside its step fails the job, no more",
          "[actors]") {
  engine_world w;
  std::atomic<bool> broken = false;
  w.settings.uptime = [&] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    if (std::string_view{name} == "lifecycle" && broken.exchange(false))
      throw std::bad_alloc{};
    return w.clock.at.load();
  };
  w.boot();
  broken = true;
  const auto job = w.end_of(w.submit(single, 1));
  CHECK(job.state == job_state::failed);
  REQUIRE(job.error);
  CHECK(job.error->code == fault_code::internal);
  CHECK(job.error->what.find("bad_alloc") != std::string::npos);
  CHECK(w.end_of(w.submit(single, 1)).state == job_state::succeeded);
}
