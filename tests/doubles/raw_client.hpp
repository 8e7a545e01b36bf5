/// A TCP client that sends exactly the bytes it is told to: for requests no
/// proper client would make. Every wait has a limit.
#pragma once

#include "http/text.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::doubles {

using patience = std::chrono::milliseconds;
constexpr patience usual_patience = std::chrono::seconds{20};

/// An answer as it stood on the wire.
struct raw_answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string text; ///< all of it

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (http::equal_ignoring_case(key, name))
        return value;
    return {};
  }
  std::size_t count(std::string_view name) const {
    std::size_t found = 0;
    for (const auto& [key, value] : headers)
      found += http::equal_ignoring_case(key, name) ? 1 : 0;
    return found;
  }
};

class raw_client {
public:
  /// Connects to loopback; `from` spreads sources over 127.0.0.0/8.
  explicit raw_client(std::uint16_t port, std::uint32_t from = 0)
    : raw_client() {
    connect_to(port, from);
  }
  /// Has a descriptor, no connection.
  raw_client() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~raw_client() { close(); }
  raw_client(raw_client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), pending_(std::move(other.pending_)) {}
  raw_client& operator=(raw_client&&) = delete;

  bool connect_to(std::uint16_t port, std::uint32_t from = 0) {
    if (from != 0) {
      sockaddr_in source{};
      source.sin_family = AF_INET;
      source.sin_addr.s_addr = htonl((127u << 24) + from);
      const int yes = 1;
      ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
      (void)::bind(fd_, reinterpret_cast<sockaddr*>(&source), sizeof source);
    }
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof target)
        == 0;
    const int yes = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connected_;
  }

  bool is_connected() const { return connected_; }
  int descriptor() const { return fd_; }

  /// False when the peer no longer takes all of it within the limit.
  bool send(std::string_view bytes, patience limit = usual_patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!bytes.empty()) {
      const auto n =
          ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0)
        bytes.remove_prefix(static_cast<std::size_t>(n));
      else if (errno != EAGAIN || !wait(POLLOUT, end))
        return false;
    }
    return true;
  }

  /// Reads until `enough(all so far)`, the end of the connection or the limit.
  template<class Enough>
  std::string read_until(Enough enough, patience limit = usual_patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!enough(std::as_const(pending_)) && read_some(end)) {
    }
    return pending_;
  }
  /// Everything until the connection ends. Nothing when it does not.
  std::optional<std::string> read_to_end(patience limit = usual_patience) {
    read_until([](const std::string&) { return false; }, limit);
    if (!ended_)
      return std::nullopt;
    return std::exchange(pending_, {});
  }
  /// The connection ended, cleanly or by a reset.
  bool has_ended(patience limit = usual_patience) {
    return read_to_end(limit).has_value();
  }
  bool was_reset() const { return reset_; }

  /// The next answer; the rest stays for the next call. `bodiless` for answers
  /// to HEAD.
  std::optional<raw_answer> read_answer(bool bodiless = false,
                                        patience limit = usual_patience) {
    read_until(
        [](const std::string& all) {
          return all.find("\r\n\r\n") != std::string::npos;
        },
        limit);
    const auto head_end = pending_.find("\r\n\r\n");
    if (head_end == std::string::npos)
      return std::nullopt;
    auto answer = parse_head(std::string_view{pending_}.substr(0, head_end));
    std::size_t size = head_end + 4;
    const auto length = answer.header("Content-Length");
    if (!bodiless && !length.empty())
      size += std::stoul(length);
    read_until([size](const std::string& all) { return all.size() >= size; },
               limit);
    if (pending_.size() < size)
      return std::nullopt;
    answer.body = pending_.substr(head_end + 4, size - head_end - 4);
    answer.text = pending_.substr(0, size);
    pending_.erase(0, size);
    return answer;
  }

  std::optional<raw_answer> ask(std::string_view request) {
    if (!send(request))
      return std::nullopt;
    return read_answer(request.substr(0, 5) == "HEAD ");
  }

  /// What was read and not used.
  std::string& pending() { return pending_; }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  /// Reset instead of a clean end.
  void abort() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }
  void shrink_receive_buffer(int bytes) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

private:
  bool wait(short what, std::chrono::steady_clock::time_point end) {
    const auto left = std::chrono::duration_cast<patience>(
        end - std::chrono::steady_clock::now());
    pollfd one{fd_, what, 0};
    return left.count() > 0
           && ::poll(&one, 1, static_cast<int>(left.count())) > 0;
  }

  bool read_some(std::chrono::steady_clock::time_point end) {
    if (ended_ || !wait(POLLIN, end))
      return false;
    char buffer[65'536];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) {
      pending_.append(buffer, static_cast<std::size_t>(n));
      return true;
    }
    ended_ = true;
    reset_ = n < 0;
    return false;
  }

  static raw_answer parse_head(std::string_view head) {
    raw_answer answer;
    answer.status = std::stoi(std::string{head.substr(9, 3)});
    auto at = head.find("\r\n");
    while (at != std::string_view::npos) {
      head.remove_prefix(at + 2);
      at = head.find("\r\n");
      const auto line = head.substr(0, at);
      const auto colon = line.find(": ");
      if (colon != std::string_view::npos)
        answer.headers.emplace_back(line.substr(0, colon),
                                    line.substr(colon + 2));
    }
    return answer;
  }

  int fd_;
  bool connected_ = false, ended_ = false, reset_ = false;
  std::string pending_;
};

// -- websocket frames (RFC 6455, 5.2) -----------------------------------------

struct raw_frame {
  unsigned opcode = 0;
  bool last = true;
  std::string payload;

  std::uint16_t close_code() const {
    return payload.size() < 2 ? 0
                              : static_cast<std::uint16_t>(
                                  static_cast<unsigned char>(payload[0]) << 8
                                  | static_cast<unsigned char>(payload[1]));
  }
};

/// A client's frame; `announced` lies about the length.
inline std::string make_frame(unsigned opcode, std::string_view payload,
                              bool last = true, bool masked = true,
                              std::optional<std::uint64_t> announced = {}) {
  const std::uint64_t size = announced.value_or(payload.size());
  std::string out;
  out += static_cast<char>((last ? 0x80u : 0u) | opcode);
  const unsigned mask_bit = masked ? 0x80u : 0u;
  const int bytes = size < 126 ? 0 : size < 65'536 ? 2 : 8;
  out += static_cast<char>(mask_bit
                           | (bytes == 0   ? static_cast<unsigned>(size)
                              : bytes == 2 ? 126u
                                           : 127u));
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(size >> (8 * i) & 0xFF);
  const std::string mask = masked ? "\x11\x22\x33\x44" : "";
  out += mask;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += masked ? static_cast<char>(payload[i] ^ mask[i % 4]) : payload[i];
  return out;
}

/// The next frame of a server.
inline std::optional<raw_frame> read_frame(raw_client& from,
                                           patience limit = usual_patience) {
  const auto head_size = [](const std::string& all) -> std::size_t {
    if (all.size() < 2)
      return 0;
    const auto length = static_cast<unsigned char>(all[1]) & 0x7Fu;
    const std::size_t need = length == 127 ? 10 : length == 126 ? 4 : 2;
    return all.size() < need ? 0 : need;
  };
  const auto payload_size = [](const std::string& all, std::size_t head) {
    std::uint64_t size = static_cast<unsigned char>(all[1]) & 0x7Fu;
    if (head > 2)
      size = 0;
    for (std::size_t i = 2; i < head; ++i)
      size = size << 8 | static_cast<unsigned char>(all[i]);
    return static_cast<std::size_t>(size);
  };
  from.read_until(
      [&](const std::string& all) {
        const auto head = head_size(all);
        return head != 0 && all.size() >= head + payload_size(all, head);
      },
      limit);
  auto& all = from.pending();
  const auto head = head_size(all);
  if (head == 0 || all.size() < head + payload_size(all, head))
    return std::nullopt;
  raw_frame frame;
  frame.last = (static_cast<unsigned char>(all[0]) & 0x80u) != 0;
  frame.opcode = static_cast<unsigned char>(all[0]) & 0x0Fu;
  const auto size = payload_size(all, head);
  frame.payload = all.substr(head, size);
  all.erase(0, head + size);
  return frame;
}

/// The request of RFC 6455, 1.3.
inline std::string upgrade_request(std::string_view path) {
  return "GET " + std::string{path}
         + " HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

} // namespace alula::doubles
