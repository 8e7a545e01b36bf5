// How the end of a server's process is waited for.
#include "tests/doubles/console_recorder.hpp"
#include "tests/jobs/kinds/life_world.hpp"

#include <memory>
#include <stop_token>

using namespace alula::jobs;

TEST_CASE("who waits for a stop looks as soon as Docker tells the end",
          "[power]") {
  life_world w;
  w.run_it();
  w.life.processes.stops_when_awaited = false;
  int rests = 0;
  w.life.processes.on_await = [&](const std::stop_token& rest) {
    if (++rests > 1)
      return;
    CHECK_FALSE(rest.stop_requested());
    w.docker.exit(w.uuid(), 0);
    CHECK(rest.stop_requested());
  };
  auto job = w.accept_power("stop");
  done(w.run(server_power, job, "stop"));
  CHECK(rests == 1);
  CHECK(w.docker.notices_given == 1);
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}

TEST_CASE("a stop that is asked to end leaves its rest at once", "[power]") {
  life_world w;
  w.run_it();
  w.life.processes.stops_when_awaited = false;
  w.life.processes.on_await = [&](const std::stop_token& rest) {
    w.stop.request_stop();
    CHECK(rest.stop_requested());
  };
  auto job = w.accept_power("stop");
  CHECK(failed(w.run(server_power, job, "stop")).code
        == fault_code::interrupted);
}

TEST_CASE("the last words of a server are heard before it counts as off",
          "[power]") {
  life_world w;
  w.run_it();
  w.life.processes.stops_when_awaited = false;
  REQUIRE(w.life.streams.attach(
      w.uuid(), std::make_shared<alula::doubles::console_recorder>()));
  auto job = w.accept_power("kill");
  done(w.run_all(server_power, job));
  // Docker has told the end at once: it is the console that is waited for.
  CHECK(w.life.processes.count("await_offline") == 2);
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}
