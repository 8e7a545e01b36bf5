/// A socket that listens on a free port of loopback, for doubles that are
/// servers.
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace alula::doubles {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

class loopback_listener {
public:
  loopback_listener() {
    auto at = loopback(0);
    (void)bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    listen(fd_, 16);
    socklen_t size = sizeof at;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~loopback_listener() { close(fd_); }
  loopback_listener(const loopback_listener&) = delete;
  loopback_listener& operator=(const loopback_listener&) = delete;

  /// The next connection, which is the caller's; -1 after stop().
  int next() const { return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
  void stop() const { shutdown(fd_, SHUT_RDWR); }
  std::uint16_t port() const { return port_; }

private:
  int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

} // namespace alula::doubles
