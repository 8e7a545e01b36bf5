/// An HTTP server on loopback that answers as a test tells it to, one request
/// per connection, and may break off in the middle.
#pragma once

#include "tests/doubles/loopback_listener.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace alula::doubles {

class scripted_web {
public:
  struct request {
    std::string head; ///< with its last empty line
    std::string body;
    std::string target() const {
      const auto begin = head.find(' ') + 1;
      return head.substr(begin, head.find(' ', begin) - begin);
    }
    bool has(const std::string& line) const {
      return head.find("\r\n" + line + "\r\n") != std::string::npos;
    }
  };
  /// What is sent, raw; then the connection is closed.
  using script = std::function<std::string(const request&)>;

  explicit scripted_web(script answers) : answers_(std::move(answers)) {
    thread_ = std::thread{[this] { serve(); }};
  }
  ~scripted_web() {
    over_ = true;
    listener_.stop();
    thread_.join();
  }
  scripted_web(const scripted_web&) = delete;
  scripted_web& operator=(const scripted_web&) = delete;

  std::string at(const std::string& path,
                 const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(listener_.port()) + path;
  }
  std::uint16_t port() const { return listener_.port(); }
  std::vector<request> requests() const {
    const std::scoped_lock lock{mutex_};
    return requests_;
  }

  static std::string answer(int status, const std::string& headers,
                            const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status)
           + " X\r\nContent-Length: " + std::to_string(body.size())
           + "\r\nConnection: close\r\n" + headers + "\r\n" + body;
  }

private:
  void serve() {
    while (!over_) {
      const int fd = listener_.next();
      if (fd < 0)
        return;
      request one;
      char piece[65'536];
      std::size_t wanted = std::string::npos;
      while (one.head.size() + one.body.size() < wanted) {
        const auto got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
          break;
        one.head.append(piece, static_cast<std::size_t>(got));
        const auto end = one.head.find("\r\n\r\n");
        if (end == std::string::npos)
          continue;
        const auto length = one.head.find("Content-Length: ");
        wanted =
            end + 4
            + (length < end ? std::stoul(one.head.substr(length + 16)) : 0);
      }
      if (const auto end = one.head.find("\r\n\r\n");
          end != std::string::npos) {
        one.body = one.head.substr(end + 4);
        one.head.resize(end + 4);
      }
      {
        const std::scoped_lock lock{mutex_};
        requests_.push_back(one);
      }
      const auto raw = answers_(one);
      for (std::size_t at = 0; at < raw.size();) {
        const auto put =
            send(fd, raw.data() + at, raw.size() - at, MSG_NOSIGNAL);
        if (put <= 0)
          break;
        at += static_cast<std::size_t>(put);
      }
      close(fd);
    }
  }

  script answers_;
  loopback_listener listener_;
  std::atomic<bool> over_{false};
  mutable std::mutex mutex_;
  std::vector<request> requests_;
  std::thread thread_;
};

} // namespace alula::doubles
