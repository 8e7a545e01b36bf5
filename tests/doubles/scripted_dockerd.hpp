/// A dockerd that answers as it is told: what it should say to which request,
/// and how badly it should behave while it says it. Any HTTP/1.1 client can
/// talk to it, over a unix socket or loopback TCP.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace alula::remote {

class scripted_dockerd {
public:
  struct request {
    std::string method;
    std::string target;
    std::string head; ///< request line and headers
    std::string body;
  };

  /// The server's side of one connection, as a reply sees it.
  class connection {
  public:
    connection(scripted_dockerd& owner, int fd) : owner_(owner), fd_(fd) {}
    /// False when the client is gone.
    bool send(std::string_view text) {
      while (!text.empty()) {
        const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0)
          return false;
        owner_.bytes_sent_ += static_cast<std::uint64_t>(sent);
        text.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    /// Some bytes, as they come; empty when the client is gone.
    std::string receive() {
      char buffer[4096];
      const auto got = recv(fd_, buffer, sizeof buffer, 0);
      return got <= 0 ? std::string{}
                      : std::string{buffer, static_cast<std::size_t>(got)};
    }
    /// Until `time` is over, let_go() is called, or the double is destroyed. A
    /// let_go() since the request arrived counts: whoever has seen the request
    /// may call it before its reply comes to wait.
    void wait(std::chrono::milliseconds time) {
      std::unique_lock guard{owner_.mutex_};
      owner_.changed_.wait_for(guard, time, [this] {
        return owner_.stopping_ || owner_.released_ != seen_;
      });
      seen_ = owner_.released_;
    }
    bool is_stopping() const {
      const std::lock_guard guard{owner_.mutex_};
      return owner_.stopping_;
    }

  private:
    friend scripted_dockerd;
    scripted_dockerd& owner_;
    const int fd_;
    int seen_ = 0; ///< releases this request does not wait for any more
  };

  /// Returns whether the connection is kept for the next request.
  using reply = std::function<bool(connection&, const request&)>;
  enum class transport { unix_socket, tcp };

  explicit scripted_dockerd(transport over = transport::unix_socket) {
    if (over == transport::unix_socket)
      listen_on_path();
    else
      listen_on_loopback();
    acceptor_ = std::thread{[this] { accept_all(); }};
  }

  ~scripted_dockerd() {
    {
      const std::lock_guard guard{mutex_};
      stopping_ = true;
      for (const int fd : open_)
        shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& one : threads_)
      one.join();
    close(listener_);
    if (!directory_.empty())
      std::filesystem::remove_all(directory_);
  }
  scripted_dockerd(const scripted_dockerd&) = delete;
  scripted_dockerd& operator=(const scripted_dockerd&) = delete;

  std::string socket() const { return directory_ + "/docker.sock"; }
  std::uint16_t port() const { return port_; }

  /// Requests whose "METHOD target" begins with `route` get these replies one
  /// after the other, the last one again and again. The longest route wins.
  void on(const std::string& route, std::deque<reply> replies) {
    const std::lock_guard guard{mutex_};
    script_[route] = std::move(replies);
  }

  // -- replies ---------------------------------------------------------------

  /// The head of an answer in chunks; the last one is "0\r\n\r\n".
  static inline const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  static std::string chunk(const std::string& text) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
  }
  static std::string head(int status, std::size_t length) {
    return "HTTP/1.1 " + std::to_string(status)
           + " X\r\nContent-Type: application/json\r\nContent-Length: "
           + std::to_string(length) + "\r\n\r\n";
  }
  static reply answers(int status, std::string body = {}) {
    return [=](connection& to, const request&) {
      if (status == 204 || status == 304)
        return to.send("HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n");
      return to.send(head(status, body.size()) + body);
    };
  }
  static reply says(int status, const std::string& message) {
    return answers(status, "{\"message\":\"" + message + "\"}\n");
  }
  static reply hangs() {
    return [](connection& to, const request&) {
      to.wait(std::chrono::hours{1});
      return false;
    };
  }
  /// Hangs, but only until let_go().
  static reply answers_late(int status, std::string body = {}) {
    return [late = answers(status, std::move(body))](connection& to,
                                                     const request& what) {
      to.wait(std::chrono::hours{1});
      return late(to, what);
    };
  }
  /// Says `text`, whatever it is, and closes the connection.
  static reply cuts_after(std::string text) {
    return [=](connection& to, const request&) {
      to.send(text);
      return false;
    };
  }
  static reply drips(std::string text, std::chrono::milliseconds between) {
    return [=](connection& to, const request&) {
      for (const char c : text) {
        if (to.is_stopping() || !to.send({&c, 1}))
          return false;
        to.wait(between);
      }
      return false;
    };
  }
  /// A head, then `piece` until `total` bytes are sent or the client is gone.
  static reply floods(std::string start, std::string piece,
                      std::uint64_t total) {
    return [=](connection& to, const request&) {
      if (!to.send(start))
        return false;
      for (std::uint64_t sent = 0; sent < total; sent += piece.size())
        if (!to.send(piece))
          return false;
      return false;
    };
  }

  // -- what happened ---------------------------------------------------------

  /// "METHOD target", in the order of arrival.
  std::vector<std::string> journal() const {
    const std::lock_guard guard{mutex_};
    std::vector<std::string> lines;
    for (const auto& one : requests_)
      lines.push_back(one.method + ' ' + one.target);
    return lines;
  }
  std::vector<request> requests() const {
    const std::lock_guard guard{mutex_};
    return requests_;
  }
  std::size_t count(const std::string& route) const {
    const auto lines = journal();
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
          return line.starts_with(route);
        }));
  }
  /// Blocks until that many requests of `route` have arrived; false after 60 s.
  bool saw(const std::string& route, std::size_t times = 1) const {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, std::chrono::seconds{60}, [&] {
      return static_cast<std::size_t>(std::count_if(
                 requests_.begin(), requests_.end(),
                 [&](const auto& one) {
                   return (one.method + ' ' + one.target).starts_with(route);
                 }))
             >= times;
    });
  }
  std::size_t connections() const { return connections_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

  /// Wakes every reply that waits, and those to come of requests that are here.
  void let_go() {
    {
      const std::lock_guard guard{mutex_};
      ++released_;
    }
    changed_.notify_all();
  }
  /// Closes every open connection, as a dockerd that restarts does.
  void drop_connections() {
    const std::lock_guard guard{mutex_};
    for (const int fd : open_)
      shutdown(fd, SHUT_RDWR);
  }

private:
  void listen_on_path() {
    char name[] = "/tmp/alula-scripted.XXXXXX";
    if (mkdtemp(name) == nullptr)
      throw std::runtime_error{"mkdtemp"};
    directory_ = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = socket();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    start(reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  void listen_on_loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    start(reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  void start(const sockaddr* address, socklen_t length) {
    if (listener_ < 0 || bind(listener_, address, length) != 0
        || listen(listener_, 64) != 0)
      throw std::runtime_error{"the scripted dockerd cannot listen"};
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0 && errno == EINTR)
        continue;
      const std::lock_guard guard{mutex_};
      if (fd < 0 || stopping_) {
        if (fd >= 0)
          close(fd);
        return;
      }
      ++connections_;
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    connection client{*this, fd};
    std::string unread;
    request what;
    while (read_request(fd, unread, what))
      if (!choose(client, what)(client, what))
        break;
    const std::lock_guard guard{mutex_};
    open_.erase(std::find(open_.begin(), open_.end(), fd));
    close(fd);
  }

  static bool fill(int fd, std::string& unread) {
    char buffer[4096];
    const auto got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
      return false;
    unread.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  static bool read_request(int fd, std::string& unread, request& what) {
    std::size_t end = 0;
    while ((end = unread.find("\r\n\r\n")) == std::string::npos)
      if (!fill(fd, unread))
        return false;
    what.head = unread.substr(0, end);
    unread.erase(0, end + 4);
    const auto first = what.head.find(' ');
    const auto second = what.head.find(' ', first + 1);
    what.method = what.head.substr(0, first);
    what.target = what.head.substr(first + 1, second - first - 1);
    std::size_t length = 0;
    const std::string name = "\r\nContent-Length: ";
    if (const auto at = what.head.find(name); at != std::string::npos)
      length = std::strtoul(what.head.c_str() + at + name.size(), nullptr, 10);
    while (unread.size() < length)
      if (!fill(fd, unread))
        return false;
    what.body = unread.substr(0, length);
    unread.erase(0, length);
    return true;
  }

  reply choose(connection& from, const request& what) {
    reply chosen = says(404, "page not found");
    {
      const std::lock_guard guard{mutex_};
      requests_.push_back(what);
      from.seen_ = released_;
      const auto line = what.method + ' ' + what.target;
      std::deque<reply>* best = nullptr;
      std::size_t longest = 0;
      for (auto& [route, replies] : script_)
        if (line.starts_with(route) && route.size() >= longest) {
          best = &replies;
          longest = route.size();
        }
      if (best != nullptr) {
        chosen = best->front();
        if (best->size() > 1)
          best->pop_front();
      }
    }
    changed_.notify_all();
    return chosen;
  }

  std::string directory_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool stopping_ = false;
  int released_ = 0;
  std::map<std::string, std::deque<reply>> script_;
  std::vector<request> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::uint64_t> bytes_sent_ = 0;
  std::thread acceptor_;
};

} // namespace alula::remote
