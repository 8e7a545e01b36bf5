#include "http/server_body.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace alula;
using http::read_server_body;
using json = nlohmann::json;

namespace {

const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";

/// As a Panel would describe it.
json whole() {
  return json::parse(R"({
    "uuid": "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11",
    "start_on_completion": true,
    "settings": {
      "uuid": "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11",
      "meta": {"name": "demo", "description": ""},
      "suspended": false,
      "environment": {"JAR": "server.jar", "MAX": 20, "EULA": true, "X": null},
      "invocation": "java -jar {{JAR}}",
      "skip_egg_scripts": false,
      "build": {"memory_limit": 2048, "swap": -1, "io_weight": 500,
        "cpu_limit": 200, "threads": "0-3,6", "disk_space": 10240,
        "oom_disabled": true},
      "container": {"image": "ghcr.io/example/runtime:21",
        "oom_disabled": true, "requires_rebuild": false},
      "allocations": {"force_outgoing_ip": false,
        "default": {"ip": "203.0.113.5", "port": 25565},
        "mappings": {"203.0.113.5": [25565, 25566]}},
      "mounts": [{"source": "/srv/maps", "target": "/maps", "read_only": true}],
      "egg": {"id": "c0ffee00-1111-4222-8333-444455556666",
        "file_denylist": ["*.key"]},
      "labels": {"tier": "gold"},
      "crash_detection_enabled": true
    },
    "process_configuration": {
      "startup": {"done": ["Server started"], "user_interaction": [],
        "strip_ansi": false},
      "stop": {"type": "command", "value": "stop"},
      "configs": [{"parser": "properties", "file": "server.properties",
        "replace": [
          {"match": "server-port", "replace_with": "25565"},
          {"match": "motd", "if_value": "old", "replace_with": 7}]}]
    }
  })");
}

json body_with(const std::string& pointer, const json& value) {
  auto body = whole();
  body[json::json_pointer(pointer)] = value;
  return body;
}

json without(const std::string& pointer) {
  auto body = whole();
  const json::json_pointer at{pointer};
  body[at.parent_pointer()].erase(at.back());
  return body;
}

std::vector<std::string> wrong_fields(const json& body) {
  const auto read = read_server_body(body.dump());
  if (read)
    return {};
  CHECK(read.error().code == jobs::fault_code::validation);
  std::vector<std::string> out;
  for (const auto& field : read.error().fields) {
    CHECK_FALSE(field.detail.empty());
    out.push_back(field.pointer);
  }
  return out;
}

/// Every member of the whole body, inner ones included.
void collect(const json& value, const std::string& at,
             std::vector<std::string>& out) {
  for (const auto& [key, inner] : value.items()) {
    out.push_back(at + "/" + key);
    if (inner.is_structured())
      collect(inner, at + "/" + key, out);
  }
}

} // namespace

TEST_CASE("a body in the Panel's shape is read as it is", "[http]") {
  const auto read = read_server_body(whole().dump());
  REQUIRE(read);
  CHECK(read->uuid.view() == uuid);
  CHECK(json::parse(read->canonical) == whole());
}

TEST_CASE("a wrong type is named by its pointer, in every field", "[http]") {
  std::vector<std::string> pointers;
  collect(whole(), "", pointers);
  REQUIRE(pointers.size() > 50);
  for (const auto& pointer : pointers) {
    // No field takes a list of lists, or this object.
    for (const auto& wrong :
         {json::parse("[[]]"), json::parse(R"([{"a":{}}])")}) {
      CAPTURE(pointer, wrong.dump());
      const auto errors = wrong_fields(body_with(pointer, wrong));
      REQUIRE_FALSE(errors.empty());
      // Lists and maps name the entry.
      CHECK(errors.front().starts_with(pointer));
    }
  }
}

TEST_CASE("scalars of the wrong kind are wrong too", "[http]") {
  const auto [pointer, value] = GENERATE(table<std::string, json>(
      {{"/uuid", 7},
       {"/start_on_completion", "true"},
       {"/start_on_completion", 1},
       {"/settings", "text"},
       {"/settings/suspended", 0},
       {"/settings/meta", "demo"},
       {"/settings/meta/name", 1},
       {"/settings/environment", json::array()},
       {"/settings/environment/JAR", json::object()},
       {"/settings/build/memory_limit", "2048"},
       {"/settings/build/memory_limit", 1.5},
       {"/settings/build/memory_limit", -1},
       {"/settings/build/memory_limit", 1e300},
       {"/settings/build/memory_limit", 18446744073709551615ULL},
       {"/settings/build/swap", -2},
       {"/settings/build/io_weight", 1001},
       {"/settings/build/cpu_limit", -1},
       {"/settings/build/threads", 3},
       {"/settings/allocations/default/port", 65536},
       {"/settings/allocations/mappings", json::array()},
       {"/settings/allocations/mappings/203.0.113.5/0", 0},
       {"/settings/allocations/mappings/203.0.113.5/1", "25566"},
       {"/settings/mounts/0/source", ""},
       {"/settings/egg/file_denylist/0", 1},
       {"/settings/labels/tier", 1},
       {"/process_configuration", "x"},
       {"/process_configuration/startup/done/0", 1},
       {"/process_configuration/startup/done", "Server started"},
       {"/process_configuration/stop/type", "kill"},
       {"/process_configuration/stop/value", 1},
       {"/process_configuration/configs/0", 1},
       {"/process_configuration/configs/0/parser", "toml"},
       {"/process_configuration/configs/0/file", ""},
       {"/process_configuration/configs/0/replace", "broken"},
       {"/process_configuration/configs/0/replace/1/match", 1},
       {"/process_configuration/configs/0/replace/1/if_value", 1}}));
  CAPTURE(pointer, value.dump());
  CHECK(wrong_fields(body_with(pointer, value)) == std::vector{pointer});
}

TEST_CASE("a missing member is right unless nothing works without it",
          "[http]") {
  const std::vector<std::string> needed{
      "/uuid",
      "/settings",
      "/settings/mounts/0/source",
      "/settings/mounts/0/target",
      "/process_configuration/configs/0/parser",
      "/process_configuration/configs/0/file",
      "/process_configuration/configs/0/replace",
      "/process_configuration/configs/0/replace/0/match",
      "/process_configuration/configs/0/replace/1/match"};
  std::vector<std::string> pointers;
  collect(whole(), "", pointers);
  for (const auto& pointer : pointers) {
    const json::json_pointer at{pointer};
    if (whole()[at.parent_pointer()].is_array())
      continue;
    CAPTURE(pointer);
    const bool is_needed =
        std::find(needed.begin(), needed.end(), pointer) != needed.end();
    const auto expected =
        is_needed ? std::vector{pointer} : std::vector<std::string>{};
    CHECK(wrong_fields(without(pointer)) == expected);
    // As Wings has it: null is absence. A map's null stays one.
    if (pointer.find("/environment/") == std::string::npos
        && pointer.find("/mappings/") == std::string::npos
        && pointer.find("/labels/") == std::string::npos)
      CHECK(wrong_fields(body_with(pointer, nullptr)) == expected);
  }
}

TEST_CASE("nulls do not reach the ledger", "[http]") {
  const auto read =
      read_server_body(body_with("/settings/suspended", nullptr).dump());
  REQUIRE(read);
  CHECK(json::parse(read->canonical) == without("/settings/suspended"));
}

TEST_CASE("keys match without regard to case and are stored exactly",
          "[http]") {
  const auto read = read_server_body(
      R"({"UUID":")" + uuid
      + R"(","Settings":{"Suspended":true,"Build":{"SWAP":5}}})");
  REQUIRE(read);
  CHECK(json::parse(read->canonical).at("settings")
        == json::parse(R"({"suspended":true,"build":{"swap":5}})"));
}

TEST_CASE("unknown members of the configuration are kept", "[http]") {
  auto body = body_with("/settings/next_year", json{{"a", nullptr}});
  body["ignored"] = 1;
  const auto read = read_server_body(body.dump());
  REQUIRE(read);
  const auto canonical = json::parse(read->canonical);
  CHECK(canonical["settings"]["next_year"] == json{{"a", nullptr}});
  CHECK_FALSE(canonical.contains("ignored"));
}

TEST_CASE("the uuid is a lower-case UUID of version 4", "[http]") {
  const auto text =
      GENERATE("3F1D3A0E-7A55-4C3C-9D4F-0A4F5C1F2B11",
               "3f1d3a0e-7a55-1c3c-9d4f-0a4f5c1f2b11",
               "3f1d3a0e-7a55-4c3c-cd4f-0a4f5c1f2b11",
               "3f1d3a0e7a554c3c9d4f0a4f5c1f2b11",
               "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b1", "", "../../etc");
  auto body = whole();
  body["uuid"] = text;
  body["settings"].erase("uuid");
  CHECK(wrong_fields(body) == std::vector<std::string>{"/uuid"});
}

TEST_CASE("the configuration belongs to the server of the uuid", "[http]") {
  CHECK(wrong_fields(
            body_with("/settings/uuid", "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b12"))
        == std::vector<std::string>{"/settings/uuid"});
}

TEST_CASE("without a Panel there is nobody else to ask", "[http]") {
  const auto read = read_server_body(R"({"uuid":")" + uuid + "\"}");
  REQUIRE_FALSE(read);
  REQUIRE(read.error().fields.size() == 1);
  CHECK(read.error().fields[0].pointer == "/settings");
  CHECK(read.error().fields[0].detail.find("no Panel") != std::string::npos);
}

TEST_CASE("everything wrong is told at once, up to a limit", "[http]") {
  auto body = body_with("/settings/suspended", 1);
  body["uuid"] = 5;
  body["process_configuration"]["stop"]["type"] = 1;
  CHECK(wrong_fields(body).size() == 3);
  for (int i = 0; i < 1'000; ++i)
    body["settings"]["mounts"].push_back(i);
  CHECK(wrong_fields(body).size() <= 52);
}

TEST_CASE("a pointer escapes what a key may hold", "[http]") {
  CHECK(wrong_fields(body_with("/settings/labels/a~1b~0c", 1))
        == std::vector<std::string>{"/settings/labels/a~1b~0c"});
}

TEST_CASE("a body that is no JSON object is malformed", "[http]") {
  const auto text =
      GENERATE("", "{", "[]", "7", "\"x\"", "{\"uuid\":\"\xff\"}");
  const auto read = read_server_body(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == jobs::fault_code::malformed);
}

TEST_CASE("with a Panel a create may name the server only", "[http]") {
  const auto text = R"({"uuid":")" + uuid + R"(","start_on_completion":true})";
  CHECK_FALSE(read_server_body(text));
  const auto read = read_server_body(text, true);
  REQUIRE(read);
  CHECK(json::parse(read->canonical)
        == json({{"uuid", uuid}, {"start_on_completion", true}}));
}
