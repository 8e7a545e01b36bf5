// Whose turn it is at the disk, and on how many threads.
#include "jobs/rest.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/this_process.hpp"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>

using namespace alula;
using backup::disk_stage;
using backup::idle_priority;
using backup::io_priority;
using backup::last_priority;
using backup::place_of;
using jobs::check_for;

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
    REQUIRE(on.port.verify(
        on.backup, {.size = 0, .sha1 = {}, .sha256 = {}, .whom = whom}, {},
        [&](const auto&) { during = io_priority(); }));
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
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  SECTION("by the index of its blocks") {
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
  REQUIRE((*slow)->verify(on.backup, {}, {}, {}));
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
