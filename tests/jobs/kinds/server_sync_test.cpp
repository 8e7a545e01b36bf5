#include "tests/jobs/kinds/life_world.hpp"

using namespace alula::jobs;

namespace {

struct sync_world : life_world {
  sync_world() { panel.configured = true; }
};

} // namespace

TEST_CASE("a sync takes over what the Panel says", "[sync]") {
  sync_world w;
  w.panel.put(w.id, R"({"settings":{"build":{"memory_limit":512}},)"
                    R"("process_configuration":{}})");
  w.run_it();
  auto job = w.accept(server_sync);
  done(w.run_all(server_sync, job));
  CHECK(w.record().config.find("512") != std::string::npos);
  CHECK(w.life.factory.updated.at(w.uuid()).memory == 588'800'000);
  CHECK(w.life.processes.by_server[w.id].config == w.record().config);
  CHECK(w.life.processes.state(w.id) == process_state::running);
}

TEST_CASE("a suspension stops the server and disconnects its clients",
          "[sync]") {
  sync_world w;
  w.run_it();
  w.panel.put(w.id, life_world::suspended_config());
  auto job = w.accept(server_sync);
  done(w.run_all(server_sync, job));
  CHECK(w.record().suspended);
  CHECK_FALSE(w.record().wanted_up);
  CHECK(w.called(w.clients.calls(),
                 "dismiss " + w.uuid() + " 1008 server suspended"));
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  done(w.run(server_sync, job, "suspend"));
}

TEST_CASE("unsuspending starts nothing", "[sync]") {
  sync_world w;
  w.record().suspended = true;
  auto job = w.accept(server_sync);
  done(w.run_all(server_sync, job));
  CHECK_FALSE(w.record().suspended);
  CHECK_FALSE(w.record().wanted_up);
  CHECK(w.clients.calls().empty());
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}

TEST_CASE("a limit that Docker refuses counts from the next start, as the job "
          "says",
          "[sync]") {
  sync_world w;
  w.life.factory.fail_next(
      "update", {.code = fault_code::docker_refused, .what = "in use"});
  auto job = w.accept(server_sync);
  done(w.run(server_sync, job, "fetch"));
  const auto result =
      nlohmann::json::parse(done(w.run(server_sync, job, "apply")).job_result);
  CHECK(result["limits"] == "at the next start");
  CHECK(result["why"] == "in use");
  done(w.run(server_sync, job, "suspend"));
}

TEST_CASE("a sync has nothing to say of limits that are in force", "[sync]") {
  sync_world w;
  auto job = w.accept(server_sync);
  CHECK(done(w.run(server_sync, job, "apply")).job_result.empty());
}

TEST_CASE("a sync asks a Docker that does not answer again for five minutes",
          "[sync]") {
  using std::chrono::milliseconds, std::chrono::minutes;
  sync_world w;
  w.life.factory.is_down = true;
  auto job = w.accept(server_sync);
  done(w.run(server_sync, job, "fetch"));
  auto& apply = job.steps.at(1);
  apply.started_at = w.now;
  CHECK(failed(w.run(server_sync, job, "apply")).code
        == fault_code::docker_unavailable);
  w.now += milliseconds{minutes{5}}.count() - 1;
  CHECK(failed(w.run(server_sync, job, "apply")).code
        == fault_code::docker_unavailable);
  SECTION("and changes the limits when it is back") {
    w.life.factory.is_down = false;
    CHECK(done(w.run(server_sync, job, "apply")).job_result.empty());
    CHECK(w.life.factory.updated.contains(w.uuid()));
  }
  SECTION("and then says that they count from the next start") {
    w.now += 1;
    const auto result = nlohmann::json::parse(
        done(w.run(server_sync, job, "apply")).job_result);
    CHECK(result["limits"] == "at the next start");
  }
}

TEST_CASE("a sync says that it asks the Panel, which may take half a minute",
          "[sync]") {
  sync_world w;
  auto job = w.accept(server_sync);
  done(w.run(server_sync, job, "fetch"));
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports.front().message == "asks the Panel what the server is like");
}

TEST_CASE("a sync of a server that the Panel does not know fails", "[sync]") {
  sync_world w;
  w.panel.drop(w.id);
  auto job = w.accept(server_sync);
  CHECK(failed(w.run_all(server_sync, job)).code
        == fault_code::server_not_found);
}

TEST_CASE("a sync waits behind nothing and answers once it is applied",
          "[sync]") {
  sync_world w;
  const auto job = w.accept(server_sync);
  CHECK(job.lane == "sync");
  CHECK(server_sync.answer_after == "apply");
}

TEST_CASE("a suspended server that runs is stopped without a Panel too",
          "[sync]") {
  sync_world w;
  w.run_it();
  w.record().suspended = true;
  w.panel.fail(
      fault{.code = fault_code::panel_unavailable, .what = "no answer"});
  auto asked = w.accept(server_sync);
  CHECK(failed(w.run_all(server_sync, asked)).code
        == fault_code::panel_unavailable);
  auto by_itself = w.accept(server_sync, R"({"cause":"suspended"})");
  done(w.run_all(server_sync, by_itself));
  CHECK_FALSE(w.record().wanted_up);
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}
