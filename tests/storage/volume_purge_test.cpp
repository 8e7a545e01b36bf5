// What a purge removes, what it leaves alone, and what it says.
#include "storage/file_system.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <optional>
#include <stop_token>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;

namespace alula::storage {

namespace {

using jobs::fault_code;

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

/// Stopped after a few thousand of 9,001 entries.
void purge_a_part(disk& place) {
  REQUIRE(place.opened->create(server));
  for (int i = 0; i < 9'000; ++i)
    write_file(place.volume() / std::to_string(i));
  place.detach();
  std::stop_source stop;
  REQUIRE_FALSE(place.opened->purge(entry, stop.get_token(),
                                    [&](const auto&) { stop.request_stop(); }));
}

} // namespace

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
    const file_descriptor make_volumes{
        ::open((place.volume() / "world").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::fsync(make_volumes.get()) == 0);
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
  // Not counted to its end on a machine that is busy for two seconds.
  const auto total = purged->entries_total;
  CHECK((total == 15'001 || total == 0));
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
  if (is_skipped_without_root("mounts"))
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
  if (is_skipped_unless(*other))
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
  if (!stuck) {
    WARN("skipped: no file can be made immutable here");
    return;
  }
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

TEST_CASE("what a purge has removed is no entry of the trash, and goes with it",
          "[storage]") {
  disk place;
  purge_a_part(place);
  const auto tally = place.root / "trash" / (std::string{entry} + ".gone");
  CHECK(fs::exists(tally));
  CHECK(*place.opened->trash_entries() == std::vector<std::string>{entry});
  REQUIRE(place.purge());
  CHECK(fs::is_empty(place.root / "trash"));
}

TEST_CASE("a purge counts on from nothing when nobody can read what was",
          "[storage]") {
  disk place;
  purge_a_part(place);
  const auto tally = place.root / "trash" / (std::string{entry} + ".gone");
  const auto left = std::distance(fs::directory_iterator{place.in_trash()},
                                  fs::directory_iterator{});
  SECTION("an empty file") {
    fs::resize_file(tally, 0);
  }
  SECTION("a cut one") {
    fs::resize_file(tally, 30);
  }
  SECTION("zeros") {
    fs::resize_file(tally, 0);
    fs::resize_file(tally, 40);
  }
  SECTION("words") {
    write_file(tally, std::string(40, 'x'));
  }
  SECTION("numbers below zero") {
    write_file(tally, "-000000000000000001 -000000000000000001\n");
  }
  SECTION("a link") {
    fs::remove(tally);
    fs::create_symlink("/dev/zero", tally);
  }
  const auto purged = place.purge();
  REQUIRE(purged);
  CHECK(purged->before == 0);
  CHECK(purged->entries == left + 1);
  CHECK(fs::is_empty(place.root / "trash"));
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

} // namespace alula::storage
