#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;
using strings = std::vector<std::string>;

namespace {

play fails(fault_code code, std::string what = "it failed") {
  return [code, what](jobs::step_context&) -> jobs::step_outcome {
    return jobs::fault{.code = code, .what = what};
  };
}

} // namespace

// -- lanes --------------------------------------------------------------------

TEST_CASE("a job runs its steps in order and ends", "[actors]") {
  engine_world w;
  w.boot();
  const auto job = w.end_of(w.submit(plain, 1));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.script.entries()
        == strings{"test.plain.a @1", "test.plain.b @1", "test.plain.p @1",
                   "test.plain.c @1"});
}

TEST_CASE("a second job of a lane queues visibly and runs after the first",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a");
  const auto first = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  const auto second = w.submit(single, 1);
  const auto waiting = w.until_reason(second, "WaitingInLine");
  CHECK(waiting.state == job_state::queued);
  CHECK(waiting.message.find(first.to_string()) != std::string::npos);
  w.script.open("test.plain.a");
  CHECK(w.end_of(second).state == job_state::succeeded);
  CHECK(w.now(first).state == job_state::succeeded);
  CHECK(w.script.entries().back() == "test.single.s @1");
}

TEST_CASE("jobs of different servers, and of different lanes, run side by side",
          "[actors]") {
  engine_world w;
  w.boot();
  for (const auto* label :
       {"test.single.s @1", "test.single.s @2", "test.side.s @1"})
    w.script.hold(label);
  w.submit(single, 1);
  w.submit(single, 2);
  w.submit(side, 1);
  CHECK(w.script.wait_for("in test.single.s @1"));
  CHECK(w.script.wait_for("in test.single.s @2"));
  CHECK(w.script.wait_for("in test.side.s @1"));
}

TEST_CASE("a job without a server runs", "[actors]") {
  engine_world w;
  w.boot();
  const auto job = w.end_of(w.submit(node_wide));
  CHECK(job.state == job_state::succeeded);
  CHECK(job.lane == "node");
}

TEST_CASE("a lock of another server's job is an obstacle that is named",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.lock.l");
  const auto holder = w.submit(locking, 1, "backup:1");
  const auto refused = w.ask(locking, 2, "backup:1");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::server_locked);
  CHECK(refused.error().in_the_way == holder.to_string());
  w.script.open("test.lock.l");
  w.end_of(holder);
  CHECK(w.ask(locking, 2, "backup:1"));
}

TEST_CASE("a lane that only the ledger knows to be taken is waited for",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a");
  const auto owner = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  // The same lane by another actor: as if two lives of one server met.
  const auto guest = w.submit(single, 2);
  w.end_of(guest);
  {
    const std::scoped_lock lock{w.store->mutex};
    w.store->lane_owner["server:2"] = w.store->row_of.at(owner);
  }
  const auto second = w.submit(single, 2);
  const auto waiting = w.until_reason(second, "WaitingInLine");
  CHECK(waiting.message.find(owner.to_string()) != std::string::npos);
  w.script.open("test.plain.a");
  w.end_of(owner);
  {
    const std::scoped_lock lock{w.store->mutex};
    w.store->lane_owner.erase("server:2");
  }
  w.pass_until(1s, [&] { return w.engine->peek(second)->record().is_done(); });
  CHECK(w.now(second).state == job_state::succeeded);
}

// -- joining ------------------------------------------------------------------

TEST_CASE("the same request twice is one job", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.keyed.k");
  const auto first = w.submit(keyed, 1);
  const auto again = w.ask(keyed, 1);
  REQUIRE(again);
  CHECK(again->outcome == jobs::accept_outcome::joined);
  CHECK(again->job->record().id == first);
  w.script.open("test.keyed.k");
  w.end_of(first);
  CHECK(w.script.count("test.keyed.k @1") == 1);
}

TEST_CASE("joining a parked job offers it another go", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.keyed.k", fails(fault_code::docker_refused));
  // Its only step is retriable, but nothing is past the pivot: it rolls back.
  auto failed = w.submit(keyed, 1);
  CHECK(w.end_of(failed).state == job_state::failed);
  w.script.let("test.delete.tell", fails(fault_code::docker_refused));
  const auto parked = w.submit(remove_server, 1);
  w.until(parked, job_state::parked);
  w.script.open_all();
  const auto again = w.ask(remove_server, 1);
  REQUIRE(again);
  CHECK(again->outcome == jobs::accept_outcome::joined);
  CHECK(again->job->record().id == parked);
  CHECK(w.end_of(parked).state == job_state::succeeded);
}

// -- cancel -------------------------------------------------------------------

TEST_CASE("a cancel before the pivot takes back what was done, newest first",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.b");
  const auto id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.b"));
  const auto answer = w.cancel(id);
  REQUIRE(answer);
  CHECK(answer.value()->record().state == job_state::cancelling);
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::cancelled);
  CHECK(w.script.entries()
        == strings{"test.plain.a @1", "test.plain.b @1", "in test.plain.b",
                   "undo test.plain.b @1", "undo test.plain.a @1"});
}

TEST_CASE("a cancel is on disk before the step is asked to stop", "[actors]") {
  engine_world w;
  w.boot();
  std::atomic<bool> durable = false;
  gate door;
  jobs::job_id id;
  std::promise<void> submitted;
  w.script.let(
      "test.plain.a", [&](jobs::step_context& ctx) -> jobs::step_outcome {
        w.script.write("in a");
        door.pass(ctx.stop, false);
        const std::scoped_lock lock{w.store->mutex};
        durable = w.store->jobs.at(ctx.job.row).state == job_state::cancelling;
        return stopped();
      });
  id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in a"));
  REQUIRE(w.cancel(id));
  CHECK(w.end_of(id).state == job_state::cancelled);
  CHECK(durable);
}

TEST_CASE("a cancel past the pivot is refused and the job goes on",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.c");
  const auto id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.c"));
  const auto refused = w.cancel(id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::past_pivot);
  w.script.open("test.plain.c");
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job in line is cancelled without having run", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a");
  w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  const auto second = w.submit(single, 1);
  REQUIRE(w.cancel(second));
  CHECK(w.end_of(second).state == job_state::cancelled);
  CHECK(w.script.count("test.single.s @1") == 0);
}

TEST_CASE("only a live job can be cancelled", "[actors]") {
  engine_world w;
  w.boot();
  const auto id = w.submit(single, 1);
  w.end_of(id);
  CHECK(w.cancel(id).error().code == fault_code::already_finished);
  const auto unknown = jobs::make_job_id(w.clock.now());
  CHECK(w.cancel(unknown).error().code == fault_code::job_not_found);
}

TEST_CASE("a step that succeeds although it was asked to stop is undone",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a", true);
  const auto id = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  REQUIRE(w.cancel(id));
  w.script.open("test.plain.a");
  const auto job = w.end_of(id);
  CHECK(job.state == job_state::cancelled);
  CHECK(w.script.count("undo test.plain.a @1") == 1);
}

// -- failures -----------------------------------------------------------------

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
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  const auto id = w.submit(plain, 1);
  w.until(id, job_state::parked);
  w.script.open_all();
  const auto again = w.retry(id);
  REQUIRE(again);
  CHECK(again->job->record().id == id);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a parked job can be abandoned, and lets its lane go", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  const auto id = w.submit(plain, 1);
  w.until(id, job_state::parked);
  const auto next = w.submit(single, 1);
  w.until_reason(next, "WaitingInLine");
  REQUIRE(w.abandon(id));
  CHECK(w.end_of(id).state == job_state::failed);
  CHECK(w.end_of(next).state == job_state::succeeded);
  CHECK(w.abandon(id).error().code == fault_code::not_parked);
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

// -- stalls -------------------------------------------------------------------

TEST_CASE("a step without a sign of life is asked to stop and tried again",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.watched.w");
  const auto id = w.submit(watched, 1);
  REQUIRE(w.script.wait_for("in test.watched.w"));
  w.until(id, job_state::running);
  w.pass(60s);
  const auto job = w.until(id, job_state::retry_wait);
  CHECK(job.steps[0].error->code == fault_code::stuck);
  CHECK(job.attempt == 1);
  w.script.open_all();
  w.pass(1h);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a report is a sign of life", "[actors]") {
  engine_world w;
  w.boot();
  gate door;
  w.script.let("test.watched.w",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 w.script.write("began");
                 // Half a minute at a time, never a whole one in silence.
                 for (int i = 0; i < 6; ++i) {
                   w.pass(30s);
                   ctx.report({.done = i, .unit = "entries", .message = {}});
                 }
                 if (ctx.stop.stop_requested())
                   return stopped();
                 return jobs::step_done{};
               });
  CHECK(w.end_of(w.submit(watched, 1)).state == job_state::succeeded);
}

TEST_CASE("a step over its deadline is asked to stop", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.overdue.o");
  const auto id = w.submit(overdue, 1);
  REQUIRE(w.script.wait_for("in test.overdue.o"));
  w.until(id, job_state::running);
  w.pass(10s);
  const auto job = w.until(id, job_state::retry_wait);
  CHECK(job.steps[0].error->code == fault_code::timed_out);
}

TEST_CASE("a stuck step is shown, replaced in its pool, and counts when it "
          "returns",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto before = log_book().count("step-stuck");
  w.script.hold("test.watched.w", true);
  const auto id = w.submit(watched, 1); // the pool "narrow" has one worker
  REQUIRE(w.script.wait_for("in test.watched.w"));
  w.until(id, job_state::running);
  const auto stalled = log_book().count("step-stalled");
  w.pass(60s);
  REQUIRE(log_book().wait_for("step-stalled", stalled + 1));
  w.pass_until(10s, [&] { return log_book().count("step-stuck") > before; });
  const auto job = w.until_reason(id, "Stuck");
  CHECK(job.state == job_state::running);
  CHECK(w.end_of(w.submit(narrow, 2)).state == job_state::succeeded);
  w.script.open("test.watched.w");
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.script.count("test.watched.w @1") == 1);
  CHECK(w.end_of(w.submit(narrow, 3)).state == job_state::succeeded);
}

// -- alone --------------------------------------------------------------------

TEST_CASE("a step that must be alone cancels the others and waits for them",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.soft_side.s", true);
  const auto other = w.submit(soft_side, 1);
  REQUIRE(w.script.wait_for("in test.soft_side.s"));
  const auto id = w.submit(remove_server, 1);
  const auto waiting = w.until_reason(id, "WaitingForOtherJobs");
  CHECK(waiting.message.find(other.to_string()) != std::string::npos);
  CHECK(w.script.count("test.delete.alone @1") == 0);
  w.script.open("test.soft_side.s");
  CHECK(w.end_of(other).state == job_state::cancelled);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that preempts sends away what waits in its lane, and refuses "
          "what comes later",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.c"); // past its pivot: it may finish
  w.script.hold("test.delete.tell");
  const auto first = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.c"));
  const auto queued = w.submit(single, 1);
  const auto id = w.submit(remove_server, 1);
  CHECK(w.end_of(queued).state == job_state::cancelled);
  const auto refused = w.ask(single, 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::server_locked);
  CHECK(refused.error().in_the_way == id.to_string());
  w.script.open("test.plain.c");
  CHECK(w.end_of(first).state == job_state::succeeded);
  w.script.open("test.delete.tell");
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that preempts gives up a parked job in its lane", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  const auto parked = w.submit(plain, 1);
  w.until(parked, job_state::parked);
  const auto id = w.submit(remove_server, 1);
  CHECK(w.end_of(parked).error->code == fault_code::abandoned);
  CHECK(w.end_of(id).state == job_state::succeeded);
}
