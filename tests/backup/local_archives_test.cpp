#include "backup/idle_io.hpp"
#include "backup/local_archives.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/contracts/archives_contract.hpp"
#include "tests/contracts/checked_archives_contract.hpp"
#include "tests/contracts/moved_archives_contract.hpp"

#include <chrono>
#include <sys/wait.h>
#include <thread>

using namespace alula;
using backup::backup_place;
using backup::disk_stage;
using backup::place_of;
using backup::printed_by;
using contracts::archives_stage;
using contracts::fails_with;
using jobs::fault_code;

TEST_CASE("local archives keep the contract", "[archives]") {
  contracts::archives_keep_their_contract(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<backup_place>();
      });
}

TEST_CASE("archives that are checked keep the contract", "[archives]") {
  contracts::archives_are_checked(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<backup_place>();
      });
}

TEST_CASE("nothing unfinished is seen and nothing is left", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  place.fill(on.files);
  REQUIRE(on.write());
  const auto name = "backup-" + on.backup.to_string() + ".tar.gz";
  const auto end = "." + on.job.to_string() + ".part";
  CHECK(place.names()
        == std::vector<std::string>{name + end, name + ".manifest" + end});
  REQUIRE(on.port.publish(on.backup, on.job));
  CHECK(place.names() == std::vector<std::string>{name, name + ".manifest"});
  struct stat seen {};
  REQUIRE(::stat(place.archive_of(on.backup).c_str(), &seen) == 0);
  CHECK((seen.st_mode & 0777U) == 0600);
  REQUIRE(on.port.remove(on.backup));
  CHECK(place.names().empty());
}

TEST_CASE("archives that move keep the contract", "[archives]") {
  contracts::archives_are_moved(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<backup_place>();
      });
}

TEST_CASE("other programs read what was written in every format and level",
          "[archives]") {
  backup::store_settings settings;
  settings.format =
      GENERATE(backup::archive_format::wings, backup::archive_format::full);
  settings.level =
      GENERATE(backup::compression::none, backup::compression::best_speed,
               backup::compression::best_compression);
  auto on = disk_stage(std::move(settings));
  auto& place = place_of(on);
  on.files["region/r.bin"] = std::string(3 << 20, 'r'); // of several members
  const auto made = on.make();
  const auto archive = place.archive_of(on.backup).string();
  printed_by("gzip -t " + archive);
  const auto listing = '\n' + printed_by("tar -tzf " + archive);
  for (const auto& [path, content] : on.files)
    CHECK_THAT(listing, Catch::Contains('\n' + path + '\n'));
  CHECK(printed_by("sha1sum < " + archive).starts_with(made.facts.sha1));
  CHECK(printed_by("sha256sum < " + archive).starts_with(made.facts.sha256));
  printed_by("tar -xzf " + archive + " -C " + place.stage.root.string());
  CHECK(place.staged() == on.files);
}

TEST_CASE("a packed volume holds everything, whatever it says of backups",
          "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  on.files[".pteroignore"] = "*.mca\nlogs\n";
  place.fill(on.files);
  std::filesystem::create_directories(place.files.root / "plugins/empty");
  const auto archive = place.stage.root / "packed.tar.gz";
  jobs::result<jobs::archive_made> sent =
      jobs::fault{.what = "nothing was packed"};
  {
    std::ofstream out{archive, std::ios::binary};
    sent = on.port.pack(place.volume(), on.job,
                        [&](std::string_view piece) -> jobs::status {
                          out << piece;
                          return {};
                        },
                        {}, {});
  }
  REQUIRE(sent);
  CHECK(printed_by("sha256sum < " + archive.string())
            .starts_with(sent->facts.sha256));
  printed_by("tar -xzf " + archive.string() + " -C "
             + place.stage.root.string());
  CHECK(std::filesystem::is_directory(place.stage.root / "plugins/empty"));
  std::filesystem::remove(archive);
  CHECK(place.staged() == on.files);
  CHECK(place.names().empty());
}

TEST_CASE("only archives are listed and touched", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  on.make();
  place.put_foreign(on.other, on.files);
  place.backups.write("notes.txt", "mine");
  place.backups.write("backup-x.tar.gz", "mine");
  place.backups.write("backup-" + on.backup.to_string() + ".tar.gz.part", "m");
  const auto third = "5f2b7c1e-90ab-4cde-8f01-23456789abcd";
  std::filesystem::create_symlink(
      "/etc/passwd", place.backups.root / (std::string{third} + ".tar.gz"));
  const auto before = place.names();
  REQUIRE(on.port.sweep([](const jobs::job_id&) { return false; },
                        [](const jobs::backup_id&) { return false; }));
  CHECK(place.names() == before);
  CHECK(on.port.list()->files.size() == 2);
  CHECK_FALSE(*on.port.inspect(*jobs::backup_id::parse(third)));
  fails_with(on.port.open(*jobs::backup_id::parse(third)),
             fault_code::backup_not_found);
  CHECK(on.port.remove(*jobs::backup_id::parse(third)));
  CHECK(place.names() == before);
}

TEST_CASE("archives are named as the configuration says", "[archives]") {
  backup::store_settings settings;
  settings.file_name = "{uuid}.tar.gz";
  auto on = disk_stage(settings);
  on.make();
  CHECK(place_of(on).names().front() == on.backup.to_string() + ".tar.gz");
  settings.directory = place_of(on).backups.root;
  settings.file_name = "{uuid}/x.tar.gz";
  fails_with(backup::local_archives::open(settings), fault_code::validation);
  settings.file_name = "same.tar.gz";
  fails_with(backup::local_archives::open(settings), fault_code::validation);
}

TEST_CASE("what was copied back from a store is taken by its names there",
          "[archives]") {
  auto on = disk_stage();
  const auto made = on.make();
  // The last part of an object's key (jobs::object_key), docs/operations.md.
  const auto& root = place_of(on).backups.root;
  const auto here = root / ("backup-" + on.backup.to_string() + ".tar.gz");
  const auto there = root / (on.backup.to_string() + ".tar.gz");
  for (const char* end : {"", ".manifest"})
    std::filesystem::rename(here.string() + end, there.string() + end);
  const auto listed = on.port.list();
  REQUIRE(listed);
  REQUIRE(listed->files.size() == 1);
  const auto& file = listed->files.front();
  CHECK(file.backup == on.backup);
  CHECK(file.server == on.server);
  CHECK(file.has_manifest);
  REQUIRE(file.facts);
  CHECK(file.facts->sha256 == made.facts.sha256);
}

TEST_CASE("a reader in another process keeps an archive", "[archives]") {
  auto on = disk_stage();
  on.make();
  std::array<int, 2> to_child{};
  std::array<int, 2> from_child{};
  REQUIRE(::pipe(to_child.data()) == 0);
  REQUIRE(::pipe(from_child.data()) == 0);
  const auto child = ::fork();
  if (child == 0) {
    ::close(to_child[1]);
    const auto mine = on.port.open(on.backup);
    char byte = mine ? 'y' : 'n';
    (void)!::write(from_child[1], &byte, 1);
    (void)!::read(to_child[0], &byte, 1);
    ::_exit(0);
  }
  char answer = 0;
  REQUIRE(::read(from_child[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  fails_with(on.port.remove(on.backup), fault_code::backup_in_use);
  ::close(to_child[1]);
  ::waitpid(child, nullptr, 0);
  CHECK(on.port.remove(on.backup));
  for (const auto fd : {to_child[0], from_child[0], from_child[1]})
    ::close(fd);
}

TEST_CASE("a backup takes the time that its limits ask for", "[archives]") {
  constexpr std::uint64_t limit = 4'000'000; // a second's worth goes at once
  backup::store_settings settings;
  settings.level = backup::compression::none;
  (GENERATE(true, false) ? settings.write_limit : settings.read_limit) = limit;
  auto on = disk_stage(settings);
  place_of(on).fill({{"big", std::string(limit * 3 / 2, 'x')}});
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(on.write());
  CHECK(std::chrono::steady_clock::now() - begun
        >= std::chrono::milliseconds{400});
}

TEST_CASE("patterns come from the request, else from the volume",
          "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  place.fill({{".pteroignore", "*.log\n"}, {"a.log", "1"}, {"b.txt", "2"}});
  auto order = on.order(on.job);
  const auto files = [&] {
    return on.port.measure(place.volume(), order, {}, {})->files;
  };
  SECTION("the volume's own") {
    CHECK(files() == 2);
  }
  SECTION("the request's, and then only those") {
    order.ignore = "b.txt";
    CHECK(files() == 2);
    order.ignore = "*";
    CHECK(files() == 0);
  }
  SECTION("the request's to its last line, up to 64 KiB") {
    while (order.ignore.size() < 65'530)
      order.ignore += "#\n";
    order.ignore += "b.txt";
    CHECK(files() == 2);
  }
  SECTION("a link is no pattern file") {
    std::filesystem::rename(place.files.root / ".pteroignore",
                            place.files.root / "elsewhere");
    std::filesystem::create_symlink("elsewhere",
                                    place.files.root / ".pteroignore");
    CHECK(files() == 4);
  }
  SECTION("one over 32 KiB is no pattern file") {
    place.files.write(".pteroignore", "*.log\n" + std::string(32'768, '#'));
    CHECK(files() == 3);
  }
  SECTION("no pattern brings back what the egg denies") {
    order.ignore = "!b.txt";
    order.denied = {"b.txt"};
    CHECK(files() == 2);
  }
  SECTION("a pattern that does not compile is noted") {
    order.ignore = "a(b\nb.txt";
    const auto made = on.port.write(place.volume(), order, {}, {});
    REQUIRE(made);
    CHECK(made->noted == 1);
    CHECK(made->notes.at(0).path == "a(b");
  }
}

TEST_CASE("counting gives signs of life", "[archives]") {
  archives_stage on{std::make_unique<backup_place>(backup::store_settings{},
                                                   backup::in_memory)};
  contracts::archives_world::tree many;
  for (int i = 0; i < 600; ++i)
    many["f" + std::to_string(i)] = "x";
  on.world->fill(many);
  int told = 0;
  const auto tell = [&](const jobs::archive_progress_made&) { ++told; };
  REQUIRE(on.port.measure(on.world->volume(), on.order(on.job), {}, tell));
  CHECK(told >= 2);
  told = 0;
  on.world->put_foreign(on.other, many);
  REQUIRE(on.port.content_size(on.other, {}, tell));
  CHECK(told >= 2);
}

TEST_CASE("threads started meanwhile have idle I/O too", "[archives]") {
  const auto priority = [] {
    return ::syscall(SYS_ioprio_get, 1, 0) >> 13; // of this thread; its class
  };
  const auto before = priority();
  {
    const backup::idle_io idle;
    CHECK(priority() == 3);
    long inherited = 0;
    std::thread{[&] { inherited = priority(); }}.join();
    CHECK(inherited == 3);
  }
  CHECK(priority() == before);
}
