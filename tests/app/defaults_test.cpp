#include "app/defaults.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace alula::app;
using alula::tests::temporary_directory;

unsigned mode_of(const std::filesystem::path& file) {
  struct stat about {};
  REQUIRE(stat(file.c_str(), &about) == 0);
  return about.st_mode & 07777;
}

} // namespace

TEST_CASE("a first start makes a token that only its user may read", "[app]") {
  temporary_directory dir;
  const auto data = dir.path() / "state/alula";
  const auto first = embedded_defaults(data);
  REQUIRE(first);
  CHECK(first->token_is_new);
  CHECK(first->value.token.size() == 64);
  CHECK(mode_of(data) == 0700);
  CHECK(mode_of(first->token_file) == 0600);

  SECTION("and a second start finds it") {
    const auto second = embedded_defaults(data);
    REQUIRE(second);
    CHECK_FALSE(second->token_is_new);
    CHECK(second->value.token == first->value.token);
  }
  SECTION("and leaves no draft behind") {
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator{data})
      ++files;
    CHECK(files == 1);
  }
}

TEST_CASE("embedded defaults stay on loopback and in one directory", "[app]") {
  temporary_directory dir;
  const auto start = embedded_defaults(dir.path());
  REQUIRE(start);
  const auto& c = start->value;
  CHECK(c.api.host == "127.0.0.1");
  CHECK(c.api.port == 8080);
  CHECK(c.remote.empty());
  CHECK(c.system.root_directory == dir.path());
  CHECK(c.system.data == dir.path() / "volumes");
}

TEST_CASE("two new directories get two tokens", "[app]") {
  temporary_directory a;
  temporary_directory b;
  CHECK(embedded_defaults(a.path())->value.token
        != embedded_defaults(b.path())->value.token);
}

TEST_CASE("a token file is made where it is named, and then read", "[app]") {
  temporary_directory dir;
  const auto file = dir.path() / "keys/of-the-node";
  const auto first = token_in(file);
  REQUIRE(first);
  CHECK(first->is_new);
  CHECK(first->token.size() == 64);
  CHECK(mode_of(file) == 0600);
  CHECK(mode_of(file.parent_path()) == 0700);
  const auto second = token_in(file);
  REQUIRE(second);
  CHECK_FALSE(second->is_new);
  CHECK(second->token == first->token);
}

TEST_CASE("an empty token file is refused, not taken as no token", "[app]") {
  temporary_directory dir;
  std::ofstream{dir.path() / "token"} << "\n";
  const auto start = embedded_defaults(dir.path());
  REQUIRE_FALSE(start);
  CHECK_THAT(start.error().what, Catch::Contains("holds no token"));
}

TEST_CASE("a token file that cannot be read is not taken for an empty one",
          "[app]") {
  temporary_directory dir;
  const auto file = dir.path() / "token";
  std::filesystem::create_symlink("token", file);
  const auto kept = token_in(file);
  REQUIRE_FALSE(kept);
  CHECK_THAT(kept.error().where, Catch::Contains(file.string()));
}

TEST_CASE("a directory that cannot be made is a fault that names it", "[app]") {
  const auto start = embedded_defaults("/proc/alula/data");
  REQUIRE_FALSE(start);
  CHECK_THAT(start.error().where, Catch::Contains("/proc/alula"));
}

TEST_CASE("the default directory follows the XDG rules", "[app]") {
  if (geteuid() == 0) {
    CHECK(default_data_directory() == "/var/lib/alula");
    return;
  }
  setenv("HOME", "/home/someone", 1);
  setenv("XDG_STATE_HOME", "relative/is/ignored", 1);
  CHECK(default_data_directory() == "/home/someone/.local/state/alula");
  setenv("XDG_STATE_HOME", "/srv/state", 1);
  CHECK(default_data_directory() == "/srv/state/alula");
}
