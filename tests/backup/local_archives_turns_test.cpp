// Whose turn it is at the disk, and on how many threads.
#include "jobs/rest.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/this_process.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace alula;
using backup::backup_place;
using backup::disk_stage;
using backup::idle_priority;
using backup::io_priority;
using backup::last_priority;
using backup::place_of;
using contracts::archives_stage;
using jobs::check_for;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

archives_stage stage_in_memory(backup::store_settings settings) {
  return archives_stage{
      std::make_unique<backup_place>(std::move(settings), backup::in_memory)};
}

} // namespace

TEST_CASE("making a backup leaves the disk to others when it is to",
          "[archives]") {
  backup::store_settings settings;
  settings.idle_io = GENERATE(true, false);
  auto on = stage_in_memory(settings);
  auto& place = place_of(on);
  contracts::archives_world::tree many{{"big", std::string(3 * mib, 'x')}};
  for (int i = 0; i < 600; ++i)
    many["f" + std::to_string(i)] = "x";
  place.fill(many);
  const auto before = io_priority();
  const auto wanted = settings.idle_io ? idle_priority : before;
  long during = -1;
  const auto tell = [&](const jobs::archive_progress_made&) {
    during = io_priority();
  };
  SECTION("when it counts") {
    REQUIRE(on.port.measure(place.volume(), on.order(on.job), {}, tell));
  }
  SECTION("when it writes") {
    REQUIRE(on.port.write(place.volume(), on.order(on.job), {}, tell));
  }
  SECTION("when it streams, on the thread that sends too") {
    long of_sender = -1;
    const auto into = [&](std::string_view) -> jobs::status {
      of_sender = io_priority();
      return {};
    };
    REQUIRE(on.port.stream(place.volume(), on.order(on.job), into, {}, tell));
    CHECK(of_sender == wanted);
  }
  CHECK(during == wanted);
  CHECK(io_priority() == before);
}

TEST_CASE("a backup is made on as many threads as it may have", "[archives]") {
  backup::store_settings settings;
  settings.threads = GENERATE(1U, 4U);
  auto on = stage_in_memory(settings);
  auto& place = place_of(on);
  place.fill({{"big", std::string(16 * mib, 'x')}});
  backup::new_threads started;
  const auto tell = [&](const jobs::archive_progress_made&) { started.look(); };
  SECTION("into a file") {
    REQUIRE(on.port.write(place.volume(), on.order(on.job), {}, tell));
  }
  SECTION("into a store") {
    const auto into = [](std::string_view) { return jobs::status{}; };
    REQUIRE(on.port.stream(place.volume(), on.order(on.job), into, {}, tell));
  }
  CHECK(started.most() == settings.threads + 2); // sink and SHA-256
}

TEST_CASE("an archive of ours is read on as many threads as may be",
          "[archives]") {
  backup::store_settings settings;
  settings.level = backup::compression::none;
  settings.threads = GENERATE(1U, 4U);
  auto on = stage_in_memory(settings);
  auto& place = place_of(on);
  place.fill({{"big", std::string(24 * mib, 'x')}}); // more than is read ahead
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  const auto threads_of_reading = [&] {
    backup::new_threads of_check;
    REQUIRE(on.port.verify(on.backup, {}, {},
                           [&](const auto&) { of_check.look(); }));
    backup::new_threads of_restore;
    REQUIRE(on.port.extract({.backup = on.backup}, place.staging(), {},
                            [&](const auto&) { of_restore.look(); }));
    CHECK(of_check.most() == of_restore.most());
    return of_check.most();
  };
  SECTION("by the index of its blocks") {
    CHECK(threads_of_reading() == settings.threads + 1); // one reads
  }
  SECTION("on one without an index, until there is one again") {
    REQUIRE(std::filesystem::remove(place.archive_of(on.backup).string()
                                    + ".manifest"));
    CHECK(threads_of_reading() == 1);
    REQUIRE(on.port.index(on.backup, on.server, on.later, {}, {}));
    for (const auto& each :
         std::filesystem::directory_iterator{place.stage.root})
      std::filesystem::remove_all(each);
    CHECK(threads_of_reading() == settings.threads + 1);
  }
}

TEST_CASE("a verification for nobody reads behind everybody else",
          "[archives]") {
  backup::store_settings settings;
  settings.idle_io = GENERATE(true, false);
  auto on = disk_stage(settings);
  place_of(on).fill({{"a", "1"}});
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  const auto before = io_priority();
  const auto seen_by = [&](check_for whom) {
    long during = -1;
    REQUIRE(on.port.verify(on.backup,
                           {.size = 0, .sha1 = {}, .sha256 = {}, .whom = whom},
                           {}, [&](const auto&) { during = io_priority(); }));
    CHECK(io_priority() == before);
    return during;
  };
  CHECK(seen_by(check_for::nobody)
        == (settings.idle_io ? idle_priority : last_priority));
  CHECK(seen_by(check_for::who_waits) == before);
}

TEST_CASE("a verification for nobody takes the time that the limit asks for",
          "[archives]") {
  constexpr std::uint64_t limit = 4'000'000; // a second's worth goes at once
  backup::store_settings settings;
  settings.level = backup::compression::none;
  auto on = disk_stage(settings);
  place_of(on).fill({{"big", std::string(limit * 3 / 2, 'x')}});
  const auto made = on.write();
  REQUIRE(made);
  REQUIRE(on.port.publish(on.backup, on.job));
  jobs::archive_expectation expected;
  SECTION("by the index of its blocks") {}
  SECTION("by its sum") {
    expected.sha256 = made->facts.sha256;
    expected.depth = jobs::check_depth::sum_of_ours;
  }
  SECTION("without one") {
    const auto archive = place_of(on).archive_of(on.backup).string();
    REQUIRE(std::filesystem::remove(archive + ".manifest"));
  }
  settings.directory = place_of(on).backups.root;
  settings.read_limit = limit;
  const auto slow = backup::local_archives::open(settings);
  REQUIRE(slow);
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE((*slow)->verify(on.backup, expected, {}, {}));
  CHECK(std::chrono::steady_clock::now() - begun
        >= std::chrono::milliseconds{400});
}

TEST_CASE("a verification that is waited for has no limit of rate",
          "[archives]") {
  backup::store_settings settings;
  settings.level = backup::compression::none;
  auto on = disk_stage(settings);
  place_of(on).fill({{"a", std::string(10'000, 'x')}});
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  settings.directory = place_of(on).backups.root;
  settings.read_limit = 1;
  const auto slow = backup::local_archives::open(settings);
  REQUIRE(slow);
  const jobs::archive_expectation now{
      .size = 0, .sha1 = {}, .sha256 = {}, .whom = check_for::who_waits};
  std::stop_source too_long;
  const std::jthread watch{[&](const std::stop_token& is_over) {
    if (jobs::rest(std::chrono::minutes{1}, is_over))
      too_long.request_stop();
  }};
  CHECK((*slow)->verify(on.backup, now, too_long.get_token(), {}));
}
