// What is left over in a backup directory, and who takes it away.
#include "tests/backup/backup_place.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace alula;
using backup::disk_stage;
using backup::place_of;
using contracts::fails_with;
using jobs::fault_code;

TEST_CASE("a publish that was torn is finished", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  place.fill(on.files);
  REQUIRE(on.write());
  const auto manifest = place.archive_of(on.backup).string() + ".manifest";
  std::filesystem::rename(manifest + "." + on.job.to_string() + ".part",
                          manifest);
  CHECK_FALSE(on.inspect());
  fails_with(on.port.publish(on.backup, on.later), fault_code::io_error);
  CHECK(on.port.publish(on.backup, on.job));
  CHECK(on.inspect()->has_manifest);
}

TEST_CASE("a manifest of another archive is not believed", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  on.make();
  SECTION("torn") {
    std::filesystem::resize_file(
        place.archive_of(on.backup).string() + ".manifest", 40);
  }
  SECTION("of an archive of another size") {
    std::ofstream{place.archive_of(on.backup), std::ios::app} << "x";
  }
  CHECK_FALSE(on.inspect()->has_manifest);
  CHECK_FALSE(on.inspect()->facts);
  fails_with(on.port.browse(on.backup, "", "", 10), fault_code::no_manifest);
}

TEST_CASE("a sweep leaves alone the manifest that a job is making",
          "[archives]") {
  auto on = disk_stage();
  on.world->put_foreign(on.backup, on.files);
  const std::jthread sweeper{[&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      (void)on.port.sweep([&](const auto& id) { return id == on.later; },
                          [](const auto&) { return true; });
  }};
  for (int i = 0; i < 20; ++i)
    REQUIRE(on.port.index(on.backup, on.server, on.later, {}, {}));
  CHECK(on.inspect()->has_manifest);
}

TEST_CASE("a manifest that nothing belongs to is swept", "[archives]") {
  using namespace std::chrono_literals;
  bool is_on_record = false, job_lives = false, waits = false, is_torn = false;
  SECTION("of a backup that nobody knows") {}
  SECTION("a torn one, too") {
    is_torn = true;
  }
  SECTION("but not while a publish may be under way") {
    job_lives = true;
  }
  SECTION("nor of a backup that is lost, and may be found again") {
    is_on_record = true;
  }
  SECTION("nor before somebody has copied the archive to its place") {
    waits = true;
  }
  backup::store_settings settings;
  settings.orphans_wait = waits ? 24h : 0h;
  auto on = disk_stage(settings);
  auto& place = place_of(on);
  on.make();
  place.put_foreign(on.other, on.files);
  const auto archive = place.archive_of(on.backup);
  std::filesystem::remove(archive);
  const auto manifest = archive.string() + ".manifest";
  if (is_torn)
    std::filesystem::resize_file(manifest, 40);
  REQUIRE(on.port.sweep(
      [&](const jobs::job_id& job) { return job_lives && job == on.job; },
      [&](const jobs::backup_id&) { return is_on_record; }));
  CHECK(std::filesystem::exists(manifest)
        == (is_on_record || job_lives || waits));
  CHECK(on.port.list()->files.size() == 1);
}

TEST_CASE("a part that cannot be removed keeps a sweep from no other one",
          "[archives]") {
  auto on = disk_stage();
  const auto& place = place_of(on);
  std::vector<std::string> stay; // directories: unlink() takes none
  for (int i = 0; i < 8; ++i) {
    const auto name = "backup-" + on.backup.to_string() + ".tar.gz."
                      + jobs::make_job_id(i).to_string() + ".part";
    if (i % 2 == 0) {
      std::filesystem::create_directory(place.backups.root / name);
      stay.push_back(name);
    } else {
      place.backups.write(name, "half");
    }
  }
  std::ranges::sort(stay);
  const auto swept =
      on.port.sweep([](const jobs::job_id&) { return false; },
                    [](const jobs::backup_id&) { return false; });
  fails_with(swept, fault_code::io_error);
  CHECK(place.names() == stay);
}

TEST_CASE("a power cut between the renames of a publish is made good",
          "[archives]") {
  auto on = disk_stage();
  on.world->fill(on.files);
  REQUIRE(on.write());
  auto& place = place_of(on);
  REQUIRE(on.port.publish(on.backup, on.job));
  const auto archive = place.archive_of(on.backup);
  const auto manifest = std::filesystem::path{archive.string() + ".manifest"};
  const auto part = std::filesystem::path{manifest.string() + "."
                                          + on.job.to_string() + ".part"};
  std::filesystem::rename(manifest, part);
  SECTION("the archive is ours") {
    CHECK(on.port.publish(on.backup, on.job));
    CHECK(std::filesystem::exists(manifest));
    CHECK_FALSE(std::filesystem::exists(part));
    CHECK((*on.port.inspect(on.backup).value()).has_manifest);
  }
  SECTION("the archive is another one") {
    std::ofstream{archive, std::ios::app} << "more";
    fails_with(on.port.publish(on.backup, on.job), fault_code::backup_exists);
  }
  SECTION("the manifest is none") {
    std::filesystem::resize_file(part, 3);
    fails_with(on.port.publish(on.backup, on.job), fault_code::backup_exists);
  }
}
