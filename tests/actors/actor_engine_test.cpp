#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

// -- submitting ---------------------------------------------------------------

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
  CHECK(w.settings.pools.size() == 3);
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

// -- reading ------------------------------------------------------------------

TEST_CASE("a job is found in memory, then in the ledger, then not",
          "[actors]") {
  engine_world w;
  w.settings.ended_jobs = 1;
  w.boot();
  const auto first = w.submit(single, 1);
  w.end_of(first);
  const auto second = w.submit(single, 1);
  w.end_of(second);
  CHECK(w.engine->peek(second));
  CHECK_FALSE(w.engine->peek(first)); // only one ended job is kept in memory
  REQUIRE(w.find(first));
  CHECK(w.find(first).value()->record().state == job_state::succeeded);
  CHECK(w.await(first, jobs::await_for::finished));

  const auto forgotten = answer_of<void>(
      [&](auto done) { w.engine->forget(first, std::move(done)); });
  CHECK(forgotten);
  CHECK(w.find(first).error().code == fault_code::job_not_found);
  const auto old = jobs::make_job_id(w.clock.now() - 400LL * 24 * 3'600'000);
  CHECK(w.find(old).error().code == fault_code::job_expired);
}

TEST_CASE("lists, events and the summary tell what happened", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.plain.a");
  w.submit(plain, 1);
  REQUIRE(w.script.wait_for("in test.plain.a"));
  w.until_reason(w.submit(single, 1), "WaitingInLine");
  const auto ended = w.submit(single, 2);
  w.end_of(ended);

  const auto page = answer_of<jobs::engine::page>(
      [&](auto done) { w.engine->list({}, 0, 2, std::move(done)); });
  REQUIRE(page);
  REQUIRE(page->items.size() == 2);
  CHECK(page->items[0]->record().id == ended);
  CHECK(page->next_before != 0);

  const auto events = answer_of<jobs::event_page>([&](auto done) {
    w.engine->events_after(0, {.job = ended, .server = {}, .kind = {}}, 100,
                           std::move(done));
  });
  REQUIRE(events);
  CHECK(events->items.front().type == "job.accepted");
  CHECK(events->items.back().type == "job.succeeded");

  const auto told = w.engine->summarize();
  CHECK(told.jobs_by_state.at("running") == 1);
  CHECK(told.jobs_by_state.at("queued") == 1);
  CHECK(told.jobs_by_kind.at("test.plain") == 1);
  CHECK(told.ended_since_boot == 1);
  CHECK(told.oldest_waiting_since == w.clock.now());
  const auto pool =
      std::ranges::find(told.pools, "lifecycle", &jobs::summary::pool::name);
  REQUIRE(pool != told.pools.end());
  CHECK(pool->workers == 4);
  CHECK(pool->busy >= 1);
}

TEST_CASE("a container is looked at through its record, then by its name",
          "[actors]") {
  engine_world w;
  w.containers.put("c1", server_number(1).to_string());
  w.boot();
  const auto ask = [&](int server) {
    return answer_of<std::optional<jobs::container_info>>([&](auto done) {
      w.engine->inspect_server(server_number(server), std::move(done));
    });
  };
  REQUIRE(ask(1));
  REQUIRE(ask(1)->has_value());
  CHECK((*ask(1))->id == "c1");
  CHECK_FALSE(ask(2)->has_value());
  CHECK(ask(99).error().code == fault_code::server_not_found);
  w.containers.set_down(true);
  CHECK(ask(1).error().code == fault_code::docker_unavailable);
}

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
