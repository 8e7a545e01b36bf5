/// tests/doubles/target_node.py as a child process.
#pragma once

#include "tests/doubles/places.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::doubles {

class target_process {
public:
  /// With a certificate and its key it speaks TLS.
  explicit target_process(const std::string& cert = {},
                          const std::string& key = {})
    : scheme_(cert.empty() ? "http" : "https") {
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
      throw std::runtime_error{"no pipe"};
    const std::string script = places::target_node;
    std::vector<const char*> words{"python3", "-B", script.c_str()};
    if (!cert.empty())
      words.insert(words.end(), {"--cert", cert.c_str(), "--key", key.c_str()});
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe[1], STDOUT_FILENO);
      execvp("python3", const_cast<char* const*>(words.data()));
      _exit(127);
    }
    close(pipe[1]);
    said_ = pipe[0];
    const auto first = line();
    if (!first.starts_with("listening "))
      throw std::runtime_error{"the target node does not start: " + first};
    port_ = static_cast<std::uint16_t>(std::stoi(first.substr(10)));
  }
  ~target_process() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(said_);
  }
  target_process(const target_process&) = delete;
  target_process& operator=(const target_process&) = delete;

  std::string at(const std::string& path,
                 const std::string& host = "127.0.0.1") const {
    return scheme_ + "://" + host + ":" + std::to_string(port_) + path;
  }
  /// What it says of the next request that came to its end; null after half a
  /// minute without one.
  nlohmann::json next() {
    return nlohmann::json::parse(line(), nullptr, false);
  }

private:
  std::string line() {
    constexpr int limit = 30'000;
    std::string out;
    for (char c = 0;;) {
      pollfd ready{said_, POLLIN, 0};
      if (::poll(&ready, 1, limit) != 1 || ::read(said_, &c, 1) != 1
          || c == '\n')
        return out;
      out += c;
    }
  }

  const std::string scheme_;
  pid_t pid_ = -1;
  int said_ = -1;
  std::uint16_t port_ = 0;
};

} // namespace alula::doubles
