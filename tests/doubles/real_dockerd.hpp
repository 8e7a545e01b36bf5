/// A real dockerd for tests tagged [docker], reached through its own command
/// line, so that what a test sets up does not pass through what it tests.
#pragma once

#include "tests/doubles/places.hpp"
#include "tests/doubles/skipped.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::remote {

/// Runs a shell command; its output without the last line break.
inline std::pair<int, std::string> run_command(const std::string& command) {
  FILE* pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
  if (pipe == nullptr)
    return {-1, "popen failed"};
  std::string output;
  std::array<char, 4096> buffer{};
  while (const auto got = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), got);
  while (output.ends_with('\n'))
    output.pop_back();
  return {pclose(pipe), output};
}

/// Why there is no dockerd to test with; empty when there is one.
inline std::string no_docker() {
  if (const char* reason = std::getenv("ALULA_NO_DOCKER"))
    return reason;
  if (run_command("timeout 10 docker info").first != 0)
    return "no dockerd answers; scripts/with-dockerd brings one";
  return {};
}

inline bool is_skipped_without_docker() {
  static const auto why_not = no_docker();
  return doubles::is_skipped(why_not);
}

class real_dockerd {
public:
  /// The one DOCKER_HOST names, or the usual one.
  real_dockerd()
    : real_dockerd(std::getenv("DOCKER_HOST") != nullptr
                       ? std::getenv("DOCKER_HOST")
                       : "unix:///var/run/docker.sock") {}

  explicit real_dockerd(std::string host) : host_(std::move(host)) {
    static std::atomic<int> worlds = 0;
    prefix_ = "alula-test-" + std::to_string(getpid()) + "-"
              + std::to_string(++worlds) + "-";
    static std::set<std::string> with_image;
    if (with_image.contains(host_))
      return;
    const auto [status, output] =
        run_command("DOCKER_HOST=" + host_ + " " + doubles::places::scripts
                    + "/test-image");
    if (status != 0)
      throw std::runtime_error{output};
    with_image.insert(host_);
  }
  ~real_dockerd() {
    const auto [status, left] = try_docker("ps -aq --filter name=" + prefix_);
    std::string ids = left;
    for (auto& c : ids)
      if (c == '\n')
        c = ' ';
    if (status == 0 && !ids.empty())
      try_docker("rm -f -v " + ids);
  }
  real_dockerd(const real_dockerd&) = delete;
  real_dockerd& operator=(const real_dockerd&) = delete;

  std::string socket() const { return host_.substr(std::strlen("unix://")); }
  std::string unique(const std::string& word) const { return prefix_ + word; }

  std::pair<int, std::string> try_docker(const std::string& arguments) const {
    return run_command("DOCKER_HOST=" + host_ + " timeout 60 docker "
                       + arguments);
  }
  std::string docker(const std::string& arguments) const {
    auto [status, output] = try_docker(arguments);
    if (status != 0)
      throw std::runtime_error{"docker " + arguments + ": " + output};
    return output;
  }

  /// Makes and starts a container; returns its id. `command` is a shell's.
  std::string start(const std::string& name, const std::string& options = {},
                    const std::string& command = "sleep 3600") const {
    return docker("run -d --network none --name " + name + " " + options
                  + " alula/test-server:1 " + command);
  }
  bool has(const std::string& name_or_id) const {
    return try_docker("inspect " + name_or_id).first == 0;
  }
  std::string state_of(const std::string& name) const {
    return docker("inspect -f '{{.State.Status}}' " + name);
  }

private:
  std::string host_;
  std::string prefix_;
};

/// A dockerd that nobody else uses, so that a test may stop and kill it.
class own_dockerd {
public:
  own_dockerd() {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (pipe2(to.data(), O_CLOEXEC) != 0 || pipe2(from.data(), O_CLOEXEC) != 0)
      throw std::runtime_error{"pipe"};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, to[0], 0);
    posix_spawn_file_actions_adddup2(&files, from[1], 1);
    std::string program =
        std::string{doubles::places::scripts} + "/with-dockerd";
    std::string own = "--own";
    std::string shell = "sh";
    std::string flag = "-c";
    std::string script = "echo \"$DOCKER_HOST\"; echo \"$ALULA_DOCKERD_PID\";"
                         " echo \"$ALULA_NO_DOCKER\"; exec cat >/dev/null";
    std::array<char*, 6> arguments{program.data(), own.data(),    shell.data(),
                                   flag.data(),    script.data(), nullptr};
    const int failed = posix_spawn(&script_, program.c_str(), &files, nullptr,
                                   arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    close(to[0]);
    close(from[1]);
    keep_open_ = to[1];
    if (failed == 0) {
      FILE* lines = fdopen(from[0], "r");
      host_ = read_line(lines);
      process_ = static_cast<pid_t>(std::atol(read_line(lines).c_str()));
      why_not_ = read_line(lines);
      fclose(lines);
    }
    if (process_ <= 0 && why_not_.empty())
      why_not_ = "scripts/with-dockerd did not start one";
  }
  ~own_dockerd() {
    close(keep_open_);
    if (script_ > 0)
      waitpid(script_, nullptr, 0);
  }
  own_dockerd(const own_dockerd&) = delete;
  own_dockerd& operator=(const own_dockerd&) = delete;

  /// Why there is none; empty when it runs.
  const std::string& why_not() const { return why_not_; }
  const std::string& host() const { return host_; }
  pid_t process() const { return process_; }

private:
  static std::string read_line(FILE* from) {
    std::array<char, 1024> buffer{};
    if (fgets(buffer.data(), buffer.size(), from) == nullptr)
      return {};
    std::string line{buffer.data()};
    while (line.ends_with('\n'))
      line.pop_back();
    return line;
  }

  pid_t script_ = -1;
  pid_t process_ = -1;
  int keep_open_ = -1;
  std::string host_;
  std::string why_not_;
};

} // namespace alula::remote
