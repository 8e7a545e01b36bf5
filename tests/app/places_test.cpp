#include "app/places.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace alula::app;
using alula::tests::temporary_directory;

TEST_CASE("the ledger lies below the root unless it is told where", "[app]") {
  config c;
  CHECK(ledger_directory(c) == "/var/lib/pterodactyl/alula");
  c.system.ledger_directory = "/srv/ledger";
  CHECK(ledger_directory(c) == "/srv/ledger");
}

TEST_CASE("trash and staging lie beside the volumes of the same mount",
          "[app]") {
  temporary_directory dir;
  config c;
  c.system.data = dir.path() / "volumes";
  SECTION("that do not exist yet") {
    CHECK(trash_directory(c) == dir.path() / ".trash");
    CHECK(staging_directory(c) == dir.path() / ".staging");
  }
  SECTION("that exist") {
    std::filesystem::create_directory(c.system.data);
    CHECK(trash_directory(c) == dir.path() / ".trash");
    CHECK(staging_directory(c) == dir.path() / ".staging");
  }
  SECTION("that a link leads to") {
    std::filesystem::create_directories(dir.path() / "disk/servers");
    std::filesystem::create_directory_symlink(dir.path() / "disk/servers",
                                              c.system.data);
    CHECK(trash_directory(c) == dir.path() / "disk/.trash");
    CHECK(staging_directory(c) == dir.path() / "disk/.staging");
  }
  SECTION("that are a mount of their own") {
    c.system.data = "/proc";
    CHECK(trash_directory(c) == "/proc/.trash");
    CHECK(staging_directory(c) == "/proc/.staging");
  }
  SECTION("unless it is told where") {
    c.system.trash_directory = "/srv/trash";
    CHECK(trash_directory(c) == "/srv/trash");
    CHECK(staging_directory(c) == "/srv/.staging");
    c.system.trash_directory = "/srv/trash/";
    CHECK(staging_directory(c) == "/srv/.staging");
  }
}

TEST_CASE("files belong to the configured user", "[app]") {
  config c;
  c.system.username = "nobody-of-that-name";
  CHECK(file_owner(c).uid == geteuid());
  CHECK(file_owner(c).gid == getegid());
  c.system.user.uid = 988;
  c.system.user.gid = 989;
  CHECK(file_owner(c).uid == 988);
  CHECK(file_owner(c).gid == 989);
  if (geteuid() == 0) {
    c = {};
    c.system.username = "nobody";
    CHECK(file_owner(c).uid == 65'534);
  }
}

TEST_CASE("the docker socket is the configured one, then DOCKER_HOST's",
          "[app]") {
  const char* before = std::getenv("DOCKER_HOST");
  const std::string kept = before ? before : "";
  config c;
  unsetenv("DOCKER_HOST");
  CHECK(*docker_socket(c) == "/var/run/docker.sock");
  setenv("DOCKER_HOST", "unix:///run/user/7/docker.sock", 1);
  CHECK(*docker_socket(c) == "/run/user/7/docker.sock");
  setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
  CHECK_FALSE(docker_socket(c));
  c.docker.socket = "/srv/docker.sock";
  CHECK(*docker_socket(c) == "/srv/docker.sock");
  if (before)
    setenv("DOCKER_HOST", kept.c_str(), 1);
  else
    unsetenv("DOCKER_HOST");
}

TEST_CASE("a socket answers while somebody listens on it", "[app]") {
  temporary_directory dir;
  const auto path = (dir.path() / "sock").string();
  CHECK_FALSE(is_answering(path));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  CHECK_FALSE(is_answering(path));
  REQUIRE(listen(fd, 1) == 0);
  CHECK(is_answering(path));
  close(fd);
  CHECK_FALSE(is_answering(path));
  CHECK_FALSE(is_answering(std::string(200, 'x')));
}
