#include "storage/file_system.hpp"
#include "storage/local_volumes.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

namespace alula::storage {

namespace {

using jobs::fault_code;
using origin = jobs::volumes::origin;

const auto job = *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000002");
const auto tree = job.to_string();

} // namespace

TEST_CASE("the staging directory is 0700, a tree in it the server user's",
          "[storage]") {
  disk place;
  auto settings = place.settings();
  if (is_root())
    settings.uid = settings.gid = 988;
  const auto opened = local_volumes::open(settings);
  REQUIRE(opened);
  const auto before = ::umask(0077);
  const auto made = (*opened)->stage(tree, {});
  ::umask(before);
  REQUIRE(made);
  CHECK((stat_of(place.root / "staging").st_mode & 07777) == 0700);
  const auto found = stat_of(place.staged(tree));
  CHECK((found.st_mode & 07777) == 0755);
  CHECK(found.st_uid == settings.uid);
  struct stat held {};
  REQUIRE(::fstat(made->get(), &held) == 0);
  CHECK(held.st_ino == found.st_ino);
}

TEST_CASE("a staging tree is one plain name", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  for (const auto* name : {"", ".", "..", "../volumes", "a/b", "/etc"}) {
    CAPTURE(name);
    CHECK_FALSE(place.opened->stage(name, {}));
    CHECK_FALSE(place.opened->discard_staging(name, {}));
    for (const auto from : {origin::staging, origin::trash}) {
      CHECK_FALSE(place.opened->replace(from, name, server, entry));
      CHECK_FALSE(place.opened->replace(from, tree, server, name));
      CHECK_FALSE(place.opened->merge(from, name, server, entry, {}));
      CHECK_FALSE(place.opened->merge(from, tree, server, name, {}));
    }
  }
  CHECK(*place.opened->exists(server));
}

TEST_CASE("a trash entry is not put aside as itself", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directory(place.in_trash());
  CHECK_FALSE(place.opened->replace(origin::trash, entry, server, entry));
  CHECK_FALSE(place.opened->merge(origin::trash, entry, server, entry, {}));
}

TEST_CASE("what a crash left under a staging name is removed as itself",
          "[storage]") {
  disk place;
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious");
  SECTION("a link") {
    fs::create_directory_symlink(place.root / "outside", place.staged(tree));
  }
  SECTION("a tree with links and closed directories") {
    fs::create_directories(place.staged(tree) / "closed");
    fs::create_directory_symlink(place.root / "outside",
                                 place.staged(tree) / "closed" / "link");
    fs::permissions(place.staged(tree) / "closed", fs::perms::none);
  }
  SECTION("a file") {
    write_file(place.staged(tree));
  }
  REQUIRE(place.opened->stage(tree, {}));
  CHECK(fs::is_directory(fs::symlink_status(place.staged(tree))));
  CHECK(fs::is_empty(place.staged(tree)));
  CHECK(fs::exists(place.root / "outside" / "precious"));
}

TEST_CASE("a stop leaves a staging tree for the next sweep", "[storage]") {
  disk place;
  REQUIRE(place.opened->stage(tree, {}));
  place.add_staged(tree, 3);
  std::stop_source stop;
  stop.request_stop();
  for (const auto& stopped :
       {place.opened->discard_staging(tree, stop.get_token()),
        place.opened->sweep_staging([](const jobs::job_id&) { return false; },
                                    stop.get_token())}) {
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == fault_code::interrupted);
  }
  CHECK(fs::exists(place.staged(tree)));
  CHECK(place.opened->sweep_staging([](const jobs::job_id&) { return false; },
                                    {}));
  CHECK_FALSE(fs::exists(place.staged(tree)));
}

TEST_CASE("a link in place of a volume is neither opened nor measured",
          "[storage]") {
  disk place;
  fs::create_directory(place.root / "outside");
  fs::create_directory_symlink(place.root / "outside", place.volume());
  CHECK_FALSE(place.opened->open(server));
  CHECK_FALSE(place.opened->used(server, {}));
}

TEST_CASE("a restored volume looks as the one before it", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  REQUIRE(::chmod(place.volume().c_str(), 0750) == 0);
  if (is_root())
    REQUIRE(::chown(place.volume().c_str(), 988, 987) == 0);
  REQUIRE(place.opened->stage(tree, {}));
  REQUIRE(place.opened->replace(origin::staging, tree, server, entry));
  CHECK((stat_of(place.volume()).st_mode & 07777) == 0750);
  if (is_root())
    CHECK(stat_of(place.volume()).st_uid == 988);
}

TEST_CASE("what no restore can replace is an obstacle, named with its mend",
          "[storage]") {
  using placing = jobs::volumes::placing;
  disk place;
  const auto refused = [&](placing how) {
    const auto free = place.opened->check_place(server, how);
    REQUIRE_FALSE(free);
    CHECK(free.error().code == fault_code::volume_obstructed);
    return free.error().what;
  };
  const auto how = GENERATE(placing::whole, placing::merged);
  SECTION("a link") {
    fs::create_directory_symlink(place.root, place.volume());
    CHECK_THAT(refused(how), Catch::Contains("symbolic link"));
  }
  SECTION("a mount point, and something mounted inside") {
    const bool inside = GENERATE(false, true);
    const auto where = inside ? place.volume() / "a b" : place.volume();
    fs::create_directories(where);
    const mounted own{"tmpfs", "tmpfs", where};
    if (is_skipped_unless(own))
      return;
    CHECK_THAT(refused(how), Catch::Contains("umount " + where.string()));
  }
}

TEST_CASE("what was unpacked is measured", "[storage]") {
  disk place;
  REQUIRE(place.opened->stage(tree, {}));
  const std::string world(128 * 1024, 'w');
  fs::create_directory(place.staged(tree) / "world");
  write_file(place.staged(tree) / "world/level.dat", world);
  const auto used = place.opened->used_in_staging(tree, {});
  REQUIRE(used);
  CHECK(*used >= static_cast<std::int64_t>(world.size()));
  CHECK(*used < static_cast<std::int64_t>(world.size()) + 16 * 1024);
}

TEST_CASE("what a merge would push aside is measured", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  REQUIRE(place.opened->stage(tree, {}));
  const std::string kept(64 * 1024, 'k');
  const std::string old(128 * 1024, 'o');
  fs::create_directories(place.volume() / "world/deep");
  write_file(place.volume() / "world/deep/both", old);
  write_file(place.volume() / "world/deep/kept", kept);
  fs::create_directories(place.volume() / "becomes-a-file");
  write_file(place.volume() / "becomes-a-file/in-it", old);
  fs::create_directories(place.staged(tree) / "world/deep");
  write_file(place.staged(tree) / "world/deep/both", "new");
  write_file(place.staged(tree) / "world/deep/new", old);
  write_file(place.staged(tree) / "becomes-a-file", "x");
  const auto overlap = place.opened->overlap(tree, server, {});
  REQUIRE(overlap);
  const auto two = static_cast<std::int64_t>(2 * old.size());
  CHECK(*overlap >= two);
  CHECK(*overlap < two + 16 * 1024);
}

TEST_CASE("walks over many staged files are signs of life", "[storage]") {
  disk place;
  REQUIRE(place.opened->stage(tree, {}));
  place.add_staged(tree, 5'000);
  std::vector<std::int64_t> told;
  const auto tell = [&](std::int64_t looked) { told.push_back(looked); };
  REQUIRE(place.opened->used_in_staging(tree, {}, tell));
  CHECK(told == std::vector<std::int64_t>{4'096});
  REQUIRE(place.opened->create(server));
  REQUIRE(place.opened->overlap(tree, server, {}, tell));
  CHECK(told == std::vector<std::int64_t>{4'096, 4'096});
  bool is_half_way = false;
  const auto tell_of_removal = [&](const jobs::volumes::purge_progress& now) {
    is_half_way = is_half_way || (now.entries > 0 && now.entries <= 4'096);
  };
  REQUIRE(place.opened->discard_staging(tree, {}, tell_of_removal));
  CHECK(is_half_way);
  CHECK_FALSE(fs::exists(place.staged(tree)));
}

TEST_CASE("trees that a merge would push aside are counted together",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  REQUIRE(place.opened->stage(tree, {}));
  for (const auto* name : {"a", "b", "c"}) {
    fs::create_directory(place.volume() / name);
    for (int i = 0; i < 3'000; ++i)
      write_file(place.volume() / name / std::to_string(i));
    write_file(place.staged(tree) / name);
  }
  std::vector<std::int64_t> told;
  REQUIRE(place.opened->overlap(
      tree, server, {}, [&](std::int64_t looked) { told.push_back(looked); }));
  CHECK(told == std::vector<std::int64_t>{4'096, 8'192});
}

TEST_CASE("restores and backups share the room of a disk", "[storage]") {
  disk place;
  auto settings = place.settings();
  settings.room = std::make_shared<jobs::disk_room>(0);
  const auto opened = local_volumes::open(settings);
  REQUIRE(opened);
  const auto free = (*opened)->space()->free;
  const auto at = ::open(place.root.c_str(), O_RDONLY | O_DIRECTORY);
  REQUIRE(
      settings.room->reserve(at, "another folder of it", job, free / 3 * 2));
  ::close(at);
  const auto other = jobs::make_job_id(1);
  CHECK_FALSE((*opened)->reserve(other, {.bytes = free / 3 * 2}));
  settings.room->release(job, "another folder of it");
  CHECK((*opened)->reserve(other, {.bytes = free / 3 * 2}));
}

TEST_CASE("a volume that is a mount is opened and measured", "[storage]") {
  if (is_skipped_without_root("mounts"))
    return;
  disk place;
  REQUIRE(place.opened->create(server));
  const mounted own{"tmpfs", "tmpfs", place.volume()};
  if (is_skipped_unless(own))
    return;
  write_file(place.volume() / "world", std::string(1 << 20, 'w'));
  CHECK(place.opened->open(server));
  CHECK(*place.opened->used(server, {}) >= 1 << 20);

  // But it can be neither replaced nor merged into, and keeps its files.
  REQUIRE(place.opened->stage(tree, {}));
  place.add_staged(tree, 2);
  CHECK_FALSE(place.opened->replace(origin::staging, tree, server, entry));
  CHECK_FALSE(place.opened->merge(origin::staging, tree, server, entry, {}));
  CHECK(place.files_in(server) == 1);
  CHECK(fs::exists(place.staged(tree) / "staged-1"));
}

TEST_CASE("a replacement goes on from every state a crash leaves",
          "[storage]") {
  disk place;
  const auto put = [](const fs::path& dir, const char* what) {
    fs::create_directory(dir);
    write_file(dir / what);
  };
  bool keeps_old = true;
  SECTION("nothing moved yet") {
    put(place.volume(), "old");
    put(place.staged(tree), "new");
  }
  SECTION("the old one in the trash, the new one in staging") {
    put(place.in_trash(), "old");
    put(place.staged(tree), "new");
  }
  SECTION("the same, and dockerd made the mount source") {
    put(place.in_trash(), "old");
    put(place.staged(tree), "new");
    fs::create_directory(place.volume());
  }
  SECTION("both in their places") {
    put(place.in_trash(), "old");
    put(place.volume(), "new");
  }
  SECTION("no volume before, nothing moved yet") {
    put(place.staged(tree), "new");
    keeps_old = false;
  }
  SECTION("no volume before, the new one in its place") {
    put(place.volume(), "new");
    keeps_old = false;
  }
  for (int again = 0; again < 2; ++again) {
    const auto replaced =
        place.opened->replace(origin::staging, tree, server, entry);
    REQUIRE(replaced);
    CHECK(*replaced == keeps_old);
    CHECK(fs::exists(place.volume() / "new"));
    CHECK(fs::exists(place.in_trash() / "old") == keeps_old);
    CHECK_FALSE(fs::exists(place.staged(tree)));
  }
}

TEST_CASE("a replacement that meets another volume moves nothing",
          "[storage]") {
  disk place;
  fs::create_directory(place.in_trash());
  write_file(place.in_trash() / "old");
  fs::create_directory(place.staged(tree));
  write_file(place.staged(tree) / "new");
  fs::create_directory(place.volume());
  write_file(place.volume() / "other");
  const auto replaced =
      place.opened->replace(origin::staging, tree, server, entry);
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().code == fault_code::io_error);
  CHECK(replaced.error().where == place.volume().string());
  CHECK(fs::exists(place.in_trash() / "old"));
  CHECK(fs::exists(place.staged(tree) / "new"));
  CHECK(fs::exists(place.volume() / "other"));
}

TEST_CASE("the space is that of the disk with the volumes", "[storage]") {
  disk place;
  struct statvfs found {};
  REQUIRE(::statvfs((place.root / "volumes").c_str(), &found) == 0);
  const auto space = place.opened->space();
  REQUIRE(space);
  CHECK(space->total
        == static_cast<std::int64_t>(found.f_blocks * found.f_frsize));
  CHECK(space->free > 0);
  CHECK(space->reserved == 0);
}

} // namespace alula::storage
