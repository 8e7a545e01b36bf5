#include "app/trash_scale.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>

using namespace alula;
using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

/// Asks until it says so, as Prometheus does.
bool comes_to(app::trash_scale& scale, std::int64_t bytes) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (scale.bytes() != bytes)
    if (std::chrono::steady_clock::now() > end)
      return false;
  return true;
}

/// A tree of 3,000 bytes, as "0199".
void put_in_the_trash(fake_volumes& disk) {
  const auto id = server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  disk.put(*id, {.files = 3, .bytes = 3'000});
  REQUIRE(disk.detach(*id, "0199"));
}

} // namespace

TEST_CASE("the trash weighs what its trees take and nothing when they are gone",
          "[app]") {
  fake_volumes disk;
  put_in_the_trash(disk);
  app::trash_scale scale;
  scale.start(disk, 0ms);
  CHECK(comes_to(scale, 3'000));
  REQUIRE(disk.purge("0199", {}, {}));
  CHECK(comes_to(scale, 0));
  scale.stop();
}

TEST_CASE("a tree in the trash is measured once", "[app]") {
  fake_volumes disk;
  put_in_the_trash(disk);
  app::trash_scale scale;
  scale.start(disk, 0ms);
  REQUIRE(comes_to(scale, 3'000));
  const auto looks = [&] {
    return std::ranges::count(disk.calls(), "trash_entries");
  };
  const auto before = looks();
  while (looks() < before + 3)
    scale.bytes();
  scale.stop();
  CHECK(std::ranges::count(disk.calls(), "used_in_trash 0199") == 1);
}
