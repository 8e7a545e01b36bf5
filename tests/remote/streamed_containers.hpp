/// What a scripted dockerd says on the streams of containers, each known by its
/// name, and those who listen.
#pragma once

#include "remote/docker_link.hpp"
#include "remote/docker_streams.hpp"
#include "tests/doubles/console_recorder.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace alula::remote::streamed_containers {

using namespace std::chrono_literals;
using doubles::console_recorder;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

inline std::string id_of(const std::string& name) {
  return std::string(60, 'a') + name.substr(0, 4);
}
inline std::string path_of(const std::string& name) {
  return "/v1.41/containers/" + id_of(name);
}
inline std::string look(const std::string& name) {
  return "GET /v1.41/containers/" + name + "/json";
}
inline std::string attach_it(const std::string& name) {
  return "POST " + path_of(name) + "/attach";
}
inline std::string stats_of(const std::string& name) {
  return "GET " + path_of(name) + "/stats";
}

inline dockerd::reply is(const std::string& name, bool tty = true) {
  return dockerd::answers(
      200, R"({"Id":")" + id_of(name) + R"(","Name":"/)" + name
               + R"(","State":{"Status":"running","Running":true},)"
               + R"("Config":{"Tty":)" + (tty ? "true" : "false") + "}}");
}

inline const std::string upgraded =
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// Says this, and keeps the connection open until the client is gone.
inline dockerd::reply says_and_stays(const std::string& text) {
  return [=](dockerd::connection& to, const dockerd::request&) {
    to.send(upgraded + text);
    while (!to.receive().empty()) {
    }
    return false;
  };
}

struct place {
  dockerd peer;
  docker_settings settings;
  docker_stream_settings limits;
  std::unique_ptr<docker_streams> streams;
  std::shared_ptr<console_recorder> listener =
      std::make_shared<console_recorder>();

  place() {
    settings.socket = peer.socket();
    settings.inspect = 60s;
    settings.circuit.first_pause = 0ms;
    settings.circuit.longest_pause = 0ms;
    limits.attach = 60s;
    limits.stats_pause = 10ms;
  }
  docker_streams& open() {
    streams = std::make_unique<docker_streams>(
        std::make_shared<docker_link>(settings), limits);
    return *streams;
  }
  /// A container that says this on its console.
  void with(const std::string& name, dockerd::reply console, bool tty = true) {
    peer.on(look(name), {is(name, tty)});
    peer.on(attach_it(name), {std::move(console)});
    peer.on(stats_of(name), {dockerd::hangs()});
  }
};

inline std::string frame(char stream, const std::string& text) {
  return std::string{stream, '\0', '\0', '\0',
                     '\0',   '\0', '\0', static_cast<char>(text.size())}
         + text;
}

} // namespace alula::remote::streamed_containers
