/// A plain HTTP client for tests: one request per connection, blocking, and
/// for TLS the name in the peer's certificate.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace alula::tests {

struct answer {
  int status = 0; ///< 0: no connection, or it was cut
  std::string head;
  std::string body;

  /// Empty when there is none of that name (give it as it is sent).
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string{name} + ": ");
    if (at == std::string::npos)
      return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

class connection {
public:
  explicit connection(std::uint16_t port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~connection() { close(fd_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  bool is_open() const { return open_; }
  int fd() const { return fd_; }
  void send(std::string_view text) const {
    (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Until the peer closes.
  std::string receive() const {
    std::string out;
    while (receive_more(out)) {
    }
    return out;
  }
  /// Until `enough(all so far)`, the peer closes, or a minute is over: a stream
  /// shows signs of life for ever.
  template<class Enough>
  std::string receive_until(Enough enough) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    std::string out;
    while (!enough(std::as_const(out)) && std::chrono::steady_clock::now() < end
           && receive_more(out)) {
    }
    return out;
  }

private:
  bool receive_more(std::string& out) const {
    std::array<char, 65'536> buffer{};
    const auto got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0)
      out.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_ = -1;
  bool open_ = false;
};

inline answer parse_answer(const std::string& text) {
  answer out;
  const auto split = text.find("\r\n\r\n");
  if (text.rfind("HTTP/1.1 ", 0) != 0 || split == std::string::npos)
    return out;
  out.status = std::stoi(text.substr(9, 3));
  out.head = text.substr(0, split + 2);
  out.body = text.substr(split + 4);
  return out;
}

class client {
public:
  client(std::uint16_t port, std::string token)
    : port_(port), token_(std::move(token)) {}

  std::string request(std::string_view method, std::string_view path,
                      std::string_view body = {},
                      std::string_view headers = {}) const {
    std::string text{method};
    text += " ";
    text += path;
    text += " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (!token_.empty())
      text += "Authorization: Bearer " + token_ + "\r\n";
    if (!body.empty())
      text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += headers;
    text += "\r\n";
    text += body;
    return text;
  }

  answer send(std::string_view method, std::string_view path,
              std::string_view body = {}, std::string_view headers = {}) const {
    const connection to{port_};
    if (!to.is_open())
      return {};
    to.send(request(method, path, body, headers));
    return parse_answer(to.receive());
  }
  answer get(std::string_view path) const { return send("GET", path); }

private:
  std::uint16_t port_;
  std::string token_;
};

/// The common name in the certificate of who listens there; empty without TLS.
inline std::string certificate_name(std::uint16_t port) {
  const connection to{port};
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{
      SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context.get()),
                                                      SSL_free};
  SSL_set_fd(tls.get(), to.fd());
  if (SSL_connect(tls.get()) != 1)
    return {};
  const std::unique_ptr<X509, decltype(&X509_free)> peer{
      SSL_get1_peer_certificate(tls.get()), X509_free};
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName,
                            name.data(), name.size());
  return name.data();
}

} // namespace alula::tests
