/// A directory with a config.yml in it, the daemons started on that, and the
/// requests most tests of the program make.
#pragma once

#include "tests/app/client.hpp"
#include "tests/app/program.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace alula::tests {

using json = nlohmann::json;
using remote::scripted_dockerd;

inline const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A directory with a config.yml in it, and daemons started on that.
struct node_directory {
  temporary_directory dir;
  std::string token = "a-token-for-tests";
  std::string api;    ///< more lines of that section
  std::string system; ///< the same
  std::string extra;  ///< more lines at the top level
  std::string docker_at = "/nowhere/docker.sock";

  std::filesystem::path file() const { return dir.path() / "config.yml"; }
  std::filesystem::path volume() const { return dir.path() / "volumes" / uuid; }

  void write_config() const {
    const auto root = dir.path().string();
    std::ofstream{file()} << "token: " << token << "\napi:\n  host: 127.0.0.1\n"
                          << "  port: 0\n"
                          << api << "system:\n  root_directory: " << root
                          << "\n  data: " << root << "/volumes\n"
                          << system << "docker:\n  socket: " << docker_at
                          << "\n"
                          << extra;
  }

  std::unique_ptr<program> start() const {
    write_config();
    return std::make_unique<program>(
        std::vector<std::string>{"serve", "--config", file().string()});
  }

  void fill_volume(int files) const {
    std::filesystem::create_directories(volume() / "world");
    for (int i = 0; i < files; ++i)
      std::ofstream{volume() / "world" / std::to_string(i)} << i;
  }

  /// Without the mark of the ledger.
  std::size_t trash_size() const {
    const auto trash = dir.path() / ".trash";
    if (!std::filesystem::exists(trash))
      return 0;
    const auto names =
        std::distance(std::filesystem::directory_iterator{trash}, {});
    const bool marked = std::filesystem::exists(trash / ".alula-store");
    return static_cast<std::size_t>(names - (marked ? 1 : 0));
  }
};

/// A dockerd that has no containers at all.
inline void have_no_containers(scripted_dockerd& dockerd) {
  dockerd.on("GET /v1.41/containers/",
             {scripted_dockerd::says(404, "No such container: x")});
  dockerd.on("DELETE /v1.41/containers/",
             {scripted_dockerd::says(404, "No such container: x")});
  dockerd.on("GET /v1.41/containers/json",
             {scripted_dockerd::answers(200, "[]")});
}

inline answer register_server(const client& node) {
  return node.send("POST", "/api/servers",
                   json{{"uuid", uuid},
                        {"start_on_completion", false},
                        {"settings", {{"uuid", uuid}}},
                        {"process_configuration", json::object()}}
                       .dump());
}

/// The job's last view; null when it does not end.
inline json wait_for_end(const client& node, const std::string& job) {
  for (int i = 0; i < 20; ++i) {
    const auto seen = node.get(job + "?wait=10s");
    if (seen.status != 200)
      return {};
    auto parsed = json::parse(seen.body);
    if (parsed.value("done", false))
      return parsed;
  }
  return {};
}

/// The server of register_server is there; throws when it does not come to be.
inline void have_server(const client& node) {
  const auto registered = register_server(node);
  const auto seen = wait_for_end(node, registered.header("Location"));
  if (!seen.is_object() || seen.value("state", "") != "succeeded")
    throw std::runtime_error{"no server was made: " + registered.body
                             + seen.dump()};
}

} // namespace alula::tests
