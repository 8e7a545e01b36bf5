/// What a scripted dockerd is asked about the container of one server, and what
/// it answers.
#pragma once

#include "remote/docker.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace alula::remote::one_container {

using namespace std::chrono_literals;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

inline const std::string uuid = "8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d";
inline const std::string id(64, 'a');
inline const std::string look = "GET /v1.41/containers/" + uuid + "/json";
inline const std::string look_again = "GET /v1.41/containers/" + id + "/json";
inline const std::string kill_it = "POST /v1.41/containers/" + id + "/kill";
inline const std::string remove_it = "DELETE /v1.41/containers/" + id + "?v=1";
inline const std::string force_it = remove_it + "&force=1";

inline dockerd::reply is(const std::string& state, bool running = false,
                         const std::string& stop_signal = {}) {
  return dockerd::answers(
      200, R"({"Id":")" + id + R"(","Name":"/)" + uuid
               + R"(","State":{"Status":")" + state + R"(","Running":)"
               + (running ? "true" : "false") + R"(},"Config":{"StopSignal":")"
               + stop_signal + R"("}})");
}

inline dockerd::reply is_gone() {
  return dockerd::says(404, "No such container: " + uuid);
}

inline dockerd::reply in_progress() {
  return dockerd::says(409, "removal of container x is already in progress");
}

/// Limits that no test waits for, however slow the machine is; or that one
/// waits for the end of. Circuits stay out of the way.
inline docker_settings patient(const dockerd& peer,
                               std::chrono::milliseconds limit = 60s) {
  docker_settings settings;
  settings.socket = peer.socket();
  settings.inspect = settings.list = settings.kill = settings.start = limit;
  settings.removal = 60s;
  settings.poll = 40ms;
  settings.circuit.first_pause = 0ms;
  settings.circuit.longest_pause = 0ms;
  return settings;
}

/// Limits for a test that waits for their end.
inline docker_settings quick(const dockerd& peer) {
  auto settings = patient(peer, 400ms);
  settings.removal = 1'500ms;
  return settings;
}

/// An end that came at once or at a limit of above: not by another way.
constexpr auto soon = 20s;

inline lines without_repeats(lines journal) {
  journal.erase(std::unique(journal.begin(), journal.end()), journal.end());
  return journal;
}

} // namespace alula::remote::one_container
