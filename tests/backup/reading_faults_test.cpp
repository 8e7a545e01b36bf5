/// A disk that cannot be read says nothing about the archive on it: every read
/// of the files of a backup fails once, and whoever read hears of the disk. And
/// files of a server that cannot be read to their end, or are gone when they
/// are opened, fail no backup.
#include "backup/local_archives.hpp"
#include "tests/backup/backup_place.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

/// Which reads fail. Set up before any thread reads.
struct broken_disk {
  std::set<ino_t> files;
  std::atomic<int> reads{0};
  int fails_from = 0;    ///< 0: none does
  bool is_short = false; ///< instead of an error nothing is read
  bool stays_broken = true;
};
broken_disk* faulty_disk = nullptr;

bool read_fails(int fd) {
  struct stat seen {};
  if (faulty_disk == nullptr || ::fstat(fd, &seen) != 0
      || !faulty_disk->files.contains(seen.st_ino))
    return false;
  const auto number = ++faulty_disk->reads;
  return faulty_disk->fails_from != 0
         && (number == faulty_disk->fails_from
             || (faulty_disk->stays_broken
                 && number > faulty_disk->fails_from));
}

} // namespace

extern "C" ssize_t pread(int fd, void* into, size_t size, off_t at) {
  if (read_fails(fd)) {
    errno = EIO;
    return faulty_disk->is_short ? 0 : -1;
  }
  return ::syscall(SYS_pread64, fd, into, size, at);
}

namespace {
/// Removed as soon as somebody has looked at it.
std::string_view short_lived;
} // namespace

extern "C" int fstatat(int at, const char* name, struct stat* seen,
                       int flags) noexcept {
  const auto looked = ::syscall(SYS_newfstatat, at, name, seen, flags);
  if (looked == 0 && !short_lived.empty() && short_lived == name)
    ::unlinkat(at, name, 0);
  return static_cast<int>(looked);
}

using namespace alula;
using backup::backup_place;
using contracts::archives_stage;
using jobs::fault_code;

namespace {

ino_t inode_of(const std::filesystem::path& path) {
  struct stat seen {};
  REQUIRE(::stat(path.c_str(), &seen) == 0);
  return seen.st_ino;
}

/// What comes of it while no read of the file works.
template<class Run>
auto while_unreadable(const std::filesystem::path& file, Run run) {
  broken_disk now;
  now.files = {inode_of(file)};
  now.fails_from = 1;
  faulty_disk = &now;
  auto done = run();
  faulty_disk = nullptr;
  return done;
}

/// Runs it with every one of its reads failing; how many it has.
int with_every_read_failing(std::set<ino_t> files,
                            const std::function<jobs::status()>& run) {
  for (int number = 1;; ++number) {
    broken_disk now;
    now.files = files;
    now.fails_from = number;
    faulty_disk = &now;
    const auto done = run();
    faulty_disk = nullptr;
    if (now.reads < number) {
      CHECK(done);
      return number - 1;
    }
    INFO("read " << number << (done ? "" : ": " + done.error().what));
    REQUIRE_FALSE(done);
    REQUIRE(done.error().code == fault_code::io_error);
  }
}

template<class T>
jobs::status status_of(jobs::result<T> from) {
  return from ? jobs::status{} : jobs::status{std::move(from).error()};
}

struct read_place {
  archives_stage on{std::make_unique<backup_place>()};
  backup_place& place = dynamic_cast<backup_place&>(*on.world);

  read_place() {
    static const auto noise = [] {
      std::string out;
      for (std::uint64_t i = 1; out.size() < 5'000'000;
           i = i * 6364136223846793005U + 1)
        out += std::to_string(i);
      return out;
    }();
    place.fill({{"world/region", noise}, {"world/level.dat", "x"}, {"b", "c"}});
  }

  void empty_stage() const {
    for (const auto& each :
         std::filesystem::directory_iterator{place.stage.root})
      std::filesystem::remove_all(each);
  }
};

} // namespace

TEST_CASE("a disk that cannot be read does not damage an archive of ours",
          "[archives]") {
  read_place at;
  auto& on = at.on;
  const auto made = on.write();
  REQUIRE(made);
  REQUIRE(on.port.publish(on.backup, on.job));
  const auto archive = at.place.archive_of(on.backup);
  const std::set<ino_t> files{inode_of(archive),
                              inode_of(archive.string() + ".manifest")};
  SECTION("verified") {
    CHECK(with_every_read_failing(
              files,
              [&] {
                return status_of(on.port.verify(
                    on.backup, {.sha256 = made->facts.sha256}, {}, {}));
              })
          > 4);
  }
  SECTION("verified by its sum") {
    CHECK(
        with_every_read_failing(files,
                                [&] {
                                  return status_of(on.port.verify(
                                      on.backup,
                                      {.sha256 = made->facts.sha256,
                                       .depth = jobs::check_depth::sum_of_ours},
                                      {}, {}));
                                })
        > 2);
  }
  SECTION("restored") {
    CHECK(with_every_read_failing(files,
                                  [&] {
                                    at.empty_stage();
                                    return status_of(on.port.extract(
                                        {.backup = on.backup},
                                        at.place.staging(), {}, {}));
                                  })
          > 4);
  }
  SECTION("looked at") {
    with_every_read_failing(
        files, [&] { return status_of(on.port.inspect(on.backup)); });
    with_every_read_failing(
        files, [&] { return status_of(on.port.browse(on.backup, "", "", 9)); });
    with_every_read_failing(files, [&] {
      return status_of(on.port.content_size(on.backup, {}, {}));
    });
  }
  SECTION("one file of it") {
    CHECK(with_every_read_failing(files,
                                  [&]() -> jobs::status {
                                    auto reader = on.port.open_content(
                                        on.backup, "world/region");
                                    if (!reader)
                                      return std::move(reader).error();
                                    std::string all;
                                    return (*reader)->read(10'000'000, all);
                                  })
          > 4);
  }
}

TEST_CASE("a disk that cannot be read does not damage a foreign archive",
          "[archives]") {
  read_place at;
  auto& on = at.on;
  const auto path = at.place.backups.root / (on.backup.to_string() + ".tar.gz");
  const auto zip = GENERATE(as<std::string>{}, "gzip", "zstd");
  backup::printed_by("tar -C " + at.place.files.root.string() + " -cf - . | "
                     + zip + " -qc > " + path.string());
  const std::set<ino_t> files{inode_of(path)};
  CHECK(with_every_read_failing(
            files,
            [&] { return status_of(on.port.verify(on.backup, {}, {}, {})); })
        > 2);
  with_every_read_failing(files, [&] {
    return on.port.index(on.backup, on.server, on.later, {}, {});
  });
}

TEST_CASE("an archive that cannot be looked at hides no other one",
          "[archives]") {
  read_place at;
  auto& on = at.on;
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  at.place.put_foreign(on.other, {{"a", "b"}});
  const auto listed =
      while_unreadable(at.place.archive_of(on.backup).string() + ".manifest",
                       [&on] { return on.port.list(); });
  REQUIRE(listed);
  REQUIRE(listed->files.size() == 1);
  CHECK(listed->files.front().backup == on.other);
  CHECK(listed->unreadable == std::vector{on.backup});
  CHECK(on.port.list()->files.size() == 2);
  CHECK(on.port.list()->unreadable.empty());
}

TEST_CASE("archives of which none can be looked at are no empty list",
          "[archives]") {
  read_place at;
  auto& on = at.on;
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  const auto listed =
      while_unreadable(at.place.archive_of(on.backup).string() + ".manifest",
                       [&on] { return on.port.list(); });
  contracts::fails_with(listed, fault_code::io_error);
}

TEST_CASE("a manifest that cannot be looked at keeps a sweep from nothing else",
          "[archives]") {
  backup::store_settings settings;
  settings.orphans_wait = std::chrono::seconds{0};
  auto on = backup::disk_stage(std::move(settings));
  const auto& place = backup::place_of(on);
  on.make();
  const auto archive = place.archive_of(on.backup);
  std::filesystem::remove(archive);
  REQUIRE(on.write()); // two parts of a job that is over
  const auto sweep = [&on] {
    return on.port.sweep([](const jobs::job_id&) { return false; },
                         [](const jobs::backup_id&) { return false; });
  };
  const auto manifest = archive.string() + ".manifest";
  const auto swept = while_unreadable(manifest, sweep);
  contracts::fails_with(swept, fault_code::io_error);
  CHECK(place.names()
        == std::vector{std::filesystem::path{manifest}.filename().string()});
  CHECK(sweep());
  CHECK(place.names().empty());
}

TEST_CASE("a read that gives less than the file has is no damage either",
          "[archives]") {
  read_place at;
  auto& on = at.on;
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  broken_disk now;
  now.files = {inode_of(at.place.archive_of(on.backup))};
  now.fails_from = 3;
  now.is_short = true;
  faulty_disk = &now;
  const auto read = on.port.verify(on.backup, {}, {}, {});
  faulty_disk = nullptr;
  REQUIRE_FALSE(read);
  CHECK(read.error().code == fault_code::io_error);
  CHECK(on.port.verify(on.backup, {}, {}, {}));
}

TEST_CASE(
    "a file that cannot be read to its end is zeros from there, and noted",
    "[archives]") {
  read_place at;
  const auto path = at.place.files.root / "world/region";
  const auto whole = backup::content_of(path);
  broken_disk now;
  now.files = {inode_of(path)};
  faulty_disk = &now;
  const auto counted = at.on.write();
  REQUIRE(counted);
  REQUIRE(counted->notes.empty());
  REQUIRE(now.reads > 4);
  // The last read asks whether the file has grown, the ones before are of it.
  now.fails_from = now.reads - 2;
  now.reads = 0;
  const auto made =
      at.on.port.write(at.place.volume(), at.on.order(at.on.later), {}, {});
  faulty_disk = nullptr;
  REQUIRE(made);
  REQUIRE(made->notes.size() == 1);
  CHECK(made->notes[0].path == "world/region");
  CHECK(made->notes[0].what.starts_with("cannot be read ("));
  CHECK(made->notes[0].what.ends_with("bytes are zeros here"));

  REQUIRE(at.on.port.publish(at.on.backup, at.on.later));
  REQUIRE(
      at.on.port.extract({.backup = at.on.backup}, at.place.staging(), {}, {}));
  const auto back = backup::content_of(at.place.stage.root / "world/region");
  REQUIRE(back.size() == whole.size());
  const auto zeros = back.size() - back.find_last_not_of('\0') - 1;
  CHECK(zeros > 0);
  CHECK(made->notes[0].what.find(" " + std::to_string(zeros) + " ")
        != std::string::npos);
  CHECK(back.starts_with(whole.substr(0, whole.size() - zeros)));
  CHECK(backup::content_of(at.place.stage.root / "b") == "c");
}

TEST_CASE("a file that is gone when it is opened is left out and noted",
          "[archives]") {
  read_place at;
  short_lived = "level.dat";
  const auto made = at.on.write();
  short_lived = {};
  REQUIRE(made);
  REQUIRE(made->notes.size() == 1);
  CHECK(made->notes[0].path == "world/level.dat");
  CHECK(made->notes[0].what == "vanished");
  CHECK(made->facts.files == 2);
  REQUIRE(at.on.port.publish(at.on.backup, at.on.job));
  CHECK(at.on.port.verify(at.on.backup, {}, {}, {}));
}
