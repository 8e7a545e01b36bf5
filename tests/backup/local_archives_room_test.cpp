// Backups and the room on their disk.
#include "tests/backup/backup_place.hpp"

#include <csignal>
#include <sys/resource.h>

using namespace alula;
using backup::backup_place;
using backup::disk_stage;
using backup::place_of;
using contracts::archives_stage;
using contracts::fails_with;
using jobs::fault_code;

TEST_CASE("a database counts twice while it is copied aside", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  place.fill(
      {{"world/map.sqlite", std::string{"SQLite format 3\0\x10\0\1\1", 20}},
       {"region", std::string(100, 'r')}});
  std::filesystem::resize_file(place.files.root / "world/map.sqlite", 32 << 20);
  std::filesystem::resize_file(place.files.root / "region", 40 << 20);
  const auto size = on.port.measure(place.volume(), on.order(on.job), {}, {});
  REQUIRE(size);
  CHECK(size->aside == 32 << 20);
}

TEST_CASE("a disk that fills up ends a write before it is full", "[archives]") {
  const auto free =
      std::filesystem::space(std::filesystem::temp_directory_path()).available;
  backup::store_settings settings;
  settings.level = backup::compression::none;
  settings.room =
      std::make_shared<jobs::disk_room>(static_cast<std::int64_t>(free) * 3);
  archives_stage on{std::make_unique<backup_place>(std::move(settings))};
  on.world->fill({{"big", std::string(40 << 20, 'x')}});
  const auto made = on.write();
  fails_with(made, fault_code::insufficient_storage);
  CHECK(made.error().what.find("are free") != std::string::npos);
  CHECK(place_of(on).names().empty());
}

TEST_CASE("a full disk is told with its numbers", "[archives]") {
  auto on = disk_stage();
  const auto refused =
      on.port.reserve(on.job, {.bytes = std::int64_t{1} << 60});
  fails_with(refused, fault_code::insufficient_storage);
  CHECK(refused.error().what.starts_with("1024.0 PiB are needed"));
  CHECK(refused.error().what.find("0 bytes are reserved") != std::string::npos);
}

TEST_CASE("what does not fit ends a write and leaves nothing", "[archives]") {
  auto on = disk_stage();
  on.world->fill({{"big", std::string(3'000'000, 'x')}});
  // A limit on file sizes fails like a full disk does: in write(2).
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  auto small = before;
  small.rlim_cur = 1'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto made = on.write();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  fails_with(made, fault_code::io_error);
  CHECK(place_of(on).names().empty());
}

TEST_CASE("what is written is no longer reserved", "[archives]") {
  auto on = disk_stage();
  on.world->fill(on.files);
  REQUIRE(on.port.reserve(on.job, {.bytes = 1'000'000}));
  const auto made = on.write();
  REQUIRE(made);
  CHECK(on.port.space()->reserved == 1'000'000 - made->facts.size);
}
