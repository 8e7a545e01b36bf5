#include "tests/jobs/kinds/life_world.hpp"

using namespace alula::jobs;

namespace {

std::vector<std::string> steps_of(const job_record& job) {
  std::vector<std::string> out;
  for (const auto& step : job.steps)
    if (step.state != step_state::skipped)
      out.push_back(step.name);
  return out;
}

job_record begun(job_record job) {
  job.started_at = 1;
  return job;
}

bool supersedes(const job_record& newer, const job_record& older) {
  return server_power.supersedes(newer, older);
}

} // namespace

TEST_CASE("an action is one of four words", "[power]") {
  life_world w;
  for (const auto* body : {"{}", R"({"action":"pause"})", R"({"action":7})"}) {
    const auto refused = w.read(server_power, body);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::validation);
  }
  CHECK(w.read(server_power, "no json").error().code == fault_code::malformed);
  CHECK(w.read(server_power, R"({"action":"stop"})", false).error().code
        == fault_code::server_not_found);
}

TEST_CASE("a suspended server is stopped and killed, but not started",
          "[power]") {
  life_world w;
  w.server.suspended = true;
  CHECK(w.read(server_power, R"({"action":"start"})").error().code
        == fault_code::server_suspended);
  CHECK(w.read(server_power, R"({"action":"restart"})").error().code
        == fault_code::server_suspended);
  CHECK(w.read(server_power, R"({"action":"stop"})"));
  CHECK(w.read(server_power, R"({"action":"kill"})"));
}

TEST_CASE("a server that is restored is stopped and killed, but not started",
          "[power]") {
  life_world w;
  w.server.state = server_state::restoring;
  for (const auto* word : {"start", "restart"}) {
    const auto refused =
        w.read(server_power, R"({"action":")" + std::string{word} + "\"}");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::server_locked);
  }
  CHECK(w.read(server_power, R"({"action":"stop"})"));
  CHECK(w.read(server_power, R"({"action":"kill"})"));
  // The node has looked before; this one waits in line and looks once more.
  CHECK(w.read(server_power, R"({"action":"start","cause":"crash"})"));
}

TEST_CASE("each action has the steps that it needs", "[power]") {
  life_world w;
  CHECK(steps_of(w.accept_power("kill")) == std::vector<std::string>{"kill"});
  CHECK(steps_of(w.accept_power("stop")) == std::vector<std::string>{"stop"});
  CHECK(steps_of(w.accept_power("start")).front() == "look");
  CHECK(steps_of(w.accept_power("restart")).front() == "stop");
  CHECK(steps_of(w.accept_power("restart")).back() == "launch");
}

TEST_CASE("the accept says what is wanted from now on", "[power]") {
  life_world w;
  const auto wish = [&](const std::string& word) {
    const auto draft = w.read(server_power, R"({"action":")" + word + "\"}");
    REQUIRE(draft);
    REQUIRE(draft->changes.size() == 1);
    return std::get<want_power>(draft->changes[0]).up;
  };
  CHECK(wish("start"));
  CHECK(wish("restart"));
  CHECK_FALSE(wish("stop"));
  CHECK_FALSE(wish("kill"));
  CHECK(w.read(server_power, R"({"action":"start","cause":"boot"})")
            ->changes.empty());
}

TEST_CASE("a kill has a lane of its own and workers of its own", "[power]") {
  life_world w;
  CHECK(w.accept_power("kill").lane == "kill");
  CHECK(w.accept_power("kill").pool == "kill");
  CHECK(w.accept_power("stop").lane.empty());
  CHECK(w.accept_power("stop").pool == "power");
}

TEST_CASE("an image is got by workers that nobody is stopped by", "[power]") {
  for (const auto* kind : {&server_power, &receive_server})
    for (const auto& step : kind->steps)
      if (step.name == "image"
          || (kind == &receive_server && step.name == "container"))
        CHECK(step.pool == "pull");
      else
        CHECK(step.pool != "pull");
}

TEST_CASE("the newest wish wins", "[power]") {
  life_world w;
  const auto start = w.accept_power("start"), stop = w.accept_power("stop");
  const auto kill = w.accept_power("kill");
  CHECK(supersedes(stop, start));
  CHECK(supersedes(start, stop));
  CHECK(supersedes(start, start));
  CHECK(supersedes(stop, begun(start)));
  CHECK(supersedes(stop, begun(w.accept_power("restart"))));
  CHECK_FALSE(supersedes(stop, begun(stop)));
  CHECK_FALSE(supersedes(start, begun(start)));
  CHECK_FALSE(supersedes(start, begun(stop)));
  CHECK(supersedes(kill, begun(stop)));
  CHECK(supersedes(kill, begun(start)));
  CHECK_FALSE(supersedes(start, kill));
  CHECK_FALSE(supersedes(kill, kill));
}

TEST_CASE("what the node does by itself supersedes nobody's wish", "[power]") {
  life_world w;
  CHECK_FALSE(
      supersedes(w.accept_power("start", "crash"), w.accept_power("stop")));
  CHECK(supersedes(w.accept_power("stop"), w.accept_power("start", "boot")));
}

TEST_CASE("a stop says the egg's stop command and waits", "[power]") {
  life_world w;
  w.run_it();
  auto job = w.accept_power("stop");
  done(w.run_all(server_power, job));
  CHECK(w.life.processes.by_server[w.id].written
        == std::vector<std::string>{"stop"});
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  CHECK_FALSE(w.called(w.docker.calls(), "kill " + w.uuid() + " SIGKILL"));
}

TEST_CASE("a server that does not listen to its stop command is killed",
          "[power]") {
  life_world w;
  w.run_it();
  w.life.processes.stops_when_awaited = false;
  w.life.settings.stop_grace = std::chrono::milliseconds{0};
  auto job = w.accept_power("stop");
  done(w.run_all(server_power, job));
  CHECK(w.called(w.docker.calls(), "kill " + w.uuid() + " SIGKILL"));
  CHECK_FALSE(w.docker.inspect(w.uuid()).value()->running);
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}

TEST_CASE("a server that is stopped by a signal gets that signal", "[power]") {
  life_world w{R"({"settings":{},"process_configuration":{
    "stop":{"type":"signal","value":"C"}}})"};
  w.run_it();
  auto job = w.accept_power("stop");
  done(w.run_all(server_power, job));
  CHECK(w.called(w.docker.calls(), "stop " + w.uuid()));
  CHECK(w.life.processes.by_server[w.id].written.empty());
}

TEST_CASE("a stop of a server that does not run is a success", "[power]") {
  life_world w;
  auto job = w.accept_power("stop");
  done(w.run_all(server_power, job));
  done(w.run(server_power, job, "stop"));
}

TEST_CASE("a stop that Docker does not answer fails and may be tried again",
          "[power]") {
  life_world w;
  w.run_it();
  w.docker.set_down(true);
  auto job = w.accept_power("stop");
  CHECK(failed(w.run(server_power, job, "stop")).code
        == fault_code::docker_unavailable);
  w.docker.set_down(false);
  done(w.run(server_power, job, "stop"));
}

TEST_CASE("a kill sends SIGKILL and nothing else", "[power]") {
  life_world w;
  w.run_it();
  auto job = w.accept_power("kill");
  done(w.run_all(server_power, job));
  CHECK(w.called(w.docker.calls(), "kill " + w.uuid() + " SIGKILL"));
  CHECK(w.life.processes.by_server[w.id].written.empty());
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  done(w.run(server_power, job, "kill"));
}

TEST_CASE("a restart stops and starts", "[power]") {
  life_world w;
  w.run_it();
  auto job = w.accept_power("restart");
  done(w.run(server_power, job, "stop"));
  CHECK(w.life.processes.by_server[w.id].written
        == std::vector<std::string>{"stop"});
  w.docker.exit(w.uuid(), 0);
  for (std::size_t i = 2; i < server_power.steps.size(); ++i)
    done(w.run(server_power, job, server_power.steps[i].name));
  CHECK_FALSE(w.docker.has("c0ffee"));
  CHECK(w.docker.inspect(w.uuid()).value()->running);
}
