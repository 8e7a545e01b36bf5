/// Speaks TLS on loopback, in front of a server that does not.
#pragma once

#include "tests/doubles/loopback_listener.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace alula::doubles {

/// One connection after the other, each until the server ends it.
class tls_front {
public:
  /// With `cert.pem` and `key.pem` of the directory, to a port on loopback.
  tls_front(const std::filesystem::path& dir, std::uint16_t to)
    : to_(to), context_(SSL_CTX_new(TLS_server_method())) {
    const auto cert = (dir / "cert.pem").string();
    const auto key = (dir / "key.pem").string();
    if (SSL_CTX_use_certificate_file(context_, cert.c_str(), SSL_FILETYPE_PEM)
            != 1
        || SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM)
               != 1)
      throw std::runtime_error{"no certificate"};
    thread_ = std::thread{[this] { serve(); }};
  }
  ~tls_front() {
    listener_.stop();
    thread_.join();
    SSL_CTX_free(context_);
  }
  tls_front(const tls_front&) = delete;
  tls_front& operator=(const tls_front&) = delete;

  /// By the name in its certificate.
  std::string at(const std::string& path, const std::string& host) const {
    return "https://" + host + ":" + std::to_string(listener_.port()) + path;
  }

private:
  void serve() {
    // OpenSSL writes to clients that have gone away.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (;;) {
      const int client = listener_.next();
      if (client < 0)
        return;
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, client);
      if (SSL_accept(tls) == 1)
        pass_on(client, tls);
      SSL_free(tls);
      close(client);
    }
  }

  void pass_on(int client, SSL* tls) {
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto at = loopback(to_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0)
      while (give(client, tls, server)) {
      }
    SSL_shutdown(tls);
    close(server);
  }

  /// Whatever comes next, from either side; false when one has ended.
  static bool give(int client, SSL* tls, int server) {
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (SSL_pending(tls) == 0 && poll(both, 2, -1) < 0)
      return false;
    char piece[16'384];
    if (SSL_pending(tls) > 0 || both[0].revents) {
      const int got = SSL_read(tls, piece, sizeof piece);
      return got > 0
             && send(server, piece, static_cast<std::size_t>(got), MSG_NOSIGNAL)
                    == got;
    }
    const auto got = recv(server, piece, sizeof piece, 0);
    return got > 0 && SSL_write(tls, piece, static_cast<int>(got)) == got;
  }

  const std::uint16_t to_;
  SSL_CTX* context_;
  loopback_listener listener_;
  std::thread thread_;
};

} // namespace alula::doubles
