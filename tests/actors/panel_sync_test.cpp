#include "actors/panel_sync.hpp"
#include "tests/actors/backup_node.hpp"
#include "tests/doubles/fake_life.hpp"
#include "tests/doubles/fake_panel.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

struct sync_world : backup_node {
  sync_world() : backup_node(2) {
    syncing.random = [] { return 0.5; };
    ports.life = &fakes.ports;
    boot();
    for (int i : {1, 2})
      panel.put(server_number(i));
  }
  ~sync_world() {
    sync.reset();
    engine.reset(); // its jobs use the fakes
  }
  void start() {
    synced = log_book().count("panel-synced");
    failed = log_book().count("panel-sync-failed");
    sync = std::make_unique<actors::panel_sync>(syncing, *engine, *ledger,
                                                panel, clock, settings.uptime);
    sync->start();
  }
  void pass(std::chrono::milliseconds time) {
    backup_node::pass(time);
    sync->look();
  }
  jobs::server_record server(int number) {
    return *engine->find_server(server_number(number));
  }

  std::size_t synced = 0, failed = 0; ///< before the start
  jobs::fake_life fakes{containers};
  jobs::fake_panel panel;
  actors::sync_settings syncing;
  std::unique_ptr<actors::panel_sync> sync;
};

jobs::fault away() {
  return {.code = jobs::fault_code::panel_unavailable, .what = "away"};
}

} // namespace

TEST_CASE("what the Panel says of a server is kept", "[actors]") {
  sync_world w;
  const auto said = jobs::fake_panel::plain_config(server_number(1), true);
  w.panel.put(server_number(1), said);
  w.start();
  REQUIRE(w.panel.wait_for("reset"));
  CHECK(w.server(1).config == said);
  CHECK(w.server(1).suspended);
  CHECK_FALSE(w.server(2).suspended);
  w.crash();
  w.boot(); // with the Panel out of the question
  CHECK(w.server(1).suspended);
}

TEST_CASE("a server that was suspended meanwhile is stopped", "[actors]") {
  sync_world w;
  w.panel.put(server_number(1),
              jobs::fake_panel::plain_config(server_number(1), true));
  w.containers.put("c1", server_number(1).to_string());
  w.fakes.processes.put(server_number(1), jobs::process_state::running);
  w.start();
  REQUIRE(w.panel.wait_for("reset"));
  w.eventually([&] {
    return w.fakes.processes.state(server_number(1))
           == jobs::process_state::offline;
  });
  CHECK_FALSE(w.server(1).wanted_up);
  // One that was suspended before needs no job.
  const auto calls = w.audience.calls().size();
  w.start();
  REQUIRE(w.panel.wait_for("reset", 2));
  CHECK(w.audience.calls().size() == calls);
}

TEST_CASE("all pages are read", "[actors]") {
  sync_world w;
  w.panel.per_page = 1;
  w.start();
  REQUIRE(w.panel.wait_for("reset"));
  CHECK(w.panel.calls() == strings{"list 1", "list 2", "reset"});
  CHECK(w.server(1).quarantined_at == 0);
  CHECK(w.server(2).quarantined_at == 0);
}

TEST_CASE("a server the Panel has is registered with what is there",
          "[actors]") {
  sync_world w;
  w.panel.put(server_number(3),
              jobs::fake_panel::plain_config(server_number(3), true));
  w.volumes.put(server_number(3), {.files = 5, .bytes = 50});
  w.containers.put("c3", server_number(3).to_string());
  w.start();
  w.eventually([&] {
    const auto server = w.engine->find_server(server_number(3));
    return server && server->state == jobs::server_state::active;
  });
  CHECK(w.server(3).suspended);
  CHECK(w.server(3).container_id == "c3");
  CHECK(w.volumes.live.at(server_number(3)).files == 5);
  REQUIRE(w.panel.wait_for("reset"));
  CHECK(w.server(3).quarantined_at == 0);
}

TEST_CASE("a server that the boot has registered is installed when it is asked "
          "for",
          "[actors]") {
  sync_world w;
  w.panel.put(server_number(3));
  w.start();
  w.eventually([&] {
    const auto server = w.engine->find_server(server_number(3));
    return server && server->state == jobs::server_state::active;
  });
  const auto again =
      w.ask(jobs::create_server, 3,
            R"({"uuid":")" + server_number(3).to_string() + "\"}");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == jobs::fault_code::server_exists);
  CHECK(w.server(3).install == jobs::install_state::none);
  const auto job =
      w.submit(jobs::server_install, 3, R"({"start_on_completion":true})");
  CHECK(w.end_of(job).state == jobs::job_state::succeeded);
  CHECK(w.server(3).install == jobs::install_state::done);
  CHECK(w.server(3).wanted_up);
}

TEST_CASE("a server the Panel does not know is marked, and nothing else",
          "[actors]") {
  sync_world w;
  w.panel.drop(server_number(2));
  w.start();
  REQUIRE(w.panel.wait_for("reset"));
  CHECK(w.server(2).quarantined_at == w.clock.at);
  CHECK(w.server(2).state == jobs::server_state::active);
  CHECK_FALSE(w.server(2).suspended);
  CHECK(w.server(1).quarantined_at == 0);
  // It was looked for twice: a page may have shifted.
  CHECK(w.panel.count("list 1") == 2);

  w.panel.put(server_number(2));
  w.start();
  REQUIRE(w.panel.wait_for("reset", 2));
  CHECK(w.server(2).quarantined_at == 0);
}

TEST_CASE("a Panel that is away is asked again, and changes nothing meanwhile",
          "[actors]") {
  sync_world w;
  w.panel.drop(server_number(2));
  w.panel.fail(away());
  w.start();
  REQUIRE(w.panel.wait_for("list", 1));
  REQUIRE(log_book().wait_for("panel-sync-failed", w.failed + 1));
  w.pass_until(1s, [&] { return w.panel.count("list") >= 3; });
  CHECK(w.server(2).quarantined_at == 0);
  CHECK(w.panel.count("reset") == 0);
  CHECK(w.engine->is_ready());
  w.panel.fail(std::nullopt);
  w.pass_until(10s, [&] {
    w.sync->look();
    return w.panel.count("reset") == 1;
  });
  CHECK(w.server(2).quarantined_at != 0);
}

TEST_CASE("the Panel's states are not reset while a restore lives",
          "[actors]") {
  sync_world w;
  w.put_backup(1, 1);
  w.archives.hold("verify");
  const auto id =
      w.submit(jobs::restore_backup, 1,
               R"({"adapter":"wings","truncate_directory":true,"backup":")"
                   + w.backup(1).to_string() + "\"}");
  w.until(id, [](const auto& j) {
    const auto* step = j.find_step("verify");
    return step && step->state == jobs::step_state::started;
  });
  w.start();
  REQUIRE(log_book().wait_for("panel-synced", w.synced + 1));
  CHECK(w.panel.count("reset") == 0);
  w.archives.let_go("verify");
  w.end_of(id);
  REQUIRE(w.panel.wait_for("reset"));
}

TEST_CASE("the Panel's states are not reset while a server is made",
          "[actors]") {
  sync_world w;
  w.panel.put(server_number(3));
  const auto uuid = server_number(3).to_string();
  w.volumes.fail_next("create",
                      {.code = jobs::fault_code::io_error, .what = "disk"});
  const auto id = w.submit(jobs::create_server, 3,
                           R"({"uuid":")" + uuid + R"(","settings":{"uuid":")"
                               + uuid + R"("},"process_configuration":{}})");
  w.until(id, jobs::job_state::retry_wait);
  w.start();
  REQUIRE(log_book().wait_for("panel-synced", w.synced + 1));
  CHECK(w.panel.count("reset") == 0);
  w.pass_until(1s, [&] { return w.now(id).is_done(); });
  REQUIRE(w.panel.wait_for("reset"));
}

TEST_CASE("a reset that fails is tried again", "[actors]") {
  sync_world w;
  w.panel.fail_resets(2);
  w.start();
  REQUIRE(w.panel.wait_for("reset"));
  w.pass_until(1s, [&] {
    w.sync->look();
    return w.panel.count("reset") == 3;
  });
  CHECK(w.panel.count("list") == 1);
}

TEST_CASE("a node without a Panel asks nobody", "[actors]") {
  sync_world w;
  w.panel.configured = false;
  w.start();
  w.sync->stop();
  CHECK(w.panel.calls().empty());
}

TEST_CASE("a stop does not wait for the next try", "[actors]") {
  sync_world w;
  w.panel.fail(away());
  w.start();
  REQUIRE(w.panel.wait_for("list"));
  w.sync->stop();
  CHECK(w.panel.count("reset") == 0);
}
