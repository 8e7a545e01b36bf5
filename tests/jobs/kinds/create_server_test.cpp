#include "tests/jobs/kinds/world.hpp"

using namespace alula::jobs;

namespace {

constexpr auto& kind_of = create_server;
const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
const std::string body = R"({"uuid":")" + uuid
                         + R"(","settings":{"suspended":true},)"
                           R"("process_configuration":{"startup":{}}})";

} // namespace

TEST_CASE("create_server registers the server with its accept", "[kinds]") {
  world w;
  const auto draft = w.read(kind_of, body, false);
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
    const auto draft = w.read(kind_of, text, false);
    REQUIRE_FALSE(draft);
    return draft.error().fields.empty() ? std::string{"-"}
                                        : draft.error().fields[0].pointer;
  };
  CHECK(pointer_of("no json") == "-");
  CHECK(pointer_of("[]") == "-");
  CHECK(pointer_of("{}") == "/uuid");
  CHECK(pointer_of(R"({"uuid":7})") == "/uuid");
  CHECK(pointer_of(R"({"uuid":")" + uuid + R"("})") == "/settings");
  CHECK(pointer_of(R"({"uuid":")" + uuid + R"(","settings":7})")
        == "/settings");
  CHECK(pointer_of(R"({"uuid":")" + uuid + R"(","settings":{"uuid":"x"}})")
        == "/settings/uuid");
  CHECK(pointer_of(R"({"uuid":")" + uuid + R"(","settings":{"uuid":7}})")
        == "/settings/uuid");
  CHECK(
      pointer_of(R"({"uuid":")" + uuid + R"(","settings":{"suspended":"no"}})")
      == "/settings/suspended");
}

TEST_CASE("a uuid that lives is not registered twice", "[kinds]") {
  world w;
  const auto again = w.read(kind_of, body, true);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == fault_code::server_exists);
}

TEST_CASE("a create that is repeated while it runs has the same natural key",
          "[kinds]") {
  world w;
  w.server.state = server_state::creating;
  CHECK(w.read(kind_of, body, true)->dedup_key
        == w.read(kind_of, body, false)->dedup_key);
}

TEST_CASE("create_server makes the volume and adopts the container",
          "[kinds]") {
  world w;
  w.docker.put("c0ffee", uuid);
  auto job = w.accept(kind_of, body, false);
  done(w.run(kind_of, job, "prepare_volume"));
  CHECK(w.disk.live.contains(w.id));
  CHECK(only_change<set_container>(w.run(kind_of, job, "adopt_container"))
            .container_id
        == "c0ffee");
  only_change<activate_server>(w.run(kind_of, job, "activate"));
}

TEST_CASE("a server without a container, or without Docker, is registered too",
          "[kinds]") {
  world w;
  auto job = w.accept(kind_of, body, false);
  CHECK(done(w.run(kind_of, job, "adopt_container")).changes.empty());
  w.docker.set_down(true);
  CHECK(done(w.run(kind_of, job, "adopt_container")).changes.empty());
}

TEST_CASE("a create that is taken back leaves no empty directory", "[kinds]") {
  world w;
  auto job = w.accept(kind_of, body, false);
  done(w.run(kind_of, job, "prepare_volume"));
  only_change<discard_server>(w.undo(kind_of, job, "prepare_volume"));
  CHECK_FALSE(w.disk.live.contains(w.id));
}

TEST_CASE("a create that is taken back leaves files alone", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 5, .bytes = 50});
  auto job = w.accept(kind_of, body, false);
  done(w.run(kind_of, job, "prepare_volume"));
  only_change<discard_server>(w.undo(kind_of, job, "prepare_volume"));
  CHECK(w.disk.live.contains(w.id));
}
