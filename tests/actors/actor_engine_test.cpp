#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

TEST_CASE("a ticket can be looked up at once", "[actors]") {
  engine_world w;
  w.boot();
  std::promise<bool> seen;
  w.engine->submit(
      w.request(single, 1), [&](const jobs::result<jobs::ticket>& got) {
        seen.set_value(got && w.engine->peek(got->job->record().id));
      });
  auto answer = seen.get_future();
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  CHECK(answer.get());
}

TEST_CASE("a ticket means that the job is on disk", "[actors]") {
  engine_world w;
  w.boot();
  w.ledger->hold();
  std::promise<jobs::job_id> promise;
  auto answer = promise.get_future();
  w.engine->submit(w.request(single, 1),
                   [&](const jobs::result<jobs::ticket>& got) {
                     promise.set_value(got->job->record().id);
                   });
  CHECK(answer.wait_for(20ms) == std::future_status::timeout);
  CHECK(w.script.entries().empty());
  w.ledger->release();
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  w.end_of(answer.get());
}

TEST_CASE("what cannot be asked for is refused with its reason", "[actors]") {
  engine_world w;
  CHECK(w.settings.pools.size() == 12);
  w.boot();
  CHECK(w.ask(single, 99).error().code == fault_code::server_not_found);
  CHECK(w.ask(plain, 1, "bad").error().code == fault_code::validation);
  jobs::submission unknown;
  unknown.kind = "no.such.kind";
  CHECK(w.ask(unknown).error().code == fault_code::not_implemented);
  jobs::submission lost;
  lost.kind = about.name;
  lost.subject = jobs::make_job_id(w.clock.now());
  CHECK(w.ask(lost).error().code == fault_code::trash_not_found);
}

TEST_CASE("a request may register the server it is about", "[actors]") {
  engine_world w{0};
  w.boot();
  w.script.let("test.create.activate", [](auto&) -> jobs::step_outcome {
    return jobs::step_done{.changes = {jobs::activate_server{}}};
  });
  auto what = w.request(create, 7, server_number(7).to_string());
  const auto got = w.ask(what);
  REQUIRE(got);
  const auto job = w.end_of(got->job->record().id);
  CHECK(job.state == job_state::succeeded);
  CHECK(job.server == server_number(7));
  const auto server = w.engine->find_server(server_number(7));
  REQUIRE(server);
  CHECK(server->state == jobs::server_state::active);
  CHECK(w.engine->list_servers().size() == 1);
  CHECK(w.end_of(w.submit(single, 7)).state == job_state::succeeded);
  // The same uuid again.
  CHECK(w.ask(create, 7, server_number(7).to_string()).error().code
        == fault_code::server_exists);
}

TEST_CASE("a cancelled registration leaves no server", "[actors]") {
  engine_world w{0};
  w.boot();
  w.script.hold("test.create.make");
  w.script.let("undo test.create.make", [](auto&) -> jobs::step_outcome {
    return jobs::step_done{.changes = {jobs::discard_server{}}};
  });
  const auto id = w.submit(create, 0, server_number(7).to_string());
  REQUIRE(w.script.wait_for("in test.create.make"));
  REQUIRE(w.engine->find_server(server_number(7)));
  REQUIRE(w.cancel(id));
  CHECK(w.end_of(id).state == job_state::cancelled);
  CHECK_FALSE(w.engine->find_server(server_number(7)));
}

TEST_CASE("a request about an ended job works on the server of that job",
          "[actors]") {
  engine_world w;
  w.boot();
  // Accepted by the ledger as a claim of the trash would be.
  const auto subject = w.submit(single, 2);
  w.end_of(subject);
  jobs::submission what;
  what.kind = about.name;
  what.subject = subject;
  const auto got = w.ask(what);
  REQUIRE(got);
  CHECK(got->job->record().server == server_number(2));
  CHECK(got->job->record().lane == "server:2:trash");
  w.end_of(got->job->record().id);
}

TEST_CASE("a request with the same idempotency key is replayed", "[actors]") {
  engine_world w;
  w.boot();
  auto what = w.request(single, 1);
  what.key = jobs::idempotency{"panel", "k", "f"};
  const auto first = w.ask(what);
  REQUIRE(first);
  const auto id = first->job->record().id;
  w.end_of(id);
  const auto again = w.ask(what);
  REQUIRE(again);
  CHECK(again->outcome == jobs::accept_outcome::replayed);
  CHECK(again->job->record().id == id);
  what.key->fingerprint = "other";
  CHECK(w.ask(what).error().code == fault_code::idempotency_mismatch);
}

TEST_CASE("a key leads to its job also when the request would be refused now",
          "[actors]") {
  engine_world w{0};
  w.boot();
  w.script.let("test.create.activate", [](auto&) -> jobs::step_outcome {
    return jobs::step_done{.changes = {jobs::activate_server{}}};
  });
  auto request = w.request(create, 7, server_number(7).to_string());
  request.key = jobs::idempotency{"panel", "key", "print"};
  const auto first = w.ask(request);
  REQUIRE(first);
  const auto id = first->job->record().id;
  w.end_of(id);
  const auto again = w.ask(request);
  REQUIRE(again);
  CHECK(again->job->record().id == id);
  CHECK(again->outcome == jobs::accept_outcome::replayed);
  auto gone = w.request(single, 99);
  gone.key = jobs::idempotency{"panel", "key", "another print"};
  CHECK(w.ask(gone).error().code == fault_code::idempotency_mismatch);
  gone.key = jobs::idempotency{"panel", "another key", "print"};
  CHECK(w.ask(gone).error().code == fault_code::server_not_found);
}

TEST_CASE("a failed job is tried again as a new one", "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.single.s", [](auto&) -> jobs::step_outcome {
    return jobs::fault{.code = fault_code::docker_refused, .what = "no"};
  });
  const auto id = w.submit(single, 1, R"({"a":1})");
  CHECK(w.end_of(id).state == job_state::failed);
  w.script.open_all();
  const auto again = w.retry(id);
  REQUIRE(again);
  CHECK(again->job->record().id != id);
  CHECK(again->job->record().retry_of == id);
  CHECK(again->job->record().input == R"({"a":1})");
  CHECK(w.end_of(again->job->record().id).state == job_state::succeeded);
}

TEST_CASE("a retry with a key is made once", "[actors]") {
  engine_world w;
  w.boot();
  const jobs::idempotency key{"panel", "k", "f"};

  SECTION("of a failed job, whatever became of the new one") {
    w.script.let("test.single.s", fails(fault_code::docker_refused));
    const auto id = w.submit(single, 1);
    CHECK(w.end_of(id).state == job_state::failed);
    const auto again = w.retry(id, key);
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::created);
    const auto next = again->job->record().id;
    CHECK(w.end_of(next).state == job_state::failed);
    const auto repeated = w.retry(id, key);
    REQUIRE(repeated);
    CHECK(repeated->outcome == jobs::accept_outcome::replayed);
    CHECK(repeated->job->record().id == next);
  }
  SECTION("of a parked job, whatever became of it") {
    const auto id = w.park(plain, 1, "test.plain.c");
    w.script.open_all();
    REQUIRE(w.retry(id, key));
    CHECK(w.end_of(id).state == job_state::succeeded);
    const auto repeated = w.retry(id, key);
    REQUIRE(repeated);
    CHECK(repeated->outcome == jobs::accept_outcome::replayed);
    CHECK(repeated->job->record().id == id);
    const jobs::idempotency other{"panel", "k", "g"};
    CHECK(w.retry(id, other).error().code == fault_code::idempotency_mismatch);
  }
}

TEST_CASE("a delete that was given up is tried again as a new job",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.let("test.delete.tell", fails(fault_code::volume_obstructed));
  const auto id = w.submit(remove_server, 1);
  w.until(id, job_state::parked);
  REQUIRE(w.abandon(id));
  w.script.open_all();
  const auto again = w.retry(id);
  REQUIRE(again);
  CHECK(again->job->record().retry_of == id);
  CHECK(w.end_of(again->job->record().id).state == job_state::succeeded);
}

TEST_CASE("only a parked or failed job can be tried again", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  CHECK(w.retry(id).error().code == fault_code::not_parked);
  CHECK(w.abandon(id).error().code == fault_code::not_parked);
  w.script.open("test.single.s");
  w.end_of(id);
  CHECK(w.retry(id).error().code == fault_code::not_parked);
  CHECK(w.retry(jobs::make_job_id(w.clock.now())).error().code
        == fault_code::job_not_found);
}
