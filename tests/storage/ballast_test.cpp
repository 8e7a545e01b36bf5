#include "storage/ballast.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace alula;
using namespace alula::storage;

namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

std::int64_t room_of(const std::filesystem::path& file) {
  struct ::stat found {};
  return ::stat(file.c_str(), &found) == 0 ? found.st_blocks * 512 : -1;
}

} // namespace

TEST_CASE("ballast takes room, gives it up and takes it again") {
  temporary_place place;
  const auto file = place / "alula.db.ballast";
  ballast reserve{place / "alula.db", mebibyte};
  CHECK_FALSE(reserve.release());
  REQUIRE(*reserve.restore());
  CHECK(room_of(file) >= mebibyte);
  CHECK(reserve.release());
  CHECK(room_of(file) == 0);
  CHECK_FALSE(reserve.release());
  REQUIRE(*reserve.restore());
  CHECK(room_of(file) >= mebibyte);
}

TEST_CASE("ballast of an earlier boot can be given up at once") {
  temporary_place place;
  REQUIRE(*ballast{place / "alula.db", mebibyte}.restore());
  ballast reserve{place / "alula.db", mebibyte};
  CHECK(reserve.is_there());
  CHECK(reserve.release());
}

TEST_CASE("ballast does not take the last of a disk") {
  temporary_place place;
  const auto free = std::filesystem::space(place.path()).available;
  ballast reserve{place / "alula.db", static_cast<std::int64_t>(free / 2)};
  const auto taken = reserve.restore();
  REQUIRE(taken);
  CHECK_FALSE(*taken);
  CHECK_FALSE(reserve.is_there());
  CHECK_FALSE(std::filesystem::exists(place / "alula.db.ballast"));
}

TEST_CASE("ballast tells how much it waits for") {
  temporary_place place;
  const ballast reserve{place / "alula.db", mebibyte};
  CHECK(reserve.bytes() == mebibyte);
  CHECK(reserve.room_needed() == 3 * mebibyte);
  const auto free = reserve.free_room();
  REQUIRE(free);
  CHECK(*free > 0);
  CHECK_FALSE(ballast{place / "none" / "alula.db", 1}.free_room());
}

TEST_CASE("no ballast is wanted: none is taken") {
  temporary_place place;
  ballast reserve{place / "alula.db", 0};
  CHECK(*reserve.restore());
  CHECK(room_of(place / "alula.db.ballast") == -1);
}
