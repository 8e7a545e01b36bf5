#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

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
  std::int64_t of_plain = 0;
  for (const auto& [what, count] : told.jobs_by_kind_and_state)
    if (what.first == "test.plain")
      of_plain += count;
  CHECK(of_plain == 1);
  CHECK(told.jobs_by_kind_and_state.size() == 2); // one runs, one is in line
  CHECK(told.ended_since_boot == 1);
  CHECK(told.oldest_waiting_since == w.clock.now());
  const auto pool =
      std::ranges::find(told.pools, "lifecycle", &jobs::summary::pool::name);
  REQUIRE(pool != told.pools.end());
  CHECK(pool->workers == 4);
  CHECK(pool->busy >= 1);
}

TEST_CASE("a container is looked at by its name, then through its record",
          "[actors]") {
  engine_world w;
  w.containers.put("c1", server_number(1).to_string());
  w.containers.put("c3", "renamed-by-hand");
  w.containers.put("old", "replaced-by-hand");
  w.store->servers.at(1).record.container_id = "old";
  w.store->servers.at(3).record.container_id = "c3";
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
  CHECK((*ask(3))->id == "c3");
  CHECK(ask(99).error().code == fault_code::server_not_found);
  w.containers.set_down(true);
  CHECK(ask(1).error().code == fault_code::docker_unavailable);
}

TEST_CASE("what is said while a container is looked at has the request's id",
          "[actors]") {
  engine_world w;
  log_book();
  w.containers.before_inspect = [] {
    jobs::log(jobs::log_level::info, "looked-at-a-container");
  };
  w.boot();
  const jobs::log_scope whose{"request", "r-of-a-looker"};
  CHECK(answer_of<std::optional<jobs::container_info>>([&](auto done) {
    w.engine->inspect_server(server_number(1), std::move(done));
  }));
  CHECK(log_books().lines.wait_for(
      "looked-at-a-container request=r-of-a-looker"));
}
