#include "actors/lasting_subscription.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::job_state;

TEST_CASE("who was cut off hears of what comes later", "[actors]") {
  engine_world w;
  w.settings.subscriber_lag = 1; // the commit of a step says more than that
  w.boot();
  std::atomic<int> cut_off{0};
  actors::lasting_subscription ears;
  ears.begin(*w.engine, [&](const jobs::event_batch& batch) {
    cut_off += batch.lost ? 1 : 0;
  });
  for (int server = 1; server <= 3; ++server) {
    const int before = cut_off;
    w.until(w.submit(remove_server, server), job_state::succeeded);
    w.pass_until(0ms, [&] { return cut_off > before; });
  }
  ears.end();
}

TEST_CASE("a lasting subscription that has ended is silent", "[actors]") {
  engine_world w;
  w.settings.subscriber_lag = 1;
  w.boot();
  std::atomic<int> heard{0};
  actors::lasting_subscription ears;
  ears.begin(*w.engine, [&](const jobs::event_batch&) { ++heard; });
  w.until(w.submit(remove_server, 1), job_state::succeeded);
  ears.end();
  ears.end();
  const int before = heard;
  w.until(w.submit(remove_server, 2), job_state::succeeded);
  CHECK(heard == before);
}
