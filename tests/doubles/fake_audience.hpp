/// Websocket clients that only take notes.
#pragma once

#include "jobs/ports.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method; the public members are for the test, before
/// and after, or under `mutex`.
class fake_audience final : public audience {
public:
  ~fake_audience() override; ///< in fakes.cpp, as is all that is virtual
  mutable std::mutex mutex;
  /// "announce 3f1d… deleted null", "dismiss 3f1d… 1001 server deleted".
  std::vector<std::string> journal;
  std::map<server_id, std::size_t> sockets; ///< open ones, by server
  /// Called by announce and dismiss, outside the mutex; may throw.
  std::function<void()> before_call;

  std::vector<std::string> calls() {
    const std::lock_guard guard{mutex};
    return journal;
  }

  void announce(const server_id& server, std::string_view event,
                const std::vector<std::string>& args) override {
    if (before_call)
      before_call();
    const std::lock_guard guard{mutex};
    auto line = "announce " + server.to_string() + ' ' + std::string{event};
    for (const auto& arg : args)
      line += ' ' + arg;
    journal.push_back(std::move(line));
  }

  void dismiss(const server_id& server, std::uint16_t code,
               std::string_view reason, std::chrono::milliseconds) override {
    if (before_call)
      before_call();
    const std::lock_guard guard{mutex};
    journal.push_back("dismiss " + server.to_string() + ' '
                      + std::to_string(code) + ' ' + std::string{reason});
    sockets.erase(server);
  }

  std::size_t count(const server_id& server) const override {
    const std::lock_guard guard{mutex};
    const auto at = sockets.find(server);
    return at == sockets.end() ? 0 : at->second;
  }
};

} // namespace alula::jobs
