#include "tests/actors/chore_world.hpp"

using namespace alula;
using namespace alula::actors_test;

TEST_CASE("a schedule survives a restart", "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.chores_settings.verify_every = 10h;
  w.start();
  w.eventually([&] { return w.next("backup.verify") != 0; });
  const auto due = w.next("backup.verify");
  CHECK(due == w.clock.at + in_ms(10h));
  w.jobs_ended("backup.scan", 1);
  // Restarted more often than it ticks.
  for (int i = 0; i < 3; ++i) {
    w.clock.at += in_ms(3h);
    w.start();
    w.jobs_ended("backup.scan", static_cast<std::size_t>(i) + 2);
  }
  CHECK(w.next("backup.verify") == due);
  CHECK(w.jobs_of("backup.verify").empty());
  w.pass(1h);
  w.jobs_ended("backup.verify", 1);
  CHECK(w.record(1)->verified_at != 0);
}

TEST_CASE("missed ticks are made up for with one", "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.chores_settings.verify_every = 1h;
  w.start_overdue("backup.verify", w.clock.at - in_ms(72h));
  w.jobs_ended("backup.verify", 1);
  w.eventually([&] { return w.next("backup.verify") > w.clock.at; });
  CHECK(w.next("backup.verify") == w.clock.at + in_ms(1h));
  w.pass(59min);
  w.jobs_ended("backup.verify", 1);
  w.pass(1min);
  w.jobs_ended("backup.verify", 2);
}

TEST_CASE("nodes that were started together make up for a tick apart",
          "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  const auto every = GENERATE(50min, std::chrono::minutes{24h});
  const auto most = std::min<std::chrono::milliseconds>(every / 10, 10min);
  w.random = GENERATE(0.0, 0.25, 1.0);
  w.chores_settings.verify_every = every;
  w.set_schedule("backup.verify", w.clock.at - in_ms(1h));
  const jobs::time_ms booted = w.clock.at;
  const auto due = booted
                   + static_cast<jobs::time_ms>(
                       static_cast<double>(most.count()) * w.random.load());
  w.start();
  if (due > booted) {
    w.eventually([&] { return w.next("backup.verify") == due; });
    w.jobs_ended("backup.scan", 1);
    // A restart in between puts it off no further.
    w.random = 0.9;
    w.pass(std::chrono::milliseconds{due - booted - 1});
    w.start();
    w.jobs_ended("backup.scan", 2);
    CHECK(w.next("backup.verify") == due);
    CHECK(w.jobs_of("backup.verify").empty());
    w.pass(1ms);
  }
  w.jobs_ended("backup.verify", 1);
}

TEST_CASE("a tick is at most a tenth early or late", "[actors]") {
  chore_world w;
  w.random = GENERATE(0.0, 0.25, 1.0);
  w.chores_settings.scan_every = 100min;
  w.start();
  w.eventually([&] { return w.next("backup.scan") != 0; });
  const auto first = w.next("backup.scan") - w.clock.at;
  const auto jitter = static_cast<jobs::time_ms>(w.random.load() * 1'200'000.0);
  CHECK(first == in_ms(90min) + jitter);
  w.jobs_ended("backup.scan", 1);
  w.pass(std::chrono::milliseconds{first});
  w.jobs_ended("backup.scan", 2);
  CHECK(w.next("backup.scan") == w.clock.at + first);
}

TEST_CASE("a shorter interval, or a clock that was put back, counts at once",
          "[actors]") {
  chore_world w;
  w.set_schedule("backup.scan", w.clock.at + in_ms(24h * 365));
  w.chores_settings.scan_every = 1h;
  w.start();
  w.eventually([&] { return w.next("backup.scan") == w.clock.at + in_ms(1h); });
}

TEST_CASE("what is not wanted is never scheduled", "[actors]") {
  chore_world w;
  w.start();
  w.jobs_ended("backup.scan", 1);
  CHECK(w.next("backup.verify") == 0);
  CHECK(w.jobs_of("backup.rotate").empty());
}
