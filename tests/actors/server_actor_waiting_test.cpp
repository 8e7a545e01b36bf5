#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;
using strings = std::vector<std::string>;

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
  const auto parked = w.park(plain, 1, "test.plain.c");
  const auto id = w.submit(remove_server, 1);
  CHECK(w.end_of(parked).error->code == fault_code::abandoned);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that preempts goes on when the one in its way parks later",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.c"); // past its pivot
  const auto first = w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.c"));
  const auto id = w.submit(remove_server, 1);
  w.until_reason(id, "WaitingInLine");
  // Asked to stop, as a stalled step is, it says no for good.
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  w.crash();
  w.script.let("test.plain.c", fails(fault_code::docker_refused));
  w.boot();
  CHECK(w.end_of(first).error->code == fault_code::abandoned);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that preempts sends away after a crash what it found before",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto parked = w.park(plain, 1, "test.plain.c");
  // Accepted, and the process dies before anything came of it.
  w.ledger->die_after_next_accept();
  w.engine->submit(w.request(remove_server, 1), [](const auto&) {});
  REQUIRE(w.ledger->wait_until_dead());
  w.crash();
  w.boot();
  const auto live = answer_of<jobs::engine::page>([&](auto done) {
    jobs::job_filter filter;
    filter.kind = remove_server.name;
    w.engine->list(filter, 0, 1, std::move(done));
  });
  REQUIRE(live);
  REQUIRE(live->items.size() == 1);
  const auto id = live->items[0]->record().id;
  CHECK(w.end_of(parked).error->code == fault_code::abandoned);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a job that preempts gives up one that cannot be undone",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.plain.b", fails(fault_code::docker_refused));
  const auto parked = w.park(plain, 1, "undo test.plain.b");
  const auto id = w.submit(remove_server, 1);
  CHECK(w.end_of(parked).error->code == fault_code::abandoned);
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.script.count("undo test.plain.b @1") == 2);
}
