/// The alula binary as a child process: what it says, signals to it, its end.
#pragma once

#include "tests/doubles/places.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace alula::tests {

class program {
public:
  static constexpr std::chrono::seconds patience{60};

  explicit program(std::vector<std::string> arguments) {
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
      throw std::runtime_error{"no pipe"};
    arguments.insert(arguments.begin(), doubles::places::program);
    std::vector<char*> words;
    for (auto& word : arguments)
      words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe[1], STDOUT_FILENO);
      dup2(pipe[1], STDERR_FILENO);
      execv(words[0], words.data());
      _exit(127);
    }
    close(pipe[1]);
    reader_ = std::thread{[this, fd = pipe[0]] { read_lines(fd); }};
  }
  ~program() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    reader_.join();
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// The first line from `from` on with `part` in it, as soon as it is said.
  std::optional<std::string> line_with(std::string_view part,
                                       std::size_t from = 0) {
    std::unique_lock guard{mutex_};
    std::optional<std::string> found;
    said_.wait_for(guard, patience, [&] {
      for (; from < lines_.size() && !found; ++from)
        if (lines_[from].find(part) != std::string::npos)
          found = lines_[from];
      return found || over_;
    });
    return found;
  }

  std::string all_output() {
    const std::lock_guard guard{mutex_};
    std::string out;
    for (const auto& line : lines_)
      out += line + "\n";
    return out;
  }
  std::size_t lines_so_far() {
    const std::lock_guard guard{mutex_};
    return lines_.size();
  }

  /// From "listening on …:PORT"; 0 when it never says so.
  std::uint16_t port() {
    const auto line = line_with("listening on ");
    return line ? static_cast<std::uint16_t>(
               std::stoi(line->substr(line->rfind(':') + 1)))
                : std::uint16_t{0};
  }

  void send(int signal) { ::kill(pid_, signal); }

  /// Its exit code, or minus the signal that ended it. Its output ends when
  /// it does, so that is what is waited for.
  int end() {
    {
      std::unique_lock guard{mutex_};
      if (!said_.wait_for(guard, patience, [this] { return over_; }))
        ::kill(pid_, SIGABRT);
    }
    if (!status_) {
      int status = 0;
      waitpid(pid_, &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return *status_;
  }

private:
  void read_lines(int fd) {
    std::string rest;
    std::array<char, 4'096> buffer{};
    for (;;) {
      const auto got = read(fd, buffer.data(), buffer.size());
      if (got <= 0)
        break;
      rest.append(buffer.data(), static_cast<std::size_t>(got));
      const std::lock_guard guard{mutex_};
      for (auto end = rest.find('\n'); end != std::string::npos;
           end = rest.find('\n')) {
        lines_.push_back(rest.substr(0, end));
        rest.erase(0, end + 1);
      }
      said_.notify_all();
    }
    close(fd);
    const std::lock_guard guard{mutex_};
    over_ = true;
    said_.notify_all();
  }

  pid_t pid_ = 0;
  std::optional<int> status_;
  std::mutex mutex_;
  std::condition_variable said_;
  std::vector<std::string> lines_;
  bool over_ = false;
  std::thread reader_;
};

} // namespace alula::tests
