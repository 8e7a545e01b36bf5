#include "storage/tree_merge.hpp"
#include "tests/storage/merge_place.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace alula::storage {

using jobs::fault_code;

TEST_CASE("a merge replaces files and keeps what was in their place",
          "[storage]") {
  merge_place place;
  place.in_volume("server.properties", "old");
  place.in_volume("world/level.dat", "old");
  place.in_volume("world/mine", "untouched");
  place.in_tree("server.properties", "new");
  place.in_tree("world/level.dat", "new");
  place.in_tree("world/region/r.0.0.mca", "new");
  place.in_tree("world/region/r.0.1.mca", "new");
  const auto merged = place.merge();
  REQUIRE(merged);
  CHECK(*merged == 3); // a directory the volume lacks moves as one
  CHECK(place.now("server.properties") == "new");
  CHECK(place.now("world/level.dat") == "new");
  CHECK(place.now("world/mine") == "untouched");
  CHECK(place.now("world/region/r.0.1.mca") == "new");
  CHECK(place.kept("server.properties") == "old");
  CHECK(place.kept("world/level.dat") == "old");
  CHECK_FALSE(fs::exists(place.in_trash() / "world/mine"));
  CHECK_FALSE(fs::exists(place.staged(staged_tree)));
}

TEST_CASE("a merged directory looks as the tree has it", "[storage]") {
  merge_place place;
  place.in_volume("world/old", "x");
  place.in_tree("world/new", "x");
  if (is_root())
    REQUIRE(::chown((place.staged(staged_tree) / "world").c_str(), 988, 987)
            == 0);
  REQUIRE(::chmod((place.staged(staged_tree) / "world").c_str(), 02770) == 0);
  set_time(place.staged(staged_tree) / "world", 1'000'000);
  set_time(place.staged(staged_tree), 2'000'000);
  REQUIRE(place.merge());
  const auto world = stat_of(place.volume() / "world");
  CHECK((world.st_mode & 07777) == 02770);
  CHECK(world.st_mtime == 1'000'000);
  if (is_root())
    CHECK(world.st_uid == 988);
  CHECK(stat_of(place.volume()).st_mtime != 2'000'000); // a root is no entry
}

TEST_CASE("a merge leaves directories alone that are on the way only",
          "[storage]") {
  merge_place place;
  place.in_volume("world/level.dat", "old");
  place.in_tree("world/level.dat", "new"); // nobody chose the directory
  if (is_root())
    REQUIRE(::chown((place.volume() / "world").c_str(), 988, 987) == 0);
  REQUIRE(::chmod((place.volume() / "world").c_str(), 0710) == 0);
  REQUIRE(::chmod(place.volume().c_str(), 0750) == 0);
  REQUIRE(place.merge());
  CHECK(place.now("world/level.dat") == "new");
  const auto world = stat_of(place.volume() / "world");
  CHECK((world.st_mode & 07777) == 0710);
  if (is_root())
    CHECK(world.st_uid == 988);
  CHECK((stat_of(place.volume()).st_mode & 07777) == 0750);
}

TEST_CASE("a merge replaces every type by every other", "[storage]") {
  merge_place place;
  SECTION("a directory by a file") {
    place.in_volume("x/deep/file", "old");
    place.in_tree("x", "new");
    REQUIRE(place.merge());
    CHECK(place.now("x") == "new");
    CHECK(place.kept("x/deep/file") == "old");
  }
  SECTION("a file by a directory") {
    place.in_volume("x", "old");
    place.in_tree("x/file", "new");
    REQUIRE(place.merge());
    CHECK(place.now("x/file") == "new");
    CHECK(place.kept("x") == "old");
  }
  SECTION("a file by a link, which is moved as itself") {
    place.in_volume("x", "old");
    fs::create_symlink("nowhere", place.staged(staged_tree) / "x");
    REQUIRE(place.merge());
    CHECK(fs::read_symlink(place.volume() / "x") == "nowhere");
    CHECK(place.kept("x") == "old");
  }
  SECTION("a fifo by a file") {
    REQUIRE(::mkfifo((place.volume() / "x").c_str(), 0600) == 0);
    place.in_tree("x", "new");
    REQUIRE(place.merge());
    CHECK(place.now("x") == "new");
    CHECK(fs::is_fifo(place.in_trash() / "x"));
  }
  SECTION("a name of a file by another name of the same file") {
    place.in_tree("x", "same");
    fs::create_hard_link(place.staged(staged_tree) / "x", place.volume() / "x");
    REQUIRE(place.merge());
    CHECK(place.now("x") == "same");
    CHECK(place.kept("x") == "same");
  }
  CHECK_FALSE(fs::exists(place.staged(staged_tree)));
}

TEST_CASE("a merge never follows a link of the volume", "[storage]") {
  merge_place place;
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious", "old");
  SECTION("in place of a directory") {
    fs::create_directory_symlink(place.root / "outside",
                                 place.volume() / "world");
    place.in_tree("world/precious", "new");
    REQUIRE(place.merge());
    CHECK(place.now("world/precious") == "new");
    CHECK(fs::is_symlink(place.in_trash() / "world"));
  }
  SECTION("in place of the volume") {
    fs::remove_all(place.volume());
    fs::create_directory_symlink(place.root / "outside", place.volume());
    place.in_tree("precious", "new");
    CHECK_FALSE(place.merge());
    CHECK(fs::exists(place.staged(staged_tree) / "precious"));
  }
  CHECK(text_of(place.root / "outside" / "precious") == "old");
}

TEST_CASE("a volume that swaps a directory for a link while it is merged "
          "leads nowhere",
          "[storage]") {
  merge_place place;
  fs::create_directory(place.root / "outside");
  for (int i = 0; i < 300; ++i) {
    const auto dir = "world/" + std::to_string(i);
    place.in_volume(dir + "/old", "old");
    place.in_tree(dir + "/new", "new");
  }
  std::atomic<bool> is_over = false;
  std::atomic<int> swaps = 0;
  std::thread attacker{[&] {
    const auto world = place.volume() / "world";
    const auto away = place.volume() / "away";
    while (!is_over) {
      if (::rename(world.c_str(), away.c_str()) != 0)
        continue;
      if (::symlink((place.root / "outside").c_str(), world.c_str()) == 0)
        ++swaps;
      ::unlink(world.c_str());
      ::rename(away.c_str(), world.c_str());
    }
  }};
  while (swaps == 0)
    std::this_thread::yield();
  jobs::result<std::int64_t> merged = place.merge();
  is_over = true;
  attacker.join();
  // It may have given up on such a volume; calm again, the rest goes through.
  CHECK(place.merge());
  CHECK_FALSE(fs::exists(place.staged(staged_tree)));
  CHECK(fs::is_empty(place.root / "outside"));
}

TEST_CASE("a merge goes on wherever it died", "[storage]") {
  merge_place place;
  place.in_volume("world/level.dat", "old");
  place.in_volume("world/mine", "untouched");
  place.in_tree("world/level.dat", "new");
  place.in_tree("world/data/raids.dat", "new");
  const auto trash_of = place.in_trash() / "world";
  SECTION("before anything") {}
  SECTION("after a directory of the entry was made, not given away") {
    fs::create_directories(trash_of);
    fs::permissions(trash_of, fs::perms::none);
  }
  SECTION("after the old file was put aside") {
    fs::create_directories(trash_of);
    fs::rename(place.volume() / "world/level.dat", trash_of / "level.dat");
  }
  SECTION("after the new file was moved") {
    fs::create_directories(trash_of);
    fs::rename(place.volume() / "world/level.dat", trash_of / "level.dat");
    fs::rename(place.staged(staged_tree) / "world/level.dat",
               place.volume() / "world/level.dat");
  }
  SECTION("after a whole directory was moved and the emptied one removed") {
    fs::create_directories(trash_of);
    fs::rename(place.volume() / "world/level.dat", trash_of / "level.dat");
    fs::rename(place.staged(staged_tree) / "world/level.dat",
               place.volume() / "world/level.dat");
    fs::rename(place.staged(staged_tree) / "world/data",
               place.volume() / "world/data");
    fs::remove(place.staged(staged_tree) / "world");
  }
  REQUIRE(place.merge());
  CHECK(*place.merge() == 0);
  CHECK(place.now("world/level.dat") == "new");
  CHECK(place.now("world/data/raids.dat") == "new");
  CHECK(place.now("world/mine") == "untouched");
  CHECK(place.kept("world/level.dat") == "old");
  CHECK_FALSE(fs::exists(place.staged(staged_tree)));
  struct stat there {};
  if (::lstat(trash_of.c_str(), &there) == 0
      && fs::directory_iterator{trash_of} != fs::directory_iterator{})
    CHECK((there.st_mode & 0700) == 0700);
}

TEST_CASE("a merge stops when asked and goes on later", "[storage]") {
  merge_place place;
  for (int i = 0; i < 1'000; ++i)
    place.in_tree(std::to_string(i), "new");
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = place.merge(stop.get_token());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == fault_code::interrupted);
  const auto rest = place.merge();
  REQUIRE(rest);
  CHECK(*rest == 1'000);
}

TEST_CASE("a merge takes more shared directories than it notes at once",
          "[storage]") {
  merge_place place;
  for (int i = 0; i < 1'500; ++i) {
    place.in_volume("d" + std::to_string(i) + "/old", "old");
    place.in_tree("d" + std::to_string(i) + "/new", "new");
  }
  const auto merged = place.merge();
  REQUIRE(merged);
  CHECK(*merged == 1'500);
  CHECK(place.now("d1499/new") == "new");
  CHECK(place.now("d0/old") == "old");
}

TEST_CASE("a merge goes deep with few descriptors", "[storage]") {
  merge_place place;
  fs::path deep;
  for (int i = 0; i < 500; ++i)
    deep /= "d";
  place.in_volume(deep / "file", "old");
  place.in_tree(deep / "file", "new");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const auto open_now = static_cast<rlim_t>(
      std::distance(fs::directory_iterator{"/proc/self/fd"}, {}));
  const rlimit tight{open_now + 10, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const auto merged = place.merge();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(merged);
  CHECK(place.now(deep / "file") == "new");
  CHECK(place.kept(deep / "file") == "old");
}

TEST_CASE("a merge stays out of what is mounted in the volume", "[storage]") {
  if (is_skipped_without_root("mounts"))
    return;
  merge_place place;
  place.in_tree("mnt/file", "new");
  fs::create_directory(place.volume() / "mnt");
  {
    const mounted other{"tmpfs", "tmpfs", place.volume() / "mnt"};
    if (is_skipped_unless(other))
      return;
    const auto merged = place.merge();
    REQUIRE_FALSE(merged);
    CHECK(merged.error().what.find("mounted") != std::string::npos);
    CHECK(merged.error().where == (place.volume() / "mnt").string());
  }
  CHECK(place.merge());
  CHECK(place.now("mnt/file") == "new");
}

} // namespace alula::storage
