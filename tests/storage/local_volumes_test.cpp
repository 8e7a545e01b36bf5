#include "storage/file_system.hpp"
#include "storage/local_volumes.hpp"
#include "tests/contracts/volumes_contract.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace alula::storage {

namespace {

using jobs::fault_code;
using jobs::server_id;

const auto server = *server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
const std::string entry = "0199c1de-0000-7000-8000-000000000001";

void write_file(const fs::path& path, std::string_view text = "x") {
  std::ofstream{path} << text;
}

/// A directory of its own, gone with the test, with volumes and trash open.
struct disk final : contracts::volumes_world {
  fs::path root;
  std::unique_ptr<local_volumes> opened;

  disk() {
    auto name = (fs::temp_directory_path() / "alula-volumes-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    auto made = local_volumes::open(settings());
    REQUIRE(made);
    opened = std::move(*made);
  }
  ~disk() override {
    opened.reset();
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  volume_settings settings() const {
    return {root / "volumes", root / "trash", ::geteuid(), ::getegid()};
  }
  fs::path volume() const { return root / "volumes" / server.to_string(); }
  fs::path in_trash() const { return root / "trash" / entry; }

  /// A volume as a test left it, in the trash.
  void detach() { REQUIRE(*opened->detach(server, entry)); }
  jobs::result<jobs::volumes::purge_progress> purge() {
    return opened->purge(entry, {}, {});
  }

  jobs::volumes& port() override { return *opened; }
  void add_files(const server_id& id, int count) override {
    for (int i = 0; i < count; ++i)
      write_file(root / "volumes" / id.to_string() / std::to_string(i));
  }
  int files_in(const server_id& id) override {
    const auto path = root / "volumes" / id.to_string();
    if (!fs::exists(path))
      return -1;
    return static_cast<int>(
        std::distance(fs::directory_iterator{path}, fs::directory_iterator{}));
  }
};

struct memory final : contracts::volumes_world {
  jobs::fake_volumes fake;
  jobs::volumes& port() override { return fake; }
  void add_files(const server_id& id, int count) override {
    fake.live[id].files += count;
  }
  int files_in(const server_id& id) override {
    const auto at = fake.live.find(id);
    return at == fake.live.end() ? -1 : static_cast<int>(at->second.files);
  }
};

bool is_root() {
  return ::geteuid() == 0;
}

/// Something mounted for one test.
class mounted {
public:
  mounted(const char* type, const fs::path& from, const fs::path& where,
          unsigned long flags = 0)
    : where_(where),
      is_mounted_(::mount(from.c_str(), where.c_str(), type, flags, "") == 0) {}
  ~mounted() {
    if (is_mounted_)
      ::umount2(where_.c_str(), MNT_DETACH);
  }
  mounted(const mounted&) = delete;
  mounted& operator=(const mounted&) = delete;
  explicit operator bool() const { return is_mounted_; }
  void moved_to(const fs::path& where) { where_ = where; }

private:
  fs::path where_;
  bool is_mounted_;
};

/// chattr +i for one test.
class immutable {
public:
  explicit immutable(const fs::path& path)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    is_set_ = fd_.is_open() && change(true);
  }
  ~immutable() {
    if (is_set_)
      change(false);
  }
  explicit operator bool() const { return is_set_; }

private:
  bool change(bool on) {
    int flags = 0;
    if (::ioctl(fd_.get(), FS_IOC_GETFLAGS, &flags) != 0)
      return false;
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    return ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &flags) == 0;
  }

  file_descriptor fd_;
  bool is_set_ = false;
};

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(
      fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("the fake keeps the contract of volumes", "[storage]") {
  contracts::volumes_keep_their_contract(
      []() -> std::unique_ptr<contracts::volumes_world> {
        return std::make_unique<memory>();
      });
}

TEST_CASE("local volumes keep the contract of volumes", "[storage]") {
  contracts::volumes_keep_their_contract(
      []() -> std::unique_ptr<contracts::volumes_world> {
        return std::make_unique<disk>();
      });
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
  if (!is_root())
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
    CHECK(local_volumes::open(settings));
  }
  SECTION("not on two file systems, and the fault names both") {
    if (!is_root())
      return;
    const mounted other{"tmpfs", "tmpfs", place.root / "trash"};
    if (!other)
      return;
    const auto opened = local_volumes::open(settings);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().what.find(settings.volumes.string())
          != std::string::npos);
    CHECK(opened.error().what.find(settings.trash.string())
          != std::string::npos);
  }
  SECTION("not on two mounts of one file system") {
    if (!is_root())
      return;
    fs::create_directory(place.root / "elsewhere");
    const mounted other{nullptr, place.root / "elsewhere", place.root / "trash",
                        MS_BIND};
    if (!other)
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

TEST_CASE("a link in place of a volume is moved and purged as a link",
          "[storage]") {
  disk place;
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious");
  fs::create_directory_symlink(place.root / "outside", place.volume());
  CHECK_FALSE(place.opened->create(server));
  CHECK(place.opened->remove_if_empty(server));
  CHECK(*place.opened->exists(server));
  place.detach();
  CHECK(fs::is_symlink(place.in_trash()));
  REQUIRE(place.purge());
  CHECK_FALSE(fs::is_symlink(place.in_trash()));
  CHECK(fs::exists(place.root / "outside" / "precious"));
}

TEST_CASE("a purge removes links without following them", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious");
  fs::create_directory_symlink(place.root / "outside", place.volume() / "dir");
  fs::create_symlink("../../outside/precious", place.volume() / "file");
  fs::create_symlink("nowhere", place.volume() / "dangling");
  fs::create_hard_link(place.root / "outside" / "precious",
                       place.volume() / "second name");
  place.detach();
  const auto purged = place.purge();
  REQUIRE(purged);
  CHECK(purged->entries == 5);
  CHECK(fs::exists(place.root / "outside" / "precious"));
}

TEST_CASE("a purge copes with every kind of entry and every name",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  write_file(place.volume() / "\xff\xfe not text");
  write_file(place.volume() / "line\nbreak");
  write_file(place.volume() / "-rf");
  write_file(place.volume() / " ");
  write_file(place.volume() / std::string(255, 'n'));
  fs::create_directory(place.volume() / "...");
  fs::create_directory(place.volume() / "*");
  write_file(place.volume() / "*" / "?");
  REQUIRE(::mkfifo((place.volume() / "pipe").c_str(), 0600) == 0);
  place.detach();
  const auto purged = place.purge();
  REQUIRE(purged);
  CHECK(purged->entries == 10);
  CHECK_FALSE(fs::exists(place.in_trash()));
}

TEST_CASE("a purge counts the bytes it frees", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  write_file(place.volume() / "world", std::string(1 << 20, 'w'));
  {
    // Delayed allocation has no blocks yet.
    const file_descriptor world{
        ::open((place.volume() / "world").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::fsync(world.get()) == 0);
  }
  place.detach();
  const auto purged = place.purge();
  REQUIRE(purged);
  CHECK(purged->bytes >= 1 << 20);
  CHECK(purged->bytes < 2 << 20);
}

TEST_CASE("a purge goes 5,000 directories deep with few descriptors",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  int fd = ::open(place.volume().c_str(), O_DIRECTORY | O_CLOEXEC);
  for (int depth = 0; depth < 5'000; ++depth) {
    // Siblings on both sides, so that reading goes on after the way back.
    REQUIRE(::mkdirat(fd, "a", 0755) == 0);
    REQUIRE(::mkdirat(fd, "deeper", 0755) == 0);
    REQUIRE(::mkdirat(fd, "z", 0755) == 0);
    const int next = ::openat(fd, "deeper", O_DIRECTORY | O_CLOEXEC);
    REQUIRE(next >= 0);
    ::close(fd);
    fd = next;
  }
  ::close(fd);
  place.detach();
  const auto before = open_descriptors();
  std::size_t most = before;
  const auto purged = place.opened->purge(entry, {}, [&](const auto&) {
    most = std::max(most, open_descriptors());
  });
  REQUIRE(purged);
  CHECK(purged->entries == 15'001);
  CHECK(purged->entries_total == 15'001);
  CHECK(most - before <= 40);
  CHECK(open_descriptors() == before);
  CHECK_FALSE(fs::exists(place.in_trash()));
}

TEST_CASE("a purge opens directories that forbid it", "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directories(place.volume() / "closed" / "inner");
  write_file(place.volume() / "closed" / "inner" / "file");
  fs::create_directory(place.volume() / "read-only");
  write_file(place.volume() / "read-only" / "file");
  fs::permissions(place.volume() / "read-only",
                  fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(place.volume() / "closed" / "inner", fs::perms::none);
  fs::permissions(place.volume() / "closed", fs::perms::owner_read);
  place.detach();
  // Root may do all that anyway: only another user can show it.
  const bool drops = is_root();
  if (drops) {
    for (const auto& path :
         {place.root, place.root / "trash", place.in_trash(),
          place.in_trash() / "closed", place.in_trash() / "closed" / "inner",
          place.in_trash() / "read-only"})
      REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    REQUIRE(::seteuid(65534) == 0);
    ::prctl(PR_SET_DUMPABLE, 1); // or /proc/self belongs to root now
  }
  const auto purged = place.purge();
  if (drops)
    REQUIRE(::seteuid(0) == 0);
  REQUIRE(purged);
  CHECK(purged->entries == 6);
}

TEST_CASE("a purge stays out of what is mounted inside", "[storage]") {
  if (!is_root())
    return;
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directories(place.volume() / "mnt");
  fs::create_directories(place.volume() / "sub" / "deep");
  fs::create_directory(place.root / "outside");
  write_file(place.root / "outside" / "precious");
  write_file(place.volume() / "sub" / "deep" / "file");
  std::optional<mounted> other;

  SECTION("another file system") {
    other.emplace("tmpfs", "tmpfs", place.volume() / "mnt");
  }
  SECTION("a bind mount of the same file system") {
    other.emplace(nullptr, place.root / "outside", place.volume() / "mnt",
                  MS_BIND);
  }
  SECTION("a bind mount of a file") {
    fs::remove(place.volume() / "mnt");
    write_file(place.volume() / "mnt");
    other.emplace(nullptr, place.root / "outside" / "precious",
                  place.volume() / "mnt", MS_BIND);
  }
  if (!*other)
    return;
  place.detach();
  other->moved_to(place.in_trash() / "mnt");
  const auto purged = place.purge();
  REQUIRE_FALSE(purged);
  CHECK(purged.error().what.find("mounted") != std::string::npos);
  CHECK(purged.error().where == (place.in_trash() / "mnt").string());
  CHECK(fs::exists(place.root / "outside" / "precious"));
  CHECK(fs::exists(place.in_trash() / "mnt"));
  CHECK_FALSE(fs::exists(place.in_trash() / "sub"));

  other.reset();
  CHECK(place.purge());
  CHECK_FALSE(fs::exists(place.in_trash()));
}

TEST_CASE("what cannot be removed is a fault, and all else is gone",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  fs::create_directories(place.volume() / "a" / "b");
  fs::create_directories(place.volume() / "c" / "d");
  write_file(place.volume() / "a" / "b" / "stuck");
  write_file(place.volume() / "a" / "b" / "loose");
  write_file(place.volume() / "a" / "loose");
  write_file(place.volume() / "c" / "d" / "loose");
  const immutable stuck{place.volume() / "a" / "b" / "stuck"};
  if (!stuck)
    return;
  place.detach();
  jobs::volumes::purge_progress last;
  const auto purged = place.opened->purge(
      entry, {}, [&](const auto& so_far) { last = so_far; });
  REQUIRE_FALSE(purged);
  CHECK(purged.error().code == fault_code::io_error);
  CHECK(purged.error().where
        == (place.in_trash() / "a" / "b" / "stuck").string());
  CHECK(last.failed == 1);
  CHECK(last.entries_total == 9);
  CHECK(last.entries == 5);
  std::vector<std::string> left;
  for (const auto& each : fs::recursive_directory_iterator{place.in_trash()})
    left.push_back(each.path().filename());
  CHECK(left == std::vector<std::string>{"a", "b", "stuck"});
}

TEST_CASE("a purge does its work at low I/O priority and gives it back",
          "[storage]") {
  disk place;
  REQUIRE(place.opened->create(server));
  place.detach();
  const auto priority = [] {
    return ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
  };
  const auto before = priority();
  long during = -1;
  REQUIRE(place.opened->purge(entry, {},
                              [&](const auto&) { during = priority(); }));
  CHECK(during == IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
  CHECK(priority() == before);
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
