#include "actors/actor_engine.hpp"
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

const jobs::catalog narrow_catalog{{&narrow_lanes[0], &narrow_lanes[1],
                                    &narrow_lanes[2], &narrow_lanes[3],
                                    &narrow}};

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

TEST_CASE("a job that waits for a worker says so after a while", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.narrow.n @1");
  w.submit(narrow, 1);
  REQUIRE(w.script.wait_for("in test.narrow.n @1"));
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
  w.script.hold("test.narrow.n @1");
  const auto first = w.submit(narrow, 1);
  REQUIRE(w.script.wait_for("in test.narrow.n @1"));
  const auto id = w.submit(narrow, 2);
  REQUIRE(w.cancel(id));
  CHECK(w.end_of(id).state == job_state::cancelled);
  w.script.open("test.narrow.n @1");
  w.end_of(first);
  CHECK(w.end_of(w.submit(narrow, 3)).state == job_state::succeeded);
  CHECK(w.script.count("test.narrow.n @2") == 0);
}
