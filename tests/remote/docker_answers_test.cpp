#include "remote/docker_answers.hpp"

#include <catch2/catch.hpp>

using namespace alula::remote;
using alula::jobs::fault_code;

namespace {

const std::string running = R"({"Id":"5b75","Created":"2026-11-20T18:54:00Z",
  "Path":"/game","Args":[],"State":{"Status":"running","Running":true,
  "Paused":false,"Restarting":false,"Pid":12,
  "StartedAt":"2026-11-20T18:54:12.387937454Z",
  "FinishedAt":"0001-01-01T00:00:00Z"},"Name":"/the-name",
  "Mounts":[{"Type":"bind","Name":"x"}],"Config":{"Labels":{"a":"b"}}})";

http_answer says(int status, const std::string& message) {
  return {status, R"({"message":")" + message + "\"}\n"};
}

} // namespace

TEST_CASE("an inspected container is read", "[remote]") {
  const auto info = read_container(running);
  REQUIRE(info);
  CHECK(info->id == "5b75");
  CHECK(info->name == "the-name");
  CHECK(info->status == "running");
  CHECK(info->running);
  CHECK(info->started_at == 1'795'200'852'387);
}

TEST_CASE("how the last run of a container ended is read", "[remote]") {
  const auto info = read_container(R"({"Id":"5b","Name":"/x",
    "Image":"sha256:ab","State":{"Status":"exited","Running":false,
    "OOMKilled":true,"ExitCode":137,"Error":"no such file",
    "FinishedAt":"2026-11-20T18:54:12Z"},
    "Config":{"Image":"games/mine:1","Labels":{"a":"b","n":1}}})");
  REQUIRE(info);
  CHECK(info->exit_code == 137);
  CHECK(info->oom_killed);
  CHECK(info->error == "no such file");
  CHECK(info->finished_at == 1'795'200'852'000);
  CHECK(info->image == "games/mine:1");
  CHECK(info->image_id == "sha256:ab");
  CHECK(info->labels == std::map<std::string, std::string>{{"a", "b"}});
}

TEST_CASE("what is not a container is not read as one", "[remote]") {
  for (const std::string text :
       {"", "null", "[]", "{}", "garbage", "\xff\xfe",
        "{\"Id\":", R"({"Id":5,"Name":"/a","State":{}})",
        R"({"Id":"5b","Name":"/a","State":[]})",
        R"({"Id":"5b","Name":null,"State":{}})",
        R"({"Id":"5b","Name":"/a"})"}) {
    INFO(text);
    CHECK_FALSE(read_container(text));
  }
  // Deeper than a stack, were each level a call.
  CHECK_FALSE(read_container(std::string(200'000, '[')));
  CHECK_FALSE(read_container("{\"Id\":" + std::string(200'000, '[')));
}

TEST_CASE("a list is read with names, states and labels", "[remote]") {
  const auto list = read_containers(R"([
    {"Id":"aa","Names":["/other/alias","/one"],"State":"running",
     "Labels":{"k":"v","empty":""},"Ports":[{"PrivatePort":1}]},
    {"Id":"bb","Names":["/two"],"State":"exited","Labels":null},
    {"Id":"cc","Names":null,"State":"paused"}])");
  REQUIRE(list);
  REQUIRE(list->size() == 3);
  CHECK(list->at(0).name == "one");
  CHECK(list->at(0).running);
  CHECK(has_label(list->at(0), "k=v"));
  CHECK(has_label(list->at(0), "k"));
  CHECK(has_label(list->at(0), "empty="));
  CHECK_FALSE(has_label(list->at(0), "k=vv"));
  CHECK_FALSE(has_label(list->at(0), "k="));
  CHECK(list->at(1).status == "exited");
  CHECK_FALSE(list->at(1).running);
  CHECK(list->at(2).running);
  CHECK(read_containers("[]")->empty());
}

TEST_CASE("what is not a list is not read as one", "[remote]") {
  for (const std::string text :
       {"", "{}", "null", "[1]", "[{}]", R"([{"Id":7}])", "[{\"Id\":\"a\"}"}) {
    INFO(text);
    CHECK_FALSE(read_containers(text));
  }
}

TEST_CASE("times are read with fractions and offsets", "[remote]") {
  CHECK(read_time("1970-01-01T00:00:00Z") == 0);
  CHECK(read_time("2026-11-20T18:54:12Z") == 1'795'200'852'000);
  CHECK(read_time("2026-11-20T18:54:12.5Z") == 1'795'200'852'500);
  CHECK(read_time("2026-11-20T20:54:12.5+02:00") == 1'795'200'852'500);
  CHECK(read_time("2026-11-20T13:24:12-05:30") == 1'795'200'852'000);
  CHECK(read_time("0001-01-01T00:00:00Z") == 0);
  CHECK(read_time("2026-13-20T18:54:12Z") == 0);
  CHECK(read_time("2026-11-20T18:54:12") == 0);
  CHECK(read_time("yesterday") == 0);
  CHECK(read_time("") == 0);
}

TEST_CASE("a range of API versions is read", "[remote]") {
  const auto range =
      read_api_range(R"({"ApiVersion":"1.51","MinAPIVersion":"1.24"})");
  REQUIRE(range);
  CHECK(range->oldest == 1'024);
  CHECK(range->newest == 1'051);
  CHECK(read_api_range(R"({"ApiVersion":"1.41"})")->oldest == 1'041);
  CHECK_FALSE(read_api_range(R"({"ApiVersion":"1.x"})"));
  CHECK_FALSE(read_api_range(R"({"ApiVersion":"1"})"));
  CHECK_FALSE(read_api_range(R"({"ApiVersion":"1.99999999999"})"));
  CHECK_FALSE(read_api_range("[]"));
}

TEST_CASE("dockerd's sentence becomes one short line", "[remote]") {
  CHECK(message_of(says(500, "a\\nb")) == "a b");
  CHECK(message_of({400, "client version 1.1 is too old.\n"})
        == "client version 1.1 is too old.");
  CHECK(message_of({500, std::string(10'000, 'x')}).size() == 400);
  CHECK(message_of({500, ""}).empty());
}

TEST_CASE("only dockerd's own 404 means that a container is gone", "[remote]") {
  CHECK(is_missing(says(404, "No such container: x")));
  CHECK(is_missing(says(404, "no container with name x: no such container")));
  CHECK_FALSE(is_missing(says(404, "page not found")));
  CHECK_FALSE(is_missing({404, "<html>Not Found</html>"}));
  CHECK_FALSE(is_missing(says(500, "No such container: x")));
}

TEST_CASE("a container says what stops it, or SIGTERM does", "[remote]") {
  CHECK(read_stop_signal(R"({"Id":"a","Config":{"StopSignal":"SIGQUIT"}})")
        == "SIGQUIT");
  CHECK(read_stop_signal(R"({"Config":{"StopSignal":""}})") == "SIGTERM");
  CHECK(read_stop_signal(R"({"Config":{"StopSignal":9}})") == "SIGTERM");
  CHECK(read_stop_signal(R"({"Config":null})") == "SIGTERM");
  CHECK(read_stop_signal("") == "SIGTERM");
}

TEST_CASE("the kind of fault follows dockerd's words", "[remote]") {
  const auto code = [](int status, const char* message) {
    return fault_of(says(status, message), "DELETE /x").code;
  };
  CHECK(code(409, "removal of container x is already in progress")
        == fault_code::container_busy);
  CHECK(code(500, "unlinkat /var/lib/docker/x: device or resource busy")
        == fault_code::container_busy);
  CHECK(code(500, "driver failed") == fault_code::container_busy);
  CHECK(code(409, "could not kill: tried to kill container, but did not "
                  "receive an exit event")
        == fault_code::container_busy);
  CHECK(code(500, "connection error: desc = transport: dial unix")
        == fault_code::docker_unavailable);
  CHECK(code(503, "anything") == fault_code::docker_unavailable);
  CHECK(code(403, "authorization denied by plugin")
        == fault_code::docker_refused);
  CHECK(code(409, "conflict") == fault_code::docker_refused);
  const auto fault = fault_of(says(403, "denied by plugin"), "DELETE /x");
  CHECK(fault.what == "dockerd answered 403: denied by plugin");
  CHECK(fault.where == "DELETE /x");
  CHECK(fault_of({500, ""}, "").what
        == "dockerd answered 500: no reason given");
}
