/// Install scripts and logs in memory.
#pragma once

#include "jobs/install_files.hpp"
#include "tests/doubles/call_script.hpp"

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace alula::jobs {

/// Any thread may call any method; the public members are for the test, before
/// and after, or under `mutex`.
class fake_install_files final : public install_files, public call_script {
public:
  std::map<server_id, std::string> scripts, logs;

  result<std::string> put_script(const server_id& server,
                                 std::string_view script) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("put_script"); !planned)
      return std::move(planned).error();
    scripts[server] = script;
    return "/tmp/fake/" + server.to_string();
  }

  status remove_script(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("remove_script"); !planned)
      return planned;
    scripts.erase(server);
    return {};
  }

  status put_log(const server_id& server, std::string_view text) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("put_log"); !planned)
      return planned;
    logs[server] = text;
    return {};
  }

  result<std::string> read_log(const server_id& server,
                               std::size_t most) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("read_log"); !planned)
      return std::move(planned).error();
    const auto at = logs.find(server);
    if (at == logs.end())
      return std::string{};
    const auto& all = at->second;
    return all.substr(all.size() > most ? all.size() - most : 0);
  }

  status remove_log(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("remove_log"); !planned)
      return planned;
    logs.erase(server);
    return {};
  }
};

} // namespace alula::jobs
