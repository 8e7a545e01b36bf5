#include "tests/actors/chore_world.hpp"

using namespace alula;
using namespace alula::actors_test;

namespace {

struct verifying : chore_world {
  /// To the tick that is due, and until the next one is known.
  void pass_tick(std::chrono::milliseconds time) {
    pass(time);
    eventually([&] { return next("backup.verify") > clock.at; });
  }
};

} // namespace

TEST_CASE("every backup is verified within the time that is asked for",
          "[actors]") {
  verifying w;
  const jobs::time_ms begun = w.clock.at;
  for (int i = 1; i <= 5; ++i)
    w.put_backup(i, 1 + i % 2, begun - i);
  w.chores_settings.verify_within = 10h;
  w.start();
  w.eventually([&] { return w.next("backup.verify") == begun + in_ms(2h); });
  w.jobs_ended("backup.scan", 1);
  for (int i = 1; i <= 5; ++i) {
    w.pass_tick(2h);
    w.jobs_ended("backup.verify", static_cast<std::size_t>(i));
    // The one that was not read for longest, also as a new start sees it.
    CHECK(w.record(6 - i)->verified_at == w.clock.at);
    w.start();
    w.jobs_ended("backup.scan", static_cast<std::size_t>(i) + 1);
  }
  CHECK(w.clock.at == begun + in_ms(10h));
}

TEST_CASE("the next verification begins when the last has ended", "[actors]") {
  verifying w;
  const jobs::time_ms begun = w.clock.at;
  w.put_backup(1, 1, begun - 2);
  w.put_backup(2, 2, begun - 1);
  w.chores_settings.verify_within = 2min;
  w.start();
  w.jobs_ended("backup.scan", 1);
  // Not for so long that it counts as stalled.
  w.archives.hold("verify");
  w.pass_tick(1min);
  w.eventually([&] { return w.jobs_of("backup.verify").size() == 1; });
  for (int i = 0; i < 3; ++i) {
    w.pass_tick(1min);
    CHECK(w.jobs_of("backup.verify").size() == 1);
  }
  w.archives.let_go("verify");
  w.jobs_ended("backup.verify", 1);
  w.pass_until(1min, [&] {
    w.doing->look();
    return w.record(2)->verified_at > begun;
  });
}

TEST_CASE("few backups are not verified more often than is asked for",
          "[actors]") {
  verifying w;
  w.put_backup(1, 1, w.clock.at);
  w.chores_settings.verify_within = 240h;
  w.start();
  w.jobs_ended("backup.scan", 1);
  for (int day = 1; day <= 8; ++day)
    w.pass_tick(24h);
  CHECK(w.jobs_of("backup.verify").empty());
  w.pass_tick(24h);
  w.jobs_ended("backup.verify", 1);
}

TEST_CASE("new backups make verifications more frequent within a day",
          "[actors]") {
  verifying w;
  w.put_backup(1, 1, w.clock.at);
  w.chores_settings.verify_within = 240h;
  w.start();
  w.jobs_ended("backup.scan", 1);
  w.eventually(
      [&] { return w.next("backup.verify") == w.clock.at + in_ms(24h); });
  for (int i = 2; i <= 80; ++i)
    w.put_backup(i, 2);
  w.pass_tick(24h);
  CHECK(w.next("backup.verify") == w.clock.at + in_ms(3h));
}

TEST_CASE("a backup that was never verified counts from when it was made",
          "[actors]") {
  verifying w;
  w.put_backup(1, 1, w.clock.at - 1);
  w.put_backup(2, 2); // made now
  w.chores_settings.verify_within = 2h;
  w.start();
  w.jobs_ended("backup.scan", 1);
  w.pass_tick(1h);
  w.jobs_ended("backup.verify", 1);
  CHECK(w.record(1)->verified_at == w.clock.at);
  w.pass_tick(1h);
  w.jobs_ended("backup.verify", 2);
  CHECK(w.record(2)->verified_at == w.clock.at);
}
