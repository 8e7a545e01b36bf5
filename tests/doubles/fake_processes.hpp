/// The live side of servers without containers: states are what was set, a
/// console is a list of lines.
#pragma once

#include "jobs/processes.hpp"
#include "tests/doubles/call_script.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Its journal: "state 3f1d… stopping", "attach 3f1d…", "write 3f1d… save". Any
/// thread may call any method; the public members are for the test, before and
/// after, or under `mutex`.
class fake_processes final : public processes, public call_script {
public:
  ~fake_processes() override; ///< in fakes.cpp, as is all that is virtual
  struct process {
    process_usage usage;
    bool attached = false;
    std::vector<std::string> console; ///< said by the daemon or put by the test
    std::vector<std::string> written;
    std::string config;
  };

  std::map<server_id, process> by_server;
  /// A server that somebody waits for goes offline at once.
  bool stops_when_awaited = true;
  /// Called by await_offline, outside the mutex, with what would end the wait.
  std::function<void(std::stop_token)> on_await;

  /// The container says something, or uses something: as if it ran.
  void put(const server_id& server, process_state state, bool attached = true) {
    const std::lock_guard guard{mutex};
    by_server[server].usage.state = state;
    by_server[server].attached = attached;
  }

  /// Called once, by state() when it has looked and not answered yet.
  mutable std::function<void()> after_look;

  process_state state(const server_id& server) const override {
    const auto seen = usage(server).state;
    if (const auto meanwhile = std::exchange(after_look, nullptr))
      meanwhile();
    return seen;
  }

  process_usage usage(const server_id& server) const override {
    const std::lock_guard guard{mutex};
    const auto at = by_server.find(server);
    return at == by_server.end() ? process_usage{} : at->second.usage;
  }

  std::vector<std::string> recent_lines(const server_id& server,
                                        std::size_t most) const override {
    const std::lock_guard guard{mutex};
    const auto at = by_server.find(server);
    if (at == by_server.end())
      return {};
    const auto& all = at->second.console;
    const auto skipped = all.size() > most ? all.size() - most : 0;
    return {all.begin() + static_cast<std::ptrdiff_t>(skipped), all.end()};
  }

  result<std::vector<std::string>> log(const server_id& server,
                                       std::size_t most) override {
    {
      const std::lock_guard guard{mutex};
      if (auto planned = note("log", server.view()); !planned)
        return std::move(planned).error();
    }
    return recent_lines(server, most);
  }

  status write(const server_id& server, std::string_view line) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("write", server.view(), line); !planned)
      return planned;
    if (!by_server[server].attached)
      return fault{.code = fault_code::docker_refused,
                   .what = "nothing is attached"};
    by_server[server].written.emplace_back(line);
    return {};
  }

  void set_state(const server_id& server, process_state now) override {
    const std::lock_guard guard{mutex};
    (void)note("state", server.view(), to_string(now));
    auto& mine = by_server[server];
    mine.usage.state = now;
    if (now == process_state::offline)
      mine.attached = false;
  }

  status attach(const server_record& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("attach", server.uuid.view()); !planned)
      return planned;
    by_server[server.uuid].attached = true;
    by_server[server.uuid].config = server.config;
    return {};
  }

  void configure(const server_record& server) override {
    const std::lock_guard guard{mutex};
    (void)note("configure", server.uuid.view());
    by_server[server.uuid].config = server.config;
  }

  bool await_offline(const server_id& server, std::chrono::milliseconds,
                     std::stop_token stop) override {
    if (on_await)
      on_await(stop);
    const std::lock_guard guard{mutex};
    (void)note("await_offline", server.view());
    auto& mine = by_server[server];
    if (stops_when_awaited)
      mine.usage.state = process_state::offline;
    return mine.usage.state == process_state::offline;
  }

  void say(const server_id& server, std::string_view notice) override {
    const std::lock_guard guard{mutex};
    (void)note("say", server.view(), notice);
    by_server[server].console.emplace_back(notice);
  }

  void set_disk_usage(const server_id& server, std::int64_t bytes) override {
    const std::lock_guard guard{mutex};
    by_server[server].usage.disk_bytes = bytes;
  }

  void forget(const server_id& server) override {
    const std::lock_guard guard{mutex};
    (void)note("forget", server.view());
    by_server.erase(server);
  }
};

} // namespace alula::jobs
