#include "app/notify.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_CASE("the supervisor gets its datagram", "[app]") {
  alula::tests::temporary_directory dir;
  const auto path = (dir.path() / "notify").string();
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);

  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  alula::app::notify_supervisor("READY=1");
  unsetenv("NOTIFY_SOCKET");

  std::array<char, 64> buffer{};
  const auto size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  close(fd);
  REQUIRE(size > 0);
  CHECK(std::string(buffer.data(), static_cast<std::size_t>(size))
        == "READY=1");
}

TEST_CASE("without a supervisor nothing happens", "[app]") {
  unsetenv("NOTIFY_SOCKET");
  alula::app::notify_supervisor("READY=1");
  setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
  alula::app::notify_supervisor("READY=1");
  setenv("NOTIFY_SOCKET", "not-a-path", 1);
  alula::app::notify_supervisor("READY=1");
  unsetenv("NOTIFY_SOCKET");
}
