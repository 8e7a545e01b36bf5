#include "http/update_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

api_settings
updated_by(std::function<jobs::result<bool>(const std::string&)> update) {
  api_settings settings;
  settings.update = std::move(update);
  return settings;
}

} // namespace

TEST_CASE("an update of the Panel is applied and told so", "[http]") {
  std::string seen;
  api_world world{updated_by([&](const std::string& body) {
    seen = body;
    return true;
  })};
  const auto answer = world.ask("POST", "/api/update", R"({"debug":true})");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body) == json{{"applied", true}});
  CHECK(seen == R"({"debug":true})");
}

TEST_CASE("an update that is not wanted is no error", "[http]") {
  SECTION("by its configuration") {
    api_world world{updated_by([](const std::string&) { return false; })};
    CHECK(json::parse(world.ask("POST", "/api/update", "{}").body)
          == json{{"applied", false}});
  }
  SECTION("by a node without a file") {
    api_world world;
    const auto answer = world.ask("POST", "/api/update", "not even JSON");
    CHECK(answer.status == 200);
    CHECK(json::parse(answer.body) == json{{"applied", false}});
  }
}

TEST_CASE("an update that cannot be applied says why", "[http]") {
  auto code = fault_code::malformed;
  int status = 400;
  SECTION("it makes no sense") {}
  SECTION("it cannot be written") {
    code = fault_code::io_error;
    status = 500;
  }
  api_world world{updated_by([&](const std::string&) -> jobs::result<bool> {
    return fault{.code = code, .what = "no"};
  })};
  CHECK(world.ask("POST", "/api/update", "{}").status == status);
}
