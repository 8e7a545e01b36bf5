#include "storage/install_directory.hpp"
#include "tests/contracts/install_files_contract.hpp"
#include "tests/doubles/fake_install_files.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

namespace alula::storage {

namespace {

namespace fs = std::filesystem;

const auto server =
    *jobs::server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");

fs::path make_root() {
  std::string name = "/tmp/alula-install-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

struct place {
  ~place() { fs::remove_all(root); }

  const fs::path root = make_root();
  install_directory files{root / "tmp", root / "log" / "install"};
};

mode_t mode_of(const fs::path& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

std::string text_in(const fs::path& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("install files keep the promises of their port", "[storage]") {
  SECTION("on disk") {
    place p;
    contracts::check_install_files(p.files);
  }
  SECTION("in memory") {
    jobs::fake_install_files fake;
    contracts::check_install_files(fake);
  }
}

TEST_CASE("a script is seen by its container and by no other user",
          "[storage]") {
  place p;
  const auto at = p.files.put_script(server, "echo hi\n");
  REQUIRE(at);
  CHECK(text_in(fs::path{*at} / "install.sh") == "echo hi\n");
  CHECK(mode_of(p.root / "tmp") == 0700);
  CHECK(mode_of(fs::path{*at} / "install.sh") == 0644);
}

TEST_CASE("what a script left beside itself is removed with it", "[storage]") {
  place p;
  const fs::path at = p.files.put_script(server, "x").value();
  fs::create_directories(at / "left" / "over");
  REQUIRE(p.files.remove_script(server));
  CHECK_FALSE(fs::exists(at));
}

TEST_CASE("no script is put where others can write", "[storage]") {
  place p;
  fs::create_directory(p.root / "tmp");
  fs::permissions(p.root / "tmp", fs::perms::all);
  const auto refused = p.files.put_script(server, "x");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == jobs::fault_code::io_error);
}

TEST_CASE("where no script may be put, none is there to be removed",
          "[storage]") {
  place p;
  fs::create_directory(p.root / "tmp");
  fs::permissions(p.root / "tmp", fs::perms::all);
  CHECK(p.files.remove_script(server));
  fs::create_directory(p.root / "tmp" / server.to_string());
  CHECK_FALSE(p.files.remove_script(server));
}

TEST_CASE("a log is for root alone", "[storage]") {
  place p;
  REQUIRE(p.files.put_log(server, "DB_PASSWORD=secret"));
  CHECK(mode_of(p.root / "log" / "install" / (server.to_string() + ".log"))
        == 0600);
}

TEST_CASE("a directory in place of a script's is a fault, not a crash",
          "[storage]") {
  place p;
  const fs::path at = p.files.put_script(server, "x").value();
  fs::remove(at / "install.sh");
  fs::create_directory(at / "install.sh");
  CHECK_FALSE(p.files.put_script(server, "x"));
}

} // namespace alula::storage
