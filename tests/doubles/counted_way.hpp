/// A way to an object store, over loopback, that counts the parts which are
/// sent on it and changes nothing.
#pragma once

#include "tests/doubles/loopback_listener.hpp"

#include <arpa/inet.h>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace alula::doubles {

class counted_way {
public:
  /// "http://127.0.0.1:PORT", and nothing else.
  explicit counted_way(const std::string& endpoint)
    : to_(static_cast<std::uint16_t>(
        std::atoi(endpoint.c_str() + endpoint.rfind(':') + 1))) {
    thread_ = std::thread{[this] { serve(); }};
  }
  /// When nobody sends on it any more: it waits for every connection's end.
  ~counted_way() {
    listener_.stop();
    thread_.join();
    for (auto& one : lines_)
      one.join();
  }
  counted_way(const counted_way&) = delete;
  counted_way& operator=(const counted_way&) = delete;

  std::string endpoint() const {
    return "http://127.0.0.1:" + std::to_string(listener_.port());
  }
  /// How often a request with each part was begun.
  std::map<int, int> parts() const {
    const std::scoped_lock lock{mutex_};
    return parts_;
  }

private:
  void serve() {
    for (;;) {
      const int fd = listener_.next();
      if (fd < 0)
        return;
      lines_.emplace_back([this, fd] { pass_on(fd); });
    }
  }

  void pass_on(int client) {
    const int store = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto at = loopback(to_);
    std::string head;
    if (connect(store, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0)
      for (bool lives = true; lives;) {
        pollfd both[] = {{client, POLLIN, 0}, {store, POLLIN, 0}};
        if (poll(both, 2, -1) < 0)
          break;
        if (both[0].revents)
          lives = give(client, store, &head);
        if (lives && both[1].revents) {
          lives = give(store, client, nullptr);
          head.clear(); // what comes after an answer is another request
        }
      }
    close(store);
    close(client);
  }

  /// False when either side has ended.
  bool give(int from, int to, std::string* head) {
    char piece[65'536];
    const auto got = recv(from, piece, sizeof piece, 0);
    if (got <= 0)
      return false;
    if (head && head->find("\r\n") == std::string::npos) {
      head->append(piece, static_cast<std::size_t>(got));
      count(*head);
    }
    for (ssize_t at = 0; at < got;) {
      const auto put = send(to, piece + at, static_cast<std::size_t>(got - at),
                            MSG_NOSIGNAL);
      if (put <= 0)
        return false;
      at += put;
    }
    return true;
  }

  void count(const std::string& head) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto number = line.find("partNumber=");
    if (line.size() == head.size() || !line.starts_with("PUT ")
        || number == std::string::npos)
      return;
    const std::scoped_lock lock{mutex_};
    ++parts_[std::atoi(line.c_str() + number + 11)];
  }

  const std::uint16_t to_;
  loopback_listener listener_;
  mutable std::mutex mutex_;
  std::map<int, int> parts_;
  std::vector<std::thread> lines_; ///< of thread_ until that has ended
  std::thread thread_;
};

} // namespace alula::doubles
