#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/reconcile.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula::jobs;
using nlohmann::json;

namespace {

const auto id = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");

std::string config(bool suspended, const std::string& image = "a") {
  return json{{"settings",
               {{"uuid", id.view()},
                {"suspended", suspended},
                {"container", {{"image", image}}}}},
              {"process_configuration", json::object()}}
      .dump();
}

server_record server(bool suspended = false) {
  return {.row = 3,
          .uuid = id,
          .suspended = suspended,
          .config = config(suspended)};
}

} // namespace

TEST_CASE("a server that is what the Panel says needs no change", "[jobs]") {
  CHECK_FALSE(difference(server(), {id, config(false)}));
  // The same, written otherwise.
  CHECK_FALSE(difference(server(), {id, json::parse(config(false)).dump(2)}));
}

TEST_CASE("what the Panel says otherwise is taken over", "[jobs]") {
  auto here = server();
  std::string there = config(false, "b");
  bool suspended = false;
  SECTION("its configuration") {}
  SECTION("that it is suspended") {
    there = config(true);
    suspended = true;
  }
  SECTION("that it is not, though the configuration says the same") {
    here.suspended = true;
    there = config(false);
  }
  SECTION("that it knows the server after all") {
    here.quarantined_at = 7;
    there = config(false);
  }
  SECTION("when what is stored cannot be read") {
    here.config = "[]";
  }
  const auto change = difference(here, {id, there});
  REQUIRE(change);
  const auto& set = std::get<set_server_config>(*change);
  CHECK(set.server == id);
  CHECK(set.config == there);
  CHECK(set.suspended == suspended);
}

TEST_CASE("a server that is being deleted is not unsuspended", "[jobs]") {
  auto here = server(true);
  here.state = server_state::deleting;
  here.config = config(false);
  CHECK_FALSE(difference(here, {id, config(false)}));
}

TEST_CASE("a word that cannot be read changes nothing", "[jobs]") {
  for (const auto* odd : {"", "[]", "7", "{"})
    CHECK_FALSE(difference(server(), {id, odd}));
}

TEST_CASE("a server the Panel has is registered as it says", "[jobs]") {
  const auto body = registration({id, config(true)});
  const auto draft =
      create_server.read({.kind = create_server.name, .body = body});
  REQUIRE(draft);
  const auto& made = std::get<register_server>(draft->changes.at(0));
  CHECK(made.uuid == id);
  CHECK(made.suspended);
  CHECK(json::parse(made.config).at("settings")
        == json::parse(config(true)).at("settings"));
  CHECK(json::parse(body).at("skip_install") == true);
  CHECK(json::parse(registration({id, "odd"})).at("uuid") == id.view());
}
