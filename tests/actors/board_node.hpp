/// A process_board over fakes, and the one server that it knows.
#pragma once

#include "actors/process_board.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_container_streams.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace alula::actors {

struct board_node {
  static inline const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
  static inline const jobs::server_id id = *jobs::server_id::parse(uuid);
  static inline const jobs::fault no_docker{
      .code = jobs::fault_code::docker_unavailable, .what = "no answer"};

  explicit board_node(actors::process_settings with = {})
    : board(with, docker, streams, disk, clients, clock,
            [this] { return up.load(); }) {
    board.start(
        {.crashed =
             [this](const jobs::server_id&, const jobs::process_end& end) {
               const std::lock_guard guard{mutex};
               crashes.push_back(end);
             },
         .stop_typed = [this](const jobs::server_id&) { ++typed_stops; },
         .over_quota = [this](const jobs::server_id&) { ++quotas; },
         .find =
             [this](const jobs::server_id& asked) {
               return asked == id
                          ? std::make_shared<const jobs::server_record>(server)
                          : nullptr;
             }});
  }

  /// Its server's quota is 1 MiB; it is up at "Server started", and stops when
  /// "stop" is typed.
  static std::string configured() {
    return R"({"settings":{"build":{"disk_space":1}},"process_configuration":{)"
           R"("startup":{"done":["Server started"]},)"
           R"("stop":{"type":"command","value":"stop"}}})";
  }

  /// As a start does it.
  void launch() {
    docker.put("c0ffee", uuid, false);
    docker.by_id["c0ffee"].info.status = "created";
    board.set_state(id, jobs::process_state::starting);
    REQUIRE(board.attach(server));
    REQUIRE(docker.start(uuid));
  }

  void die(int code, bool oom = false) {
    docker.exit(uuid, code, oom);
    streams.end(uuid);
    board.settle();
  }

  /// The time of the next list of all has come, and what it leads to is done.
  void let_list() {
    const auto before = docker.count("list");
    up = up + 300'000;
    board.look_at_clock();
    const auto limit =
        std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (docker.count("list") == before) {
      if (std::chrono::steady_clock::now() > limit)
        FAIL("nobody lists the containers");
      std::this_thread::yield();
    }
    board.settle();
  }

  std::size_t said(const std::string& event) {
    const auto all = clients.calls();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const auto& line) {
          return line.starts_with("announce " + uuid + ' ' + event);
        }));
  }

  jobs::fake_containers docker;
  jobs::fake_container_streams streams;
  jobs::fake_volumes disk;
  jobs::fake_audience clients;
  doubles::fake_clock clock;
  std::atomic<jobs::time_ms> up{1'000};
  jobs::server_record server{.row = 12, .uuid = id, .config = configured()};
  std::mutex mutex;
  std::vector<jobs::process_end> crashes;
  std::atomic<int> quotas{0}, typed_stops{0};
  actors::process_board board;
};

} // namespace alula::actors
