#include "backup/system_object_files.hpp"
#include "tests/contracts/system_objects_contract.hpp"
#include "tests/doubles/fake_system_objects.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace alula;
namespace fs = std::filesystem;

namespace {

struct place {
  place() {
    std::string name = (fs::temp_directory_path() / "alula-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error{"no directory"};
    at = name;
  }
  ~place() {
    std::error_code ignored;
    fs::remove_all(at, ignored);
  }
  fs::path at;
};

const std::string id = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg";

std::size_t entries(const fs::path& in) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{in}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("backups of systems are kept as files", "[systems]") {
  const place p;
  backup::system_object_files files{p.at / "systems",
                                    std::make_shared<jobs::disk_room>(0)};
  contracts::objects_are_kept(files);
  CHECK(entries(p.at / "systems") == 0);
}

TEST_CASE("the fake keeps backups of systems as the files do", "[systems]") {
  doubles::fake_system_objects objects;
  contracts::objects_are_kept(objects);
}

TEST_CASE("the checksum is SHA-256 of what is stored", "[systems]") {
  const place p;
  backup::system_object_files files{p.at, std::make_shared<jobs::disk_room>(0)};
  const auto written =
      files.write(id, contracts::pieces_of("abc"), [](std::int64_t) {});
  REQUIRE(written);
  CHECK(written->sha256
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a sweep makes no directory where there is none", "[systems]") {
  const place p;
  backup::system_object_files files{p.at / "systems",
                                    std::make_shared<jobs::disk_room>(0)};
  const auto swept = files.sweep([](std::string_view) { return false; });
  REQUIRE(swept);
  CHECK(swept->parts + swept->unknown == 0);
  CHECK(entries(p.at) == 0);
}

TEST_CASE("a sweep leaves alone what is no backup", "[systems]") {
  const place p;
  backup::system_object_files files{p.at, std::make_shared<jobs::disk_room>(0)};
  for (const auto* name : {"notes.part", "lost+found", ".part"})
    std::ofstream{p.at / name} << "somebody's";
  std::ofstream{p.at / (id + ".part")} << "half";
  const auto swept = files.sweep([](std::string_view) { return false; });
  REQUIRE(swept);
  CHECK(swept->parts == 1);
  CHECK(swept->unknown == 0);
  CHECK(entries(p.at) == 3);
}

TEST_CASE("a directory that comes late is used when it is there", "[systems]") {
  const place p;
  std::ofstream{p.at / "systems"} << "in the way";
  backup::system_object_files files{p.at / "systems",
                                    std::make_shared<jobs::disk_room>(0)};
  CHECK_FALSE(files.space());
  fs::remove(p.at / "systems");
  CHECK(files.space());
}

TEST_CASE("nobody but its owner may read a backup of a system", "[systems]") {
  const place p;
  backup::system_object_files files{p.at / "systems",
                                    std::make_shared<jobs::disk_room>(0)};
  REQUIRE(files.write(id, contracts::pieces_of("abc"), [](std::int64_t) {}));
  REQUIRE(files.publish(id));
  CHECK(fs::status(p.at / "systems").permissions() == fs::perms::owner_all);
  CHECK(fs::status(p.at / "systems" / id).permissions()
        == (fs::perms::owner_read | fs::perms::owner_write));
}
