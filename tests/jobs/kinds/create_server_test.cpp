#include "tests/jobs/kinds/world.hpp"

using namespace alula::jobs;

namespace {

const std::string new_server = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
const std::string body = R"({"uuid":")" + new_server
                         + R"(","settings":{"suspended":true},)"
                           R"("process_configuration":{"startup":{}}})";

} // namespace

TEST_CASE("create_server registers the server with its accept", "[kinds]") {
  world w;
  const auto draft = w.read(create_server, body, false);
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  const auto& change = std::get<register_server>(draft->changes[0]);
  CHECK(change.uuid == w.id);
  CHECK(change.suspended);
  const auto config = nlohmann::json::parse(change.config);
  CHECK(config["settings"]["suspended"] == true);
  CHECK(config["process_configuration"].contains("startup"));
}

TEST_CASE("create_server says which field is wrong", "[kinds]") {
  world w;
  const auto pointer_of = [&](const std::string& text) {
    const auto draft = w.read(create_server, text, false);
    REQUIRE_FALSE(draft);
    return draft.error().fields.empty() ? std::string{"-"}
                                        : draft.error().fields[0].pointer;
  };
  CHECK(pointer_of("no json") == "-");
  CHECK(pointer_of("[]") == "-");
  CHECK(pointer_of("{}") == "/uuid");
  CHECK(pointer_of(R"({"uuid":7})") == "/uuid");
  CHECK(pointer_of(R"({"uuid":")" + new_server + R"(","settings":7})")
        == "/settings");
  CHECK(
      pointer_of(R"({"uuid":")" + new_server + R"(","settings":{"uuid":"x"}})")
      == "/settings/uuid");
  CHECK(pointer_of(R"({"uuid":")" + new_server + R"(","settings":{"uuid":7}})")
        == "/settings/uuid");
  CHECK(pointer_of(R"({"uuid":")" + new_server
                   + R"(","settings":{"suspended":"no"}})")
        == "/settings/suspended");
}

TEST_CASE("a uuid that lives is not registered twice", "[kinds]") {
  world w;
  const auto again = w.read(create_server, body, true);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == fault_code::server_exists);
}

TEST_CASE("a create that is repeated while it runs has the same natural key",
          "[kinds]") {
  world w;
  w.server.state = server_state::creating;
  CHECK(w.read(create_server, body, true)->dedup_key
        == w.read(create_server, body, false)->dedup_key);
}

TEST_CASE("a create does not join a registration without an installation",
          "[kinds]") {
  world w;
  w.server.state = server_state::creating;
  const auto as_it_is =
      R"({"uuid":")" + new_server + R"(","skip_install":true})";
  CHECK(w.read(create_server, as_it_is, true)->dedup_key
        != w.read(create_server, R"({"uuid":")" + new_server + R"("})", true)
               ->dedup_key);
}

TEST_CASE("create_server makes the volume and adopts the container",
          "[kinds]") {
  world w;
  w.docker.put("c0ffee", new_server);
  auto job = w.accept(create_server, body, false);
  done(w.run(create_server, job, "prepare_volume"));
  CHECK(w.disk.live.contains(w.id));
  CHECK(only_change<set_container>(w.run(create_server, job, "adopt_container"))
            .container_id
        == "c0ffee");
  only_change<activate_server>(w.run(create_server, job, "activate"));
}

TEST_CASE("a server without a container, or without Docker, is registered too",
          "[kinds]") {
  world w;
  auto job = w.accept(create_server, body, false);
  CHECK(done(w.run(create_server, job, "adopt_container")).changes.empty());
  w.docker.set_down(true);
  CHECK(done(w.run(create_server, job, "adopt_container")).changes.empty());
}

TEST_CASE("a create that is taken back leaves no empty directory", "[kinds]") {
  world w;
  auto job = w.accept(create_server, body, false);
  done(w.run(create_server, job, "find_volume"));
  done(w.run(create_server, job, "prepare_volume"));
  CHECK(done(w.undo(create_server, job, "prepare_volume")).changes.empty());
  CHECK_FALSE(w.disk.live.contains(w.id));
  only_change<discard_server>(w.undo(create_server, job, "find_volume"));
}

TEST_CASE("a create that crashed after making the directory removes it",
          "[kinds]") {
  world w;
  auto job = w.accept(create_server, body, false);
  done(w.run(create_server, job, "find_volume"));
  REQUIRE(w.disk.create(w.id)); // the outcome was never written down
  done(w.run(create_server, job, "prepare_volume"));
  done(w.undo(create_server, job, "prepare_volume"));
  CHECK_FALSE(w.disk.live.contains(w.id));
}

TEST_CASE("a create that is taken back leaves alone what was there before",
          "[kinds]") {
  world w;
  const auto files = GENERATE(0, 5);
  w.disk.put(w.id, {.files = files, .bytes = 10 * files});
  auto job = w.accept(create_server, body, false);
  done(w.run(create_server, job, "find_volume"));
  done(w.run(create_server, job, "prepare_volume"));
  done(w.undo(create_server, job, "prepare_volume"));
  CHECK(w.disk.live.contains(w.id));
}

TEST_CASE("who looked at a server that was not created is disconnected",
          "[kinds]") {
  world w;
  auto job = w.accept(create_server, body, false);
  done(w.run(create_server, job, "find_volume"));
  done(w.undo(create_server, job, "find_volume"));
  CHECK(w.clients.calls()
        == std::vector<std::string>{"dismiss " + new_server
                                    + " 1001 server not created"});
}

TEST_CASE("a create of a Panel's asks it what the server is like", "[kinds]") {
  world w;
  w.panel.configured = true;
  w.panel.put(w.id, R"({"settings":{"suspended":true}})");
  auto job = w.accept(
      create_server,
      R"({"uuid":")" + new_server + R"(","start_on_completion":true})", false);
  const auto told =
      only_change<set_server_config>(w.run(create_server, job, "ask_panel"));
  CHECK(told.server == w.id);
  CHECK(told.suspended);
  const auto outcome = w.run(create_server, job, "activate");
  const auto& changes = done(outcome).changes;
  REQUIRE(changes.size() == 3);
  CHECK(std::holds_alternative<want_install>(changes[1]));
  CHECK(std::get<want_power>(changes[2]).up);
}

TEST_CASE("a create that names its settings asks no Panel", "[kinds]") {
  world w;
  auto job = w.accept(create_server, body, false);
  CHECK(job.find_step("ask_panel")->state == step_state::skipped);
  only_change<activate_server>(w.run(create_server, job, "activate"));
  CHECK(create_server.when_over(job).empty());
}

TEST_CASE("a create of a Panel's that fails is a failed installation",
          "[kinds]") {
  world w;
  w.panel.configured = true;
  auto job =
      w.accept(create_server, R"({"uuid":")" + new_server + "\"}", false);
  CHECK(failed(w.run(create_server, job, "ask_panel")).code
        == fault_code::server_not_found);
  const auto over = create_server.when_over(job);
  REQUIRE(over.size() == 1);
  CHECK(std::get<tell_panel>(over[0]).body
        == R"({"successful":false,"reinstall":false})");
}

TEST_CASE("without a Panel a create needs the settings", "[kinds]") {
  world w;
  auto job =
      w.accept(create_server, R"({"uuid":")" + new_server + "\"}", false);
  CHECK(failed(w.run(create_server, job, "ask_panel")).code
        == fault_code::validation);
}

TEST_CASE("what the Panel has had for long is registered without an install",
          "[kinds]") {
  world w;
  w.panel.configured = true;
  w.panel.put(w.id, R"({"settings":{}})");
  auto job = w.accept(create_server,
                      R"({"uuid":")" + new_server + R"(","skip_install":true})",
                      false);
  done(w.run(create_server, job, "ask_panel"));
  only_change<activate_server>(w.run(create_server, job, "activate"));
  CHECK(create_server.when_over(job).empty());
}
