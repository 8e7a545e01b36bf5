#include "actors/alarm_clock.hpp"
#include "actors/task_threads.hpp"
#include "actors/worker_crew.hpp"
#include "tests/actors/stage.hpp"

#include <atomic>
#include <future>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;

TEST_CASE("alarms ring in the order of their times", "[actors]") {
  std::atomic<jobs::time_ms> up = 0;
  actors::alarm_clock alarms{[&] { return up.load(); }};
  journal rung;
  alarms.arm(20ms, [&] { rung.write("second"); });
  alarms.arm(10ms, [&] { rung.write("first"); });
  const auto dropped = alarms.arm(15ms, [&] { rung.write("never"); });
  alarms.arm(1h, [&] { rung.write("late"); });
  alarms.disarm(dropped);
  alarms.disarm(dropped);
  alarms.disarm(0);
  up = 30;
  alarms.look();
  REQUIRE(rung.wait_for("second"));
  CHECK(rung.entries() == std::vector<std::string>{"first", "second"});
}

TEST_CASE("no look at a clock that was moved is lost", "[actors]") {
  std::atomic<jobs::time_ms> up = 0;
  actors::alarm_clock alarms{[&] { return up.load(); }};
  for (int i = 0; i < 2'000; ++i) {
    std::promise<void> rang;
    alarms.arm(1h, [&] { rang.set_value(); });
    up += 3'600'000;
    alarms.look();
    REQUIRE(rang.get_future().wait_for(patience) == std::future_status::ready);
  }
}

TEST_CASE("alarms ring on the steady clock", "[actors]") {
  actors::alarm_clock alarms{{}};
  std::promise<void> rang;
  const auto begun = std::chrono::steady_clock::now();
  alarms.arm(20ms, [&] { rang.set_value(); });
  REQUIRE(rang.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(std::chrono::steady_clock::now() - begun >= 19ms);
}

TEST_CASE("an alarm of the calendar rings when the calendar says so",
          "[actors]") {
  std::atomic<jobs::time_ms> up = 0, calendar = 1'000'000;
  actors::alarm_clock alarms{[&] { return up.load(); },
                             [&] { return calendar.load(); }};
  journal rung;
  const auto day = 86'400'000;
  alarms.arm_at(calendar + day, [&] { rung.write("tomorrow"); });
  const auto dropped =
      alarms.arm_at(calendar + 1, [&] { rung.write("never"); });
  alarms.disarm(dropped);
  up += 2 * day; // the calendar was set back meanwhile
  calendar -= 1'000;
  alarms.arm(0ms, [&] { rung.write("now"); });
  REQUIRE(rung.wait_for("now"));
  calendar += day + 1'000;
  alarms.look();
  REQUIRE(rung.wait_for("tomorrow"));
  CHECK(rung.entries() == std::vector<std::string>{"now", "tomorrow"});
}

TEST_CASE("an alarm may throw, and may arm another", "[actors]") {
  log_book();
  actors::alarm_clock alarms{{}};
  std::promise<void> rang;
  alarms.arm(0ms, [] { throw std::runtime_error{"boom"}; });
  alarms.arm(0ms, [&] { alarms.arm(0ms, [&] { rang.set_value(); }); });
  CHECK(rang.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("a stopped clock rings no more", "[actors]") {
  actors::alarm_clock alarms{{}};
  alarms.stop();
  CHECK(alarms.arm(0ms, [] { FAIL("it rang"); }) == 0);
}

TEST_CASE("a full queue refuses tasks", "[actors]") {
  gate door;
  std::promise<void> begun, ended;
  actors::task_threads threads{"test", 1, 1};
  REQUIRE(threads.run([&] {
    begun.set_value();
    door.pass({}, true);
  }));
  REQUIRE(begun.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(threads.run([&] { ended.set_value(); }));
  CHECK_FALSE(threads.run([] {}));
  door.open();
  CHECK(ended.get_future().wait_for(patience) == std::future_status::ready);
  threads.stop();
  CHECK_FALSE(threads.run([] {}));
}

TEST_CASE("a crew grows past a stuck worker and shrinks when it is back",
          "[actors]") {
  gate door;
  journal done;
  actors::worker_crew crew{"test", 1};
  for (int round = 1; round <= 3; ++round) {
    crew.run([&] {
      done.write("stuck");
      door.pass({}, true);
    });
    REQUIRE(done.wait_for("stuck", static_cast<std::size_t>(round)));
    crew.add_thread();
    crew.run([&] { done.write("ran"); });
    REQUIRE(done.wait_for("ran", static_cast<std::size_t>(round)));
    door.open();
    crew.remove_thread();
  }
  crew.run([&] { done.write("still here"); });
  CHECK(done.wait_for("still here"));
}
