#include "storage/local_volumes.hpp"
#include "storage/store_mark.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace alula;
using namespace alula::storage;

namespace {

struct node_disk {
  sqlite_world world;
  fs::path volumes = world.place / "volumes";
  fs::path trash = world.place / "trash";
  fs::path backups = world.place / "backups";

  jobs::result<store_mark> look() {
    return store_mark::look(world.file, {volumes, trash}, backups);
  }
  jobs::result<std::unique_ptr<local_volumes>> open() {
    return local_volumes::open({.volumes = volumes,
                                .trash = trash,
                                .staging = world.place / "staging",
                                .uid = ::geteuid(),
                                .gid = ::getegid()});
  }
  /// One start as the node makes it; the ledger's id.
  std::string start() {
    const auto mark = look();
    if (!mark)
      FAIL(mark.error().what);
    REQUIRE(open());
    fs::create_directories(backups);
    REQUIRE(mark->write());
    world.settings.store_id = mark->id();
    contracts::ledger_session session{world};
    session.end();
    return mark->id();
  }
};

using Catch::Contains;

} // namespace

TEST_CASE("the first start marks the directories, every other finds them") {
  node_disk disk;
  const auto id = disk.start();
  CHECK(id.size() == 36);
  CHECK(fs::exists(disk.volumes / store_mark::file_name));
  CHECK(fs::exists(disk.trash / store_mark::file_name));
  CHECK(fs::exists(disk.backups / store_mark::file_name));
  CHECK(disk.start() == id);
  CHECK((*disk.open())->trash_entries()->empty());
}

TEST_CASE("directories with files are taken over at the first start") {
  node_disk disk;
  fs::create_directories(disk.volumes / "8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  disk.start();
  CHECK(fs::exists(disk.volumes / store_mark::file_name));
}

TEST_CASE("a directory that is not mounted is refused, and nothing is made") {
  node_disk disk;
  const auto id = disk.start();
  const auto gone =
      std::vector{disk.volumes, disk.trash, disk.backups}[GENERATE(0U, 1U, 2U)];
  fs::rename(gone, disk.world.place / "unmounted");
  const bool leaves_mount_point = GENERATE(false, true);
  if (leaves_mount_point)
    fs::create_directory(gone);
  const auto refused = disk.look();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == jobs::fault_code::volume_obstructed);
  CHECK_THAT(refused.error().what, Contains(gone.string()));
  CHECK_THAT(refused.error().what, Contains("mount it"));
  CHECK_THAT(
      refused.error().what,
      Contains("echo " + id + " > " + (gone / store_mark::file_name).string()));
  CHECK(fs::exists(gone) == leaves_mount_point);

  SECTION("until it is mounted") {
    fs::remove(gone);
    fs::rename(disk.world.place / "unmounted", gone);
    CHECK(disk.start() == id);
  }
  SECTION("until the operator marks what is there now") {
    fs::create_directories(gone);
    std::ofstream{gone / store_mark::file_name} << id << "\n";
    CHECK(disk.start() == id);
  }
}

TEST_CASE("the directory of another ledger is refused") {
  node_disk disk;
  disk.start();
  node_disk other;
  other.start();
  disk.volumes = other.volumes;
  const auto refused = disk.look();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("another ledger"));
}

TEST_CASE("a backup directory is taken over once") {
  node_disk disk;
  const auto id = disk.start();
  // As a release left it that did not mark it.
  fs::remove(disk.backups / store_mark::file_name);
  fs::remove(disk.world.file.parent_path() / store_mark::backups_name);
  const std::ofstream archive{disk.backups
                              / "8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d.tar.gz"};
  CHECK(disk.start() == id);
  CHECK(fs::exists(disk.backups / store_mark::file_name));
  fs::remove(disk.backups / store_mark::file_name);
  const auto refused = disk.look();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("backups in"));
}

TEST_CASE("the backup directory of another ledger is refused") {
  node_disk disk;
  disk.start();
  node_disk other;
  other.start();
  const bool is_new = GENERATE(false, true);
  node_disk third;
  auto& asks = is_new ? third : disk;
  if (is_new) // with the volumes of the first
    asks.volumes = disk.volumes;
  asks.backups = other.backups;
  const auto refused = asks.look();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("another ledger"));
}

TEST_CASE("a new ledger takes the id of the backups it finds") {
  node_disk lost;
  const auto id = lost.start();
  node_disk disk;
  disk.backups = lost.backups;
  CHECK(disk.start() == id);
}

TEST_CASE("the id is read from a ledger that was not closed") {
  node_disk disk;
  const auto id = disk.start();
  {
    contracts::ledger_session crashed{disk.world};
    crashed.must_accept(crashed.draft());
  }
  CHECK(disk.start() == id);
}

TEST_CASE("a crash between the marks and the ledger's id does no harm") {
  node_disk disk;
  const auto mark = disk.look();
  REQUIRE(mark);
  REQUIRE(disk.open());
  REQUIRE(mark->write());
  CHECK(disk.start() == mark->id());
}
