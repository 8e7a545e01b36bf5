/// A node on fakes whose servers live: the engine with the real kinds, the real
/// process board and the real keeper, on a Docker in memory.
#pragma once

#include "actors/process_board.hpp"
#include "actors/server_keeper.hpp"
#include "jobs/catalog.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/doubles/fake_life.hpp"

#include <memory>
#include <string>

namespace alula::actors_test {

struct life_node : engine_world {
  explicit life_node(int servers = 1) : engine_world(servers) {
    for (int i = 1; i <= servers; ++i)
      record(i).config =
          R"({"settings":{"container":{"image":"game:1"}},)"
          R"("process_configuration":{"startup":{"done":["up"]},)"
          R"("stop":{"type":"command","value":"stop"}}})";
    fakes.factory.images.insert("game:1");
    fakes.streams.on_write = [this](std::string_view name,
                                    std::string_view text) {
      if (text == "stop\n" && obeys)
        die(std::string{name}, 0);
    };
    ports.life = &life;
  }
  ~life_node() {
    // As a node stops: what the ledger still tells the keeper finds it there.
    if (keeper)
      keeper->stop();
    board.stop();
    engine.reset();
    keeper.reset();
  }

  life_node& begin() {
    boot(jobs::standard_catalog());
    keeper = std::make_unique<actors::server_keeper>(
        rules, *engine, queries, *ledger, containers, board, clock);
    keeper->start();
    return *this;
  }
  /// As a boot that finds every server wanted.
  life_node& begin_with_all_up() {
    for (auto& [row, server] : store->servers)
      server.record.wanted_up = true;
    return begin();
  }

  jobs::server_record& record(int number) {
    return store->servers.at(number).record;
  }
  jobs::server_record known(int number) {
    return *queries.find_server(server_number(number)).value();
  }
  std::string name(int number) const {
    return server_number(number).to_string();
  }

  jobs::job_id power(const std::string& action, int server = 1) {
    return submit(jobs::server_power, server,
                  R"({"action":")" + action + "\"}");
  }
  jobs::process_state state(int server = 1) const {
    return board.state(server_number(server));
  }
  void say(const std::string& line, int server = 1) {
    fakes.streams.say(name(server), line);
  }
  /// Its process ends.
  void die(const std::string& server, int code) {
    containers.exit(server, code);
    fakes.streams.end(server);
  }
  template<class Condition>
  void eventually(Condition holds) {
    pass_until(std::chrono::milliseconds{0}, holds);
  }
  std::size_t calls(const std::string& call) {
    const auto all = containers.calls();
    return static_cast<std::size_t>(std::ranges::count(all, call));
  }

  bool obeys = true; ///< the servers listen to their stop command
  jobs::fake_life fakes{containers};
  actors::process_board board{{},      containers, fakes.streams,
                              volumes, audience,   clock};
  jobs::server_life life{board,       fakes.factory,  fakes.streams,
                         fakes.files, fakes.installs, fakes.settings};
  actors::keeper_settings rules;
  std::unique_ptr<actors::server_keeper> keeper;
};

} // namespace alula::actors_test
