/// What the tests of a websocket on a node that runs servers stand on: a hub
/// that serves it, and what it notes and audits.
#pragma once

#include "http/socket_hub.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/fake_processes.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

struct live_world : socket_world {
  live_world() {
    hub.serve({.processes = &processes,
               .askers = &askers,
               .report =
                   [](const jobs::activity& what) {
                     return std::optional{jobs::report_of(what)};
                   },
               .note =
                   [this](const jobs::activity& what) {
                     const std::lock_guard lock{mutex};
                     noted.push_back(what);
                   },
               .audit =
                   [this](jobs::audit_record what) {
                     const std::lock_guard lock{mutex};
                     audit.push_back(std::move(what));
                   },
               .log_lines = 3,
               .log_bytes = 100});
  }

  /// Authenticated; all it was told is still to be heard.
  std::shared_ptr<fake_websocket>
  come_in(std::vector<std::string> permissions = {"*"}) {
    auto socket = open(server_a);
    authenticate(*socket, claims(server_a, std::move(permissions)));
    return socket;
  }
  std::shared_ptr<fake_websocket>
  come_in_quietly(std::vector<std::string> permissions = {"*"}) {
    auto socket = come_in(std::move(permissions));
    heard(*socket);
    return socket;
  }
  /// As come_in_quietly(), while server_a runs.
  std::shared_ptr<fake_websocket> come_in_while_it_runs() {
    processes.put(server_a, jobs::process_state::running);
    return come_in_quietly();
  }
  lines written() { return processes.by_server[server_a].written; }

  /// As heard(), once there are that many; lines of a log come later.
  lines hear(const std::shared_ptr<fake_websocket>& socket, std::size_t count) {
    lines out;
    CHECK(socket->wait_until([&](const auto&) {
      for (auto& line : heard(*socket))
        out.push_back(std::move(line));
      return out.size() >= count;
    }));
    return out;
  }

  jobs::fake_processes processes;
  std::mutex mutex;
  std::vector<jobs::activity> noted;
  std::vector<jobs::audit_record> audit;
  errands askers{16, 1};
};

/// The number of what was announced; 0: it has none.
inline std::int64_t seq_of(const std::string& frame) {
  return nlohmann::json::parse(frame).value("seq", std::int64_t{0});
}

inline jobs::job_view_ptr view_of(jobs::job_record job,
                                  std::int64_t revision = 0) {
  return std::make_shared<jobs::job_view>(
      std::move(job),
      jobs::progress{.done = revision, .total = 100, .unit = "bytes"},
      revision);
}

} // namespace alula::http
