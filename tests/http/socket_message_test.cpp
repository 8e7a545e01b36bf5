#include "http/socket_message.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace alula::http;

TEST_CASE("a frame is an event and all its arguments in one", "[http]") {
  const auto message =
      read_message(R"({"args":["a",null,"b"],"event":"auth","more":1})");
  REQUIRE(message);
  CHECK(message->event == "auth");
  CHECK(message->text == "ab");
}

TEST_CASE("arguments may be absent, null or none", "[http]") {
  for (const auto* frame :
       {R"({"event":"x"})", R"({"event":"x","args":null})",
        R"({"event":"x","args":[]})", R"({"event":"x","args":[null]})"}) {
    const auto message = read_message(frame);
    REQUIRE(message);
    CHECK(message->text.empty());
  }
}

TEST_CASE("what is no such object is no message", "[http]") {
  for (const auto& frame :
       {std::string{}, std::string{"null"}, std::string{"[]"},
        std::string{R"("auth")"}, std::string{R"({"event":null})"},
        std::string{R"({"args":["x"]})"}, std::string{R"({"event":"x"}})"},
        std::string{R"({"event":"x","args":{}})"},
        std::string{R"({"event":"x","args":["a",1]})"},
        std::string(60'000, '['), std::string("{\"event\":\"\xff\"}")})
    CHECK_FALSE(read_message(frame));
}

TEST_CASE("a rendered message leaves empty arguments out", "[http]") {
  CHECK(*render_message("auth success") == R"({"event":"auth success"})");
  const auto value = nlohmann::json::parse(*render_message("a", {"<\"\n>"}));
  CHECK(value["event"] == "a");
  CHECK(value["args"] == nlohmann::json{"<\"\n>"});
}

TEST_CASE("text that is no UTF-8 is mended", "[http]") {
  const auto value = nlohmann::json::parse(*render_message("a", {"x\xffy"}));
  CHECK(value["args"][0] == "x\xef\xbf\xbdy");
}

TEST_CASE("events have their permissions", "[http]") {
  CHECK(permission_to_receive("backup completed") == "backup.read");
  CHECK(permission_to_receive("install output") == "admin.websocket.install");
  CHECK(permission_to_receive("transfer logs") == "admin.websocket.transfer");
  CHECK(permission_to_receive("deleted").empty());
  CHECK(permission_to_send({"send command", "x"}) == "control.console");
  CHECK(permission_to_send({"set state", "start"}) == "control.start");
  CHECK(permission_to_send({"set state", "stop"}) == "control.stop");
  CHECK(permission_to_send({"set state", "kill"}) == "control.stop");
  CHECK(permission_to_send({"set state", "restart"}) == "control.restart");
  CHECK(permission_to_send({"send logs", ""}).empty());
}
