// What of an archive stays in memory between two readings.
#include "backup/page_cache.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/this_process.hpp"

#include <cstdint>
#include <fcntl.h>
#include <string>

using namespace alula;
using backup::disk_stage;
using backup::file_descriptor;
using backup::pages_in_memory;
using backup::place_of;
using jobs::check_depth;
using jobs::check_for;

TEST_CASE("what may stay in memory is a quarter of what is available",
          "[archives]") {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  CHECK(backup::may_stay_in_cache(2 * gib, 8 * gib));
  CHECK_FALSE(backup::may_stay_in_cache(2 * gib + 1, 8 * gib));
  CHECK_FALSE(backup::may_stay_in_cache(1, 0)); // nobody knows
  CHECK(backup::memory_available_in("MemTotal:       16000 kB\n"
                                    "MemFree:            7 kB\n"
                                    "MemAvailable:    8000 kB\n")
        == 8'000 * 1'024);
  CHECK(backup::memory_available_in("MemTotal:       16000 kB\n") == 0);
  CHECK(backup::memory_available_in("MemAvailable:") == 0);
  CHECK(backup::memory_available_in("") == 0);
}

TEST_CASE("an archive that is checked for a restore is in memory when it is "
          "unpacked",
          "[archives]") {
  backup::store_settings settings;
  settings.level = backup::compression::none;
  auto on = disk_stage(settings);
  on.files = {{"big", std::string(8'000'000, 'x')}};
  const auto made = on.make();
  const file_descriptor archive{
      ::open(place_of(on).archive_of(on.backup).c_str(), O_RDONLY | O_CLOEXEC)};
  const auto all = static_cast<std::size_t>(made.facts.size + 4'095) / 4'096;
  ::posix_fadvise(archive.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (pages_in_memory(archive.get()) == all)
    return; // a file system in memory
  const auto check = [&](check_for whom, check_depth depth) {
    REQUIRE(on.port.verify(on.backup,
                           {.size = made.facts.size,
                            .sha1 = made.facts.sha1,
                            .sha256 = made.facts.sha256,
                            .whom = whom,
                            .depth = depth},
                           {}, {}));
    return pages_in_memory(archive.get());
  };
  const auto depth = GENERATE(check_depth::whole, check_depth::sum_of_ours);
  CHECK(check(check_for::who_waits, depth) > all * 9 / 10);
  REQUIRE(
      on.port.extract({.backup = on.backup}, place_of(on).staging(), {}, {}));
  CHECK(pages_in_memory(archive.get()) < all);
  CHECK(check(check_for::nobody, depth) < all);
}
