#include "actors/actor_engine.hpp"
#include "jobs/measures.hpp"
#include "tests/actors/engine_world.hpp"

#include <map>
#include <mutex>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;
using strings = std::vector<std::string>;

namespace {

/// How many failed tries were counted of each step, as "kind step".
struct retry_counter {
  retry_counter() {
    jobs::set_measure_sink(
        [this](jobs::measure what, double value, std::string_view label) {
          const std::scoped_lock lock{mutex_};
          if (what == jobs::measure::step_retry)
            counted_[std::string{label}] += value;
        });
  }
  ~retry_counter() { jobs::set_measure_sink(nullptr); }

  std::map<std::string, double> all() {
    const std::scoped_lock lock{mutex_};
    return counted_;
  }

private:
  std::mutex mutex_;
  std::map<std::string, double> counted_;
};

} // namespace

TEST_CASE("a failing step is tried again after its backoff", "[actors]") {
  engine_world w;
  w.boot();
  std::atomic<int> left = 2;
  w.script.let("test.single.s", [&](jobs::step_context&) -> jobs::step_outcome {
    if (left-- > 0)
      return jobs::fault{.code = fault_code::io_error, .what = "EIO"};
    return jobs::step_done{};
  });
  const auto id = w.submit(single, 1);
  auto job = w.until(id, job_state::retry_wait);
  CHECK(job.attempt == 1);
  CHECK(job.reason == "IoError");
  CHECK(job.run_at - w.clock.now() == 1'000); // half of 2 s
  CHECK(job.steps[0].error->where == "s");
  w.pass(1'000ms);
  job = w.until(id, [](const auto& j) {
    return j.attempt == 2 && j.state == job_state::retry_wait;
  });
  CHECK(job.run_at - w.clock.now() == 2'000); // half of 4 s
  w.pass(2'000ms);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a busy world uses no attempt and is asked less and less often",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.single.s", fails(fault_code::docker_unavailable));
  const auto id = w.submit(single, 1);
  jobs::time_ms last = 0;
  for (int i = 0; i < 3; ++i) {
    const auto job = w.until(id, [&](const auto& j) {
      return j.state == job_state::retry_wait && j.run_at > w.clock.now();
    });
    CHECK(job.attempt == 0);
    CHECK(job.reason == "DockerUnavailable");
    CHECK(job.run_at - w.clock.now() > last);
    last = job.run_at - w.clock.now();
    w.pass(std::chrono::milliseconds{last});
  }
  w.script.open_all();
  w.pass_until(60s, [&] { return w.engine->peek(id)->record().is_done(); });
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a step that waits gives its worker back and shows why", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.narrow.n @1", [](auto&) -> jobs::step_outcome {
    return jobs::step_waits{"Retained", "kept for a while", 72h};
  });
  const auto waiting = w.submit(narrow, 1);
  const auto job = w.until(waiting, job_state::retry_wait);
  CHECK(job.reason == "Retained");
  CHECK(job.message == "kept for a while");
  CHECK(job.attempt == 0);
  CHECK(w.end_of(w.submit(narrow, 2)).state == job_state::succeeded);
  w.script.open_all();
  w.pass(72h);
  CHECK(w.end_of(waiting).state == job_state::succeeded);
}

TEST_CASE("a step in parts is run again from what it has said and changed",
          "[actors]") {
  engine_world w;
  w.boot();
  std::mutex mutex;
  strings seen;
  w.script.let("test.single.s",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 const std::scoped_lock lock{mutex};
                 seen.push_back(ctx.job.find_step("s")->output);
                 if (seen.size() == 3)
                   return jobs::step_done{"whole"};
                 const auto part = std::to_string(seen.size());
                 return jobs::step_goes_on{
                     part, {jobs::set_schedule{"part " + part, 1}}};
               });
  const auto job = w.end_of(w.submit(single, 1));
  CHECK(job.state == job_state::succeeded);
  CHECK(job.steps[0].output == "whole");
  CHECK(seen == strings{"", "1", "2"});
  const std::scoped_lock lock{w.store->mutex};
  CHECK(w.store->schedules.contains("part 1"));
  CHECK(w.store->schedules.contains("part 2"));
}

TEST_CASE("a part that the ledger refuses is a failed try of its step",
          "[actors]") {
  engine_world w;
  w.boot();
  std::atomic<int> tries = 0;
  w.script.let("test.single.s", [&](jobs::step_context&) -> jobs::step_outcome {
    if (++tries > 1)
      return jobs::step_done{};
    const auto none =
        *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001");
    return jobs::step_goes_on{"1", {jobs::set_local{none, false, false}}};
  });
  const auto id = w.submit(single, 1);
  w.pass_until(60s, [&] { return w.engine->peek(id)->record().is_done(); });
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(tries == 2);
}

TEST_CASE("jobs that wait for days are not looked at meanwhile", "[actors]") {
  constexpr int servers = 50;
  engine_world w{servers + 1};
  w.boot();
  w.script.let("test.single.s", [](auto&) -> jobs::step_outcome {
    return jobs::step_waits{"Retained", "kept for a while", 72h};
  });
  std::vector<jobs::job_id> ids;
  for (int i = 1; i <= servers; ++i)
    ids.push_back(w.submit(single, i));
  for (const auto& id : ids)
    w.until(id, job_state::retry_wait);
  w.end_of(w.submit(side, servers + 1));
  const auto before = w.clock.reads.load();
  for (int minute = 0; minute < 10; ++minute) {
    w.pass(1min);
    w.end_of(w.submit(side, servers + 1)); // the actors have had their turn
  }
  CHECK(w.clock.reads - before < 10 * servers);
  w.script.open_all();
  w.pass(72h);
  for (const auto& id : ids)
    CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that fails for good before the pivot is rolled back",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.plain.b", fails(fault_code::docker_refused, "no"));
  const auto job = w.end_of(w.submit(plain, 1));
  CHECK(job.state == job_state::failed);
  REQUIRE(job.error);
  CHECK(job.error->what == "no");
  CHECK(w.script.entries()
        == strings{"test.plain.a @1", "test.plain.b @1", "undo test.plain.b @1",
                   "undo test.plain.a @1"});
}

TEST_CASE("a job that fails for good after the pivot is parked, tried again "
          "and ends",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto id = w.park(plain, 1, "test.plain.c");
  w.script.open_all();
  const auto again = w.retry(id);
  REQUIRE(again);
  CHECK(again->job->record().id == id);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a parked job can be abandoned, and lets its lane go", "[actors]") {
  engine_world w;
  w.boot();
  const auto id = w.park(plain, 1, "test.plain.c");
  const auto next = w.submit(single, 1);
  w.until_reason(next, "WaitingInLine");
  REQUIRE(w.abandon(id));
  CHECK(w.end_of(id).state == job_state::failed);
  CHECK(w.end_of(next).state == job_state::succeeded);
  CHECK(w.abandon(id).error().code == fault_code::not_parked);
}

TEST_CASE("a job in line says when the one before it is parked", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  w.script.hold("test.plain.a");
  const auto first = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  const auto next = w.submit(single, 1);
  const auto words = "waits for the end of test.plain " + first.to_string();
  const auto says = [&](const std::string& what) {
    return w.until(next, [&](const auto& job) { return job.message == what; });
  };
  const auto in_line = says(words);
  w.script.open("test.plain.a");
  const auto stuck = says(words + ", which is parked");
  CHECK(stuck.reason == "WaitingInLine");
  CHECK(stuck.waiting_since == in_line.waiting_since);
  w.script.hold("test.plain.c");
  REQUIRE(w.retry(first));
  says(words);
  w.script.open("test.plain.c");
  CHECK(w.end_of(next).state == job_state::succeeded);
}

TEST_CASE("an undo that fails is tried again", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.fragile.p", fails(fault_code::docker_refused));
  std::atomic<int> left = 1;
  w.script.let(
      "undo test.fragile.f", [&](jobs::step_context&) -> jobs::step_outcome {
        if (left-- > 0)
          return jobs::fault{.code = fault_code::io_error, .what = "EIO"};
        return jobs::step_done{};
      });
  const auto id = w.submit(fragile, 1);
  w.until_reason(id, "IoError");
  w.pass(1h);
  CHECK(w.end_of(id).state == job_state::failed);
  CHECK(w.script.count("undo test.fragile.f @1") == 2);
}

TEST_CASE("a failed try is counted when another one follows it", "[actors]") {
  retry_counter tries;
  engine_world w;
  w.boot();
  const auto io_error = fails(fault_code::io_error, "EIO");
  w.script.let("test.fragile.f", io_error);
  std::atomic<int> undos_fail = GENERATE(0, 1);
  const double expected = 2 + undos_fail;
  w.script.let("undo test.fragile.f",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 if (undos_fail-- > 0)
                   return io_error(ctx);
                 return jobs::step_done{};
               });
  const auto id = w.submit(fragile, 1);
  w.pass_until(60s, [&] { return w.engine->peek(id)->record().is_done(); });
  CHECK(w.end_of(id).state == job_state::failed);
  CHECK(w.script.count("test.fragile.f @1") == 3);
  CHECK(tries.all()
        == std::map<std::string, double>{{"test.fragile f", expected}});
}

TEST_CASE("changes that the ledger refuses fail the step", "[actors]") {
  engine_world w;
  w.boot();
  w.ledger->refuse_next_changes(
      {.code = fault_code::server_locked, .what = "claimed by an undelete"});
  w.script.let("test.single.s", [](auto&) -> jobs::step_outcome {
    return jobs::step_done{.changes = {jobs::set_container{"c1"}}};
  });
  const auto id = w.submit(single, 1);
  const auto job = w.until(id, job_state::retry_wait);
  CHECK(job.reason == "ServerLocked");
  CHECK(job.message == "claimed by an undelete");
  CHECK(job.attempt == 0);
  w.pass(1min);
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.engine->find_server(server_number(1))->container_id == "c1");
}
