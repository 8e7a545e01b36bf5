#include "storage/tree_usage.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace alula::storage {

namespace {

std::int64_t blocks_of(const fs::path& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_blocks * 512;
}

/// With its blocks allocated.
void write_whole(const fs::path& path, std::size_t size) {
  write_file(path, std::string(size, 'w'));
  const file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  REQUIRE(::fsync(file.get()) == 0);
}

} // namespace

TEST_CASE("a volume takes the blocks of all its files and directories",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  const auto world = place.volume() / "world";
  fs::create_directories(world / "region");
  write_whole(place.volume() / "server.properties", 100);
  write_whole(world / "region" / "r.0.0.mca", 1 << 20);
  const auto expected = blocks_of(place.volume()) + blocks_of(world)
                        + blocks_of(world / "region")
                        + blocks_of(place.volume() / "server.properties")
                        + blocks_of(world / "region" / "r.0.0.mca");
  CHECK(*place.opened->used(server, {}) == expected);
  CHECK(expected >= 1 << 20);

  SECTION("a second name takes no more") {
    fs::create_hard_link(world / "region" / "r.0.0.mca", world / "again");
    CHECK(*place.opened->used(server, {}) == expected);
  }
  SECTION("a hole takes nothing") {
    const file_descriptor sparse{::open((world / "sparse").c_str(),
                                        O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
    REQUIRE(::ftruncate(sparse.get(), off_t{1} << 40) == 0);
    CHECK(*place.opened->used(server, {}) == expected);
  }
  SECTION("what a link leads to is not counted") {
    fs::create_directory(place.root / "outside");
    write_whole(place.root / "outside" / "large", 1 << 20);
    fs::create_directory_symlink(place.root / "outside", world / "link");
    CHECK(*place.opened->used(server, {})
          == expected + blocks_of(world / "link"));
  }
  SECTION("nor what is mounted inside") {
    if (is_skipped_without_root("mounts"))
      return;
    fs::create_directory(world / "mnt");
    const mounted other{"tmpfs", "tmpfs", world / "mnt"};
    if (is_skipped_unless(other))
      return;
    write_file(world / "mnt" / "large", std::string(1 << 20, 'w'));
    CHECK(*place.opened->used(server, {}) < expected + (1 << 19));
  }
}

TEST_CASE("who measures many files tells so meanwhile", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  for (int i = 0; i < 5'000; ++i)
    write_file(place.volume() / std::to_string(i));
  std::vector<std::int64_t> told;
  const auto tell = [&](std::int64_t looked) { told.push_back(looked); };
  REQUIRE(place.opened->used(server, {}, tell));
  CHECK(told == std::vector<std::int64_t>{4'096});
  REQUIRE(place.opened->detach(server, "kept"));
  REQUIRE(place.opened->used_in_trash("kept", {}, tell));
  CHECK(told.size() == 2);
}

TEST_CASE("a volume 3,000 directories deep is measured with few descriptors",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  auto expected = blocks_of(place.volume());
  const auto each = expected;
  int fd = ::open(place.volume().c_str(), O_DIRECTORY | O_CLOEXEC);
  for (int depth = 0; depth < 3'000; ++depth) {
    // Siblings on both sides, so that reading goes on after the way back.
    for (const auto* name : {"a", "deeper", "z"})
      REQUIRE(::mkdirat(fd, name, 0755) == 0);
    expected += 3 * each;
    const int next = ::openat(fd, "deeper", O_DIRECTORY | O_CLOEXEC);
    REQUIRE(next >= 0);
    ::close(fd);
    fd = next;
  }
  ::close(fd);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const auto open_now = static_cast<rlim_t>(
      std::distance(fs::directory_iterator{"/proc/self/fd"}, {}));
  const rlimit tight{open_now + 40, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const auto used = place.opened->used(server, {});
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(used);
  CHECK(*used == expected);
  // std::filesystem needs a descriptor per level.
  REQUIRE(place.opened->detach(server, entry));
  REQUIRE(place.purge());
}

TEST_CASE("measuring stops when asked", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  place.add_files(server, 600);
  std::stop_source stop;
  stop.request_stop();
  const auto used = place.opened->used(server, stop.get_token());
  REQUIRE_FALSE(used);
  CHECK(used.error().code == jobs::fault_code::interrupted);
}

} // namespace alula::storage
