#include "jobs/retry.hpp"
#include "storage/file_system.hpp"
#include "storage/local_volumes.hpp"
#include "tests/contracts/volumes_contract.hpp"
#include "tests/contracts/volumes_room_contract.hpp"
#include "tests/doubles/fake_volumes.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <optional>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace alula::storage {

namespace {

using jobs::fault_code;
using jobs::server_id;

struct memory final : contracts::volumes_world {
  jobs::fake_volumes fake;
  jobs::volumes& port() override { return fake; }
  void add_files(const server_id& id, int count) override {
    fake.live[id].files += count;
  }
  void add_staged(const std::string& name, int count) override {
    fake.staging[name].files += count;
  }
  int files_in(const server_id& id) override {
    const auto at = fake.live.find(id);
    return at == fake.live.end() ? -1 : static_cast<int>(at->second.files);
  }
  std::int64_t free_inodes() override { return fake.free_inodes; }
};

template<class World>
std::unique_ptr<contracts::volumes_world> make_volumes() {
  return std::make_unique<World>();
}

} // namespace

TEST_CASE("the fake keeps the contract of volumes", "[storage]") {
  contracts::volumes_keep_their_contract(make_volumes<memory>);
}

TEST_CASE("local volumes keep the contract of volumes", "[storage]") {
  contracts::volumes_keep_their_contract(make_volumes<disk>);
}

TEST_CASE("the fake keeps the contract of room", "[storage]") {
  contracts::volumes_promise_their_room(make_volumes<memory>);
}

TEST_CASE("local volumes keep the contract of room", "[storage]") {
  contracts::volumes_promise_their_room(make_volumes<disk>);
}

TEST_CASE("the fake keeps the contract of restores", "[storage]") {
  contracts::volumes_keep_their_restore_contract(make_volumes<memory>);
}

TEST_CASE("local volumes keep the contract of restores", "[storage]") {
  contracts::volumes_keep_their_restore_contract(make_volumes<disk>);
}

TEST_CASE("a new volume is 0755 and the trash 0700, whatever the umask",
          "[storage]") {
  const auto before = ::umask(0077);
  disk place;
  REQUIRE(place.opened->create(server));
  ::umask(before);
  struct stat found {};
  REQUIRE(::stat(place.volume().c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0755);
  REQUIRE(::stat((place.root / "trash").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0700);
}

TEST_CASE("volumes belong to the server user", "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  disk place;
  auto settings = place.settings();
  settings.uid = 988;
  settings.gid = 987;
  auto opened = local_volumes::open(settings);
  REQUIRE(opened);
  struct stat found {};

  SECTION("a new one") {
    REQUIRE(*(*opened)->create(server));
    REQUIRE(::stat(place.volume().c_str(), &found) == 0);
    CHECK(found.st_uid == 988);
    CHECK(found.st_gid == 987);
  }
  SECTION("one that a crash left empty before it was given away") {
    fs::create_directory(place.volume());
    CHECK_FALSE(*(*opened)->create(server));
    REQUIRE(::stat(place.volume().c_str(), &found) == 0);
    CHECK(found.st_uid == 988);
  }
  SECTION("but one with files stays as it was found") {
    fs::create_directory(place.volume());
    write_file(place.volume() / "server.properties");
    CHECK_FALSE(*(*opened)->create(server));
    REQUIRE(::stat(place.volume().c_str(), &found) == 0);
    CHECK(found.st_uid == 0);
  }
}

TEST_CASE("a data root that is a link is resolved once", "[storage]") {
  disk place;
  auto settings = place.settings();
  fs::create_directory_symlink(place.root / "volumes", place.root / "link");
  settings.volumes = place.root / "link";
  auto opened = local_volumes::open(settings);
  REQUIRE(opened);
  fs::remove(place.root / "link");
  REQUIRE((*opened)->create(server));
  CHECK(fs::is_directory(place.volume()));
}

TEST_CASE("volumes and trash must be two directories on one mount",
          "[storage]") {
  disk place;
  auto settings = place.settings();

  SECTION("not the same one") {
    settings.trash = settings.volumes;
    CHECK_FALSE(local_volumes::open(settings));
  }
  SECTION("not the volumes inside the trash") {
    settings.volumes = settings.trash / "volumes";
    CHECK_FALSE(local_volumes::open(settings));
  }
  SECTION("the trash inside the volumes is fine") {
    settings.trash = settings.volumes / ".trash";
    settings.staging = settings.volumes / ".staging";
    CHECK(local_volumes::open(settings));
  }
  SECTION("nor may the staging directory be one of them") {
    settings.staging = settings.volumes;
    CHECK_FALSE(local_volumes::open(settings));
    settings.staging = settings.trash;
    CHECK_FALSE(local_volumes::open(settings));
  }
  SECTION("nor lie in the trash, or the volumes in it") {
    settings.staging = settings.trash / ".staging";
    CHECK_FALSE(local_volumes::open(settings));
    settings.staging = place.root;
    CHECK_FALSE(local_volumes::open(settings));
  }
  SECTION("not on two file systems, and the fault names both") {
    if (is_skipped_without_root("mounts"))
      return;
    const mounted other{"tmpfs", "tmpfs", place.root / "trash"};
    if (is_skipped_unless(other))
      return;
    const auto opened = local_volumes::open(settings);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().what.find(settings.volumes.string())
          != std::string::npos);
    CHECK(opened.error().what.find(settings.trash.string())
          != std::string::npos);
  }
  SECTION("not on two mounts of one file system") {
    if (is_skipped_without_root("mounts"))
      return;
    fs::create_directory(place.root / "elsewhere");
    const mounted other{nullptr, place.root / "elsewhere", place.root / "trash",
                        MS_BIND};
    if (is_skipped_unless(other))
      return;
    CHECK_FALSE(local_volumes::open(settings));
  }
}

TEST_CASE("a trash entry is one plain name", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  for (const auto* name : {"", ".", "..", "../volumes", "a/b", "/etc"}) {
    CAPTURE(name);
    CHECK_FALSE(place.opened->detach(server, name));
    CHECK_FALSE(place.opened->reattach(name, server));
    CHECK_FALSE(place.opened->purge(name, {}, {}));
  }
  CHECK(*place.opened->exists(server));
}

TEST_CASE("a link in place of a volume is left alone, and said so at once",
          "[storage]") {
  disk place;
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious");
  fs::create_directory_symlink(place.root / "outside", place.volume());
  CHECK_FALSE(place.opened->create(server));
  CHECK(place.opened->remove_if_empty(server));
  CHECK(*place.opened->exists(server));
  const auto moved = place.opened->detach(server, entry);
  REQUIRE_FALSE(moved);
  CHECK(moved.error().code == fault_code::volume_obstructed);
  CHECK(jobs::classify(moved.error().code) == jobs::error_class::permanent);
  CHECK(moved.error().what.find("is a symbolic link") != std::string::npos);
  CHECK(fs::is_symlink(place.volume()));
  CHECK_FALSE(*place.opened->is_in_trash(entry));
}

TEST_CASE("what is no directory is no volume, and waiting does not help",
          "[storage]") {
  disk place;
  std::string word;
  SECTION("a link") {
    fs::create_directory(place.root / "outside");
    fs::create_directory_symlink(place.root / "outside", place.volume());
    word = "symbolic link";
  }
  SECTION("a file") {
    write_file(place.volume());
    word = "is a file";
  }
  const auto refused = [&](const auto& result) {
    REQUIRE_FALSE(result);
    CHECK(result.error().code == fault_code::volume_obstructed);
    CHECK(result.error().what.find(word) != std::string::npos);
    CHECK(result.error().where == place.volume());
  };
  refused(place.opened->create(server));
  refused(place.opened->open(server));
  refused(place.opened->used(server, {}));
}

TEST_CASE("a volume that is a mount point is left alone, and said so at once",
          "[storage]") {
  if (is_skipped_without_root("mounts"))
    return;
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directory(place.root / "outside");
  std::optional<mounted> other;
  SECTION("another file system") {
    other.emplace("tmpfs", "tmpfs", place.volume());
  }
  SECTION("a bind mount of the same file system") {
    other.emplace(nullptr, place.root / "outside", place.volume(), MS_BIND);
  }
  if (is_skipped_unless(*other))
    return;
  const auto moved = place.opened->detach(server, entry);
  REQUIRE_FALSE(moved);
  CHECK(moved.error().code == fault_code::volume_obstructed);
  CHECK(moved.error().what.find("Unmount it") != std::string::npos);
  other.reset();
  CHECK(*place.opened->detach(server, entry));
}

TEST_CASE("a rename by looking first behaves like the atomic one",
          "[storage]") {
  disk place;
  auto from = open_root(place.root / "volumes", std::nullopt);
  auto to = open_root(place.root / "trash", std::nullopt);
  REQUIRE(from);
  REQUIRE(to);
  fs::create_directory(place.root / "volumes" / "a");
  CHECK(*rename_after_look(*from, "a", *to, "b") == rename_outcome::moved);
  CHECK(*rename_after_look(*from, "a", *to, "b")
        == rename_outcome::source_missing);
  fs::create_directory(place.root / "volumes" / "a");
  CHECK(*rename_after_look(*from, "a", *to, "b")
        == rename_outcome::target_exists);
  CHECK(fs::exists(place.root / "volumes" / "a"));
}

} // namespace alula::storage
