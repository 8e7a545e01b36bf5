#include "remote/docker_facts.hpp"

#include <fstream>
#include <string_view>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;

namespace {

/// As Go calls them, which is what Panels know.
std::string architecture_of(std::string_view machine) {
  if (machine == "x86_64")
    return "amd64";
  if (machine == "aarch64")
    return "arm64";
  return std::string{machine};
}

/// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string os_name() {
  constexpr std::string_view key = "PRETTY_NAME=";
  std::ifstream file{"/etc/os-release"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) {
      auto value = line.substr(key.size());
      if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')
          && value.back() == value.front())
        value = value.substr(1, value.size() - 2);
      return value;
    }
  return "Linux";
}

} // namespace

jobs::machine_facts read_machine(std::string version) {
  jobs::machine_facts facts;
  facts.version = std::move(version);
  facts.os = os_name();
  utsname names{};
  if (uname(&names) == 0) {
    facts.architecture = architecture_of(names.machine);
    facts.kernel_version = names.release;
  }
  facts.cpu_threads = sysconf(_SC_NPROCESSORS_ONLN);
  facts.memory_bytes =
      std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return facts;
}

docker_facts_desk::docker_facts_desk(jobs::container_factory& factory,
                                     std::string version,
                                     std::size_t most_waiting)
  : factory_(factory), machine_(read_machine(std::move(version))),
    most_waiting_(most_waiting),
    thread_([this](const std::stop_token& stop) { work(stop); }) {}

docker_facts_desk::~docker_facts_desk() {
  thread_.request_stop();
  thread_.join();
  for (const auto& one : waiting_)
    one(fault{fault_code::shutting_down, "alula is stopping"});
}

void docker_facts_desk::docker(asker done) {
  {
    const std::lock_guard guard{mutex_};
    if (waiting_.size() < most_waiting_) {
      waiting_.push_back(std::move(done));
      done = nullptr;
    }
  }
  if (done)
    return done(fault{fault_code::rate_limited,
                      "too many questions to the container engine wait"});
  asked_.notify_one();
}

void docker_facts_desk::work(const std::stop_token& stop) {
  for (;;) {
    {
      std::unique_lock guard{mutex_};
      if (!asked_.wait(guard, stop, [this] { return !waiting_.empty(); }))
        return;
    }
    const auto facts = factory_.facts(stop);
    if (stop.stop_requested())
      return;
    std::vector<asker> answered;
    {
      const std::lock_guard guard{mutex_};
      answered.swap(waiting_);
    }
    for (const auto& one : answered)
      one(facts);
  }
}

} // namespace alula::remote
