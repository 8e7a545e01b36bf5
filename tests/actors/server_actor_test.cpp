#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;
using strings = std::vector<std::string>;

namespace {

/// The job that a request has started, when it needs somebody.
jobs::job_id park_first(engine_world& w, const jobs::submission& what) {
  const auto first = w.ask(what);
  REQUIRE(first);
  const auto id = first->job->record().id;
  w.until(id, job_state::parked);
  return id;
}

void goes_on_when_replayed(engine_world& w, const jobs::submission& what,
                           const jobs::job_id& id) {
  w.script.open_all();
  const auto again = w.ask(what);
  REQUIRE(again);
  CHECK(again->outcome == jobs::accept_outcome::replayed);
  CHECK(again->job->record().id == id);
  CHECK(w.end_of(id).state == job_state::succeeded);
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
  const auto parked = w.park(remove_server, 1, "test.delete.tell");
  w.script.open_all();
  const auto again = w.ask(remove_server, 1);
  REQUIRE(again);
  CHECK(again->outcome == jobs::accept_outcome::joined);
  CHECK(again->job->record().id == parked);
  CHECK(w.end_of(parked).state == job_state::succeeded);
}

TEST_CASE("a replayed request offers a parked job another go", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.delete.tell", fails(fault_code::docker_refused));
  auto what = w.request(remove_server, 1);
  what.key = jobs::idempotency{"panel", "key", "print"};
  const auto id = park_first(w, what);
  goes_on_when_replayed(w, what, id);
}

TEST_CASE("a replayed request finds its parked job when its server is gone",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.delete.forget", [](auto&) -> jobs::step_outcome {
    return jobs::step_done{.changes = {jobs::forget_server{}}};
  });
  w.script.let("test.delete.purge", fails(fault_code::docker_refused));
  auto what = w.request(remove_server, 1);
  what.key = jobs::idempotency{"panel", "key", "print"};
  const auto id = park_first(w, what);
  CHECK_FALSE(w.engine->find_server(server_number(1)));
  goes_on_when_replayed(w, what, id);
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
