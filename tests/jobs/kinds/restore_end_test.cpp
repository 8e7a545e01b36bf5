// What is left running after a restore, and who hears of its end.
#include "tests/doubles/fake_life.hpp"
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

TEST_CASE("clients hear the end when the server is free again", "[kinds]") {
  restore_world w;
  bool was_free = false;
  w.clients.before_call = [&] {
    was_free = w.state_of_server() == server_state::active;
  };
  SECTION("of a restore that is done") {
    w.run_to_end(restore_backup, w.body_of(1));
    CHECK(was_free);
  }
  SECTION("and of one that failed") {
    w.backups.fail_next("extract",
                        {.code = fault_code::archive_refused, .what = "no"});
    w.run_to_end(restore_backup, w.body_of(1));
    CHECK(was_free);
  }
  CHECK(w.clients.calls().back()
        == "announce " + w.id.to_string() + " backup restore completed ");
  // Not one per file (trap 84).
  CHECK(lines(w.clients.calls(),
              "announce " + w.id.to_string() + " daemon message")
        == 1);
}

TEST_CASE("a server that ran is started again only if the restore failed",
          "[kinds]") {
  restore_world w;
  SECTION("done") {
    w.run_to_end(restore_backup, w.body_of(1));
    CHECK_FALSE(w.runs());
    CHECK(lines(w.clients.calls(),
                "announce " + w.id.to_string() + " status offline")
          == 1);
  }
  SECTION("failed") {
    w.backups.fail_next("extract",
                        {.code = fault_code::archive_refused, .what = "no"});
    w.run_to_end(restore_backup, w.body_of(1));
    CHECK(w.runs());
    CHECK(lines(w.clients.calls(),
                "announce " + w.id.to_string() + " status running")
          == 1);
  }
  SECTION("failed, and its container is gone") {
    w.backups.fail_next("extract",
                        {.code = fault_code::archive_refused, .what = "no"});
    w.docker.fail_next("start",
                       {.code = fault_code::docker_refused, .what = "gone"});
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::failed);
    CHECK(lines(w.clients.calls(),
                "announce " + w.id.to_string() + " status running")
          == 0);
  }
  SECTION("it did not run") {
    w.docker.put("c0ffee", w.id.to_string(), false);
    w.backups.fail_next("extract",
                        {.code = fault_code::archive_refused, .what = "no"});
    w.run_to_end(restore_backup, w.body_of(1));
    CHECK_FALSE(w.runs());
    CHECK(lines(w.clients.calls(), "announce " + w.id.to_string() + " status")
          == 0);
  }
}

TEST_CASE("a server that Docker does not start again is free all the same",
          "[kinds]") {
  restore_world w;
  fake_life life{w.docker};
  w.node.life = &life.ports;
  w.store->servers.at(w.server.row).record.config =
      R"({"settings":{},"process_configuration":{}})";
  w.backups.fail_next("extract",
                      {.code = fault_code::archive_refused, .what = "no"});
  w.docker.fail_next("start", {.code = fault_code::docker_refused,
                               .what = "port is already allocated"});
  CHECK(w.run_to_end(restore_backup, w.body_of(1)).state == job_state::failed);
  CHECK(w.state_of_server() == server_state::active);
  CHECK(life.processes.state(w.id) == process_state::offline);
  const auto& console = life.processes.by_server[w.id].console;
  REQUIRE_FALSE(console.empty());
  CHECK(console.back().find("already allocated") != std::string::npos);
}

TEST_CASE("a crash between the stop and its commit forgets nothing",
          "[kinds]") {
  restore_world w;
  w.twice = true; // the second stop finds the server stopped
  w.backups.fail_next("extract",
                      {.code = fault_code::archive_refused, .what = "no"}, 2);
  w.run_to_end(restore_backup, w.body_of(1));
  CHECK(w.runs());
}

TEST_CASE("what a server's configuration says stops it", "[kinds]") {
  restore_world w;
  const auto signal_of = [&](const char* config) {
    w.server.config = config;
    return json::parse(w.read(restore_backup, w.body_of(1))->input)
        .at("stop_signal")
        .get<std::string>();
  };
  CHECK(signal_of(R"({"process_configuration":{"stop":{"type":"signal",
                     "value":"SIGTERM"}}})")
        == "SIGTERM");
  CHECK(signal_of(R"({"process_configuration":{"stop":{"type":"command",
                     "value":"^C"}}})")
        == "SIGINT");
  CHECK(signal_of(R"({"process_configuration":{"stop":{"type":"command",
                     "value":"stop"}}})")
            .empty());
  for (const auto* odd : {"", "[]", "null", R"({"process_configuration":[]})",
                          R"({"process_configuration":{"stop":[1]}})",
                          R"({"settings":[],"process_configuration":7})"})
    CHECK(signal_of(odd).empty());
}

TEST_CASE("the Panel is told how a restore has ended, once", "[kinds]") {
  restore_world w;
  w.store->tells_panel = true;
  bool good = true;
  SECTION("well, in the commit that frees the server") {
    auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                       "unlock");
    CHECK(w.store->reports.empty());
    job = w.go_on(restore_backup, job, "announce");
    CHECK(w.store->reports.size() == 1);
    w.go_on(restore_backup, job);
  }
  SECTION("badly") {
    good = false;
    w.backups.fail_next("verify",
                        {.code = fault_code::backup_damaged, .what = "no"});
    REQUIRE(w.run_to_end(restore_backup, w.body_of(1)).state
            == job_state::failed);
  }
  SECTION("not at all") {
    good = false;
    const auto job = w.must_ask(restore_backup, w.body_of(1));
    REQUIRE(w.cancel(restore_backup, job).state == job_state::cancelled);
  }
  REQUIRE(w.store->reports.size() == 1);
  const auto& r = w.store->reports.begin()->second;
  CHECK(r.subject == "server:" + w.id.to_string());
  CHECK(r.path == "/backups/" + w.backup(1).to_string() + "/restore");
  CHECK(json::parse(r.body) == json{{"successful", good}});
}
