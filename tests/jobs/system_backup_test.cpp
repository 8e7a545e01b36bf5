#include "jobs/system_backup.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace alula::jobs;

namespace {

const std::string system_uuid = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e";
constexpr time_ms june_5 = 1'780'650'023'000; ///< 2026-06-05T09:00:23Z

system_backup_record named(std::string filename, std::string id = system_uuid) {
  system_backup_record out;
  out.id = std::move(id);
  out.filename = std::move(filename);
  out.uploaded_at = june_5;
  return out;
}

system_backup_record sized(int number, std::int64_t size) {
  auto out = named("x");
  out.id = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d0" + std::to_string(number);
  out.size = size;
  return out;
}

} // namespace

TEST_CASE("display names keep what is behind the last slash", "[systems]") {
  CHECK(display_name("", system_uuid + ".bin") == "backup-" + system_uuid);
  CHECK(display_name("   ", system_uuid) == "backup-" + system_uuid);
  CHECK(display_name("daily.tar.gz", system_uuid) == "daily.tar.gz");
  CHECK(display_name("../../etc/passwd", system_uuid) == "passwd");
  CHECK(display_name("C:\\evil\\dump.gpg", system_uuid) == "dump.gpg");
  CHECK(display_name("dir/", system_uuid).empty());
}

TEST_CASE("names are made harmless", "[systems]") {
  using namespace std::string_literals;
  CHECK(harmless_name("daily-backup_42.tar.gz") == "daily-backup_42.tar.gz");
  CHECK(harmless_name("foo\r\nSet-Cookie: x=1.gpg")
        == "foo__Set-Cookie__x_1.gpg");
  CHECK(harmless_name("a\0b\1c.bin"s) == "a_b_c.bin");
  CHECK(harmless_name("<img onerror=alert(1)>.gpg")
        == "_img_onerror_alert_1__.gpg");
  CHECK(harmless_name("my backup [2026].gpg") == "my_backup__2026_.gpg");
  CHECK(harmless_name(std::string(300, 'a')) == std::string(255, 'a'));
  CHECK(harmless_name("gr\xc3\xbc\xc3\x9f\x65.gpg") == "gr__e.gpg");
  CHECK(harmless_name("\xff\xfe.gpg") == "__.gpg");
}

TEST_CASE("extensions are one of six", "[systems]") {
  CHECK(system_backup_extension("dump.tar.gz") == ".tar.gz");
  CHECK(system_backup_extension("dump.tar.xz") == ".tar.xz");
  CHECK(system_backup_extension("dump.tar.bz2") == ".tar.bz2");
  CHECK(system_backup_extension("dump.tar.zst") == ".tar.zst");
  CHECK(system_backup_extension("backup.gpg") == ".gpg");
  CHECK(system_backup_extension("backup.GPG") == ".gpg");
  for (const auto* other :
       {"backup", "backup.", "a.rar", "a.sh", "a.tgz", "a.tar", "", "a.gpg/"})
    CHECK(system_backup_extension(other) == ".bin");
}

TEST_CASE("ids are UUIDv7 with a known extension or none", "[systems]") {
  for (const auto& good : {system_uuid, system_uuid + ".tar.gz",
                           system_uuid + ".gpg", system_uuid + ".bin"})
    CHECK(canonical_system_backup_id(good) == good);
  CHECK(canonical_system_backup_id("0198B3C1-7A52-7C0E-9D44-0F6A1B2C3D4E.GPG")
        == system_uuid + ".gpg");
  for (const auto& bad :
       {std::string{"0198b3c1-7a52-4c0e-9d44-0f6a1b2c3d4e"},
        std::string{"../../etc/passwd"}, system_uuid + "..%2Fetc%2Fpasswd",
        system_uuid + "/extra", system_uuid + ".sh", system_uuid + " ",
        system_uuid + "\n", std::string{},
        std::string{"0198b3c1-7a52-7c0e-cd44-0f6a1b2c3d4e"}})
    CHECK_FALSE(canonical_system_backup_id(bad));
  const auto made = make_system_backup_id(june_5, "a.tar.xz");
  CHECK(canonical_system_backup_id(made) == made);
  CHECK(made.ends_with(".tar.xz"));
}

TEST_CASE("downloads are named with the time of the upload", "[systems]") {
  CHECK(download_name(named("backup-2026-06-05.tar"))
        == "backup-2026-06-05_09-00-23.tar");
  CHECK(download_name(named("backup.gz")) == "backup_2026-06-05_09-00-23.gz");
  CHECK(download_name(named("backup-" + system_uuid, system_uuid + ".bin"))
        == "backup-" + system_uuid + "_2026-06-05_09-00-23.bin");
  CHECK(download_name(named("host.example.com.tar.gz"))
        == "host_2026-06-05_09-00-23.example.com.tar.gz");
  CHECK(download_name(named("", system_uuid + ".gpg"))
        == system_uuid + "_2026-06-05_09-00-23.gpg");
  CHECK(download_name(named(".hidden", system_uuid + ".gpg"))
        == ".hidden_2026-06-05_09-00-23.gpg");
}

TEST_CASE("the oldest go first and the newest stays", "[systems]") {
  using ids = std::vector<std::string>;
  const auto a = sized(1, 10), b = sized(2, 10), c = sized(3, 10);
  CHECK(choose_system_victims({c, a, b}, c.id, 3, 30).empty());
  CHECK(choose_system_victims({c, a, b}, c.id, 2, 30) == ids{a.id});
  CHECK(choose_system_victims({c, a, b}, c.id, 3, 20) == ids{a.id});
  CHECK(choose_system_victims({c, a, b}, c.id, 3, 19) == ids{a.id, b.id});
  CHECK(choose_system_victims({c, a, b}, c.id, 0, 0) == ids{a.id, b.id});
  CHECK(choose_system_victims({a}, a.id, 0, 1).empty());
  CHECK(choose_system_victims({}, a.id, 1, 1).empty());
}

TEST_CASE("what was just stored stays, however old its id is", "[systems]") {
  using ids = std::vector<std::string>;
  const auto a = sized(1, 10), b = sized(2, 10), c = sized(3, 10);
  CHECK(choose_system_victims({a, b, c}, a.id, 2, 30) == ids{b.id});
  CHECK(choose_system_victims({a, b, c}, b.id, 1, 30) == ids{a.id});
  CHECK(choose_system_victims({a, b, c}, a.id, 3, 20) == ids{b.id});
  // The newest stays too, above the limit until the next one comes.
  CHECK(choose_system_victims({a, b, c}, a.id, 0, 0) == ids{b.id});
}

TEST_CASE("nine of 20 MiB and one of 600 leave at least the last",
          "[systems]") {
  std::vector<system_backup_record> all;
  for (int i = 0; i < 9; ++i)
    all.push_back(sized(i, 20 << 20));
  all.push_back(sized(9, 600 << 20));
  CHECK(choose_system_victims(all, all.back().id, 10, 500 << 20).size() == 9);
}

TEST_CASE("what is told of a backup has six members", "[systems]") {
  auto one = named("a.gpg");
  one.uploader = "192.0.2.1";
  one.sha256 = std::string(64, 'a');
  const auto told = nlohmann::json::parse(to_json(one));
  CHECK(told.size() == 6);
  for (const auto* name :
       {"id", "filename", "size", "sha256", "mimetype", "uploaded_at"})
    CHECK(told.contains(name));
  CHECK(told.at("uploaded_at") == "2026-06-05T09:00:23.000Z");
  CHECK(to_json(one).find("192.0.2.1") == std::string::npos);
}

TEST_CASE("the largest upload is one that can be kept", "[systems]") {
  CHECK(system_limits{.upload = 10, .bytes = 5}.largest() == 5);
  CHECK(system_limits{.upload = 5, .bytes = 10}.largest() == 5);
}
