// The way of a server up, step by step, on fakes.
#include "tests/jobs/kinds/life_world.hpp"

using namespace alula::jobs;

TEST_CASE("a start makes the container anew, listens and starts it",
          "[power]") {
  life_world w;
  w.docker.put("old", w.uuid(), false);
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  CHECK_FALSE(w.docker.has("old"));
  REQUIRE(w.life.factory.spec_of(w.uuid()));
  CHECK(w.life.factory.spec_of(w.uuid())->image == "game:1");
  CHECK(w.docker.inspect(w.uuid()).value()->running);
  CHECK(w.life.processes.state(w.id) == process_state::starting);
  CHECK(w.called(w.life.processes.calls(), "attach " + w.uuid()));
  CHECK(w.called(w.life.factory.calls(), "ensure_network pterodactyl_nw"));
  CHECK(w.called(w.disk.calls(), "take_ownership " + w.uuid()));
}

TEST_CASE("a start takes the node's network as it is", "[power]") {
  life_world w{
      R"({"settings":{"container":{"image":"game:1"},"allocations":{)"
      R"("default":{"ip":"127.0.0.1","port":1000},)"
      R"("mappings":{"127.0.0.1":[1000]}}},"process_configuration":{}})"};
  w.life.factory.networks["pterodactyl_nw"] = {.name = "pterodactyl_nw",
                                               .driver = "host"};
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  const auto made = w.life.factory.spec_of(w.uuid());
  REQUIRE(made);
  REQUIRE(made->ports.size() == 1);
  CHECK(made->ports[0].host_ip == "127.0.0.1");
}

TEST_CASE("the console is listened to before the container starts", "[power]") {
  life_world w;
  auto job = w.accept_power("start");
  w.life.processes.fail_next(
      "attach", {.code = fault_code::docker_unavailable, .what = "no answer"});
  failed(w.run_all(server_power, job));
  CHECK_FALSE(w.docker.inspect(w.uuid()).value()->running);
}

TEST_CASE("every step of a start may run again after a crash", "[power]") {
  life_world w;
  auto job = w.accept_power("start");
  for (std::size_t i = 2; i < server_power.steps.size(); ++i) {
    const auto name = server_power.steps[i].name;
    done(w.run(server_power, job, name));
    done(w.run(server_power, job, name));
    job.steps[i].state = step_state::done;
  }
  CHECK(w.docker.inspect(w.uuid()).value()->running);
}

TEST_CASE("a server that runs already is only listened to", "[power]") {
  life_world w;
  w.docker.put("c0ffee", w.uuid(), true);
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  CHECK(w.docker.has("c0ffee"));
  CHECK(w.life.processes.state(w.id) == process_state::running);
  CHECK_FALSE(w.life.factory.spec_of(w.uuid()));
}

TEST_CASE("a server found up is not told as running before it is listened to",
          "[power]") {
  life_world w;
  w.docker.put("c0ffee", w.uuid(), true);
  auto job = w.accept_power("start");
  w.life.processes.fail_next(
      "attach", {.code = fault_code::docker_unavailable, .what = "no answer"});
  failed(w.run(server_power, job, "launch"));
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  done(w.run(server_power, job, "launch"));
  CHECK(w.life.processes.state(w.id) == process_state::running);
}

TEST_CASE("a start asks the Panel first", "[power]") {
  life_world w;
  w.panel.configured = true;
  w.panel.put(w.id, life_world::suspended_config());
  auto job = w.accept_power("start");
  CHECK(failed(w.run_all(server_power, job)).code
        == fault_code::server_suspended);
  CHECK(w.record().suspended);
}

TEST_CASE("a suspension that a start is the first to hear of counts as one "
          "that a sync has told",
          "[power]") {
  life_world w;
  w.panel.configured = true;
  w.panel.put(w.id, life_world::suspended_config());
  auto job = w.accept_power("start");
  REQUIRE(w.record().wanted_up);
  CHECK(failed(w.run_all(server_power, job)).code
        == fault_code::server_suspended);
  CHECK_FALSE(w.record().wanted_up);
  CHECK(w.called(w.clients.calls(),
                 "dismiss " + w.uuid() + " 1008 server suspended"));
}

TEST_CASE("a Panel that is away keeps nobody from starting", "[power]") {
  life_world w;
  w.panel.configured = true;
  w.panel.fail(
      fault{.code = fault_code::panel_unavailable, .what = "no answer"});
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  // Nobody waits for his server until a Panel was asked in vain for long.
  CHECK(w.panel.calls()
        == std::vector<std::string>{"at once", "find " + w.uuid()});
}

TEST_CASE("a server that the Panel does not know is not started", "[power]") {
  life_world w;
  w.panel.configured = true;
  w.panel.drop(w.id);
  auto job = w.accept_power("start");
  CHECK(failed(w.run_all(server_power, job)).code
        == fault_code::server_not_found);
}

TEST_CASE("a server over its quota is not started", "[power]") {
  life_world w;
  w.disk.live[w.id].bytes = (10 << 20) + 1;
  auto job = w.accept_power("start");
  CHECK(failed(w.run_all(server_power, job)).code == fault_code::no_room);
  CHECK(w.life.processes.usage(w.id).disk_bytes == (10 << 20) + 1);
}

TEST_CASE("an image that cannot be had is taken from the node", "[power]") {
  life_world w;
  w.life.factory.fail_next(
      "pull", {.code = fault_code::docker_refused, .what = "no registry"}, 2);
  auto job = w.accept_power("start");
  CHECK(failed(w.run_all(server_power, job)).code
        == fault_code::docker_refused);
  w.life.factory.images.insert("game:1");
  job = w.accept_power("start");
  done(w.run_all(server_power, job));
}

TEST_CASE("an image that is here is not waited for as one that is missing",
          "[power]") {
  using pull_for = container_factory::pull_for;
  life_world w;
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  CHECK(w.life.factory.last_pull == pull_for::a_missing_image);
  life_world again;
  again.life.factory.images.insert("game:1");
  job = again.accept_power("start");
  done(again.run_all(server_power, job));
  CHECK(again.life.factory.last_pull == pull_for::a_newer_image);
}

TEST_CASE("an image with a tilde is not pulled", "[power]") {
  life_world w{R"({"settings":{"container":{"image":"~local"}}})"};
  w.life.factory.images.insert("local");
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  for (const auto& call : w.life.factory.calls())
    CHECK_FALSE(call.starts_with("pull"));
}

TEST_CASE("the egg's files are rewritten, and failures stop nobody",
          "[power]") {
  life_world w{R"({"settings":{"container":{"image":"game:1"}},
    "process_configuration":{"configs":[{"parser":"properties",
      "file":"server.properties",
      "replace":[{"match":"server-port","replace_with":"25565"}]}]}})"};
  w.life.files.outcomes = {{.path = "server.properties",
                            .is = config_outcome::effect::failed,
                            .notes = {"it is a directory"}}};
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  REQUIRE(w.life.files.asked.size() == 1);
  CHECK(w.life.files.asked[0].path == "server.properties");
}

TEST_CASE("what is broken in an egg's list of files is said in the console",
          "[power]") {
  life_world w{R"({"settings":{"container":{"image":"game:1"}},
    "process_configuration":{"configs":[{"parser":"properties",
      "replace":[{"match":"server-port","replace_with":"25565"}]}]}})"};
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  const auto& console = w.life.processes.by_server[w.id].console;
  CHECK(std::ranges::any_of(console, [](const std::string& line) {
    return line.find("names a configuration file without") != std::string::npos;
  }));
}

TEST_CASE("ownership is left alone where the operator says so", "[power]") {
  life_world w;
  w.life.settings.check_permissions_on_boot = false;
  auto job = w.accept_power("start");
  done(w.run_all(server_power, job));
  CHECK_FALSE(w.called(w.disk.calls(), "take_ownership " + w.uuid()));
}

TEST_CASE("a start that nobody wants any more takes itself back", "[power]") {
  life_world w;
  auto job = w.accept_power("start");
  for (std::size_t i = 2; i + 1 < server_power.steps.size(); ++i)
    done(w.run(server_power, job, server_power.steps[i].name));
  w.record().wanted_up = false;
  CHECK(failed(w.run(server_power, job, "launch")).code
        == fault_code::cancelled);
  CHECK_FALSE(w.docker.inspect(w.uuid()).value()->running);
}

TEST_CASE("a start that nobody wants any more gets no image", "[power]") {
  life_world w;
  auto job = w.accept_power("start", "boot");
  CHECK(failed(w.run_all(server_power, job)).code == fault_code::cancelled);
  CHECK(w.life.factory.calls().empty());
  CHECK(w.life.processes.state(w.id) == process_state::offline);
}

TEST_CASE("a failed start leaves the server offline and says why", "[power]") {
  life_world w;
  auto job = w.accept_power("start");
  w.life.processes.put(w.id, process_state::starting);
  job.error = fault{.code = fault_code::docker_refused, .what = "port taken"};
  done(w.undo(server_power, job, "look"));
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  CHECK(w.life.processes.by_server[w.id].console.back().find("port taken")
        != std::string::npos);
}
