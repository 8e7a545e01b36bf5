#include "remote/panel_answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula;
using namespace alula::remote;
using jobs::fault_code;
using nlohmann::json;
using verdict = jobs::delivery::verdict;

namespace {

const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
const std::string of_backup = "/backups/" + uuid;

std::string error_body(const std::string& detail) {
  return json{
      {"errors", {{{"code", "E"}, {"status", "4"}, {"detail", detail}}}}}
      .dump();
}

verdict judged(int status, const std::string& path = of_backup,
               const std::string& detail = "x") {
  return judge_delivery(path, {status, error_body(detail)}).is;
}

} // namespace

TEST_CASE("a success is a delivery", "[remote]") {
  for (const int status : {200, 202, 204})
    CHECK(judged(status) == verdict::delivered);
}

TEST_CASE("400 about a backup that is completed already is a delivery",
          "[remote]") {
  const std::string already =
      "Cannot update the status of a backup that is already marked as "
      "completed.";
  CHECK(judged(400, of_backup, already) == verdict::delivered);
  CHECK(judged(400, of_backup, "no upload_id present on model")
        == verdict::retry);
  CHECK(judged(400, "/servers/" + uuid + "/install", already)
        == verdict::retry);
  CHECK(judged(400, of_backup + "/restore", already) == verdict::retry);
}

TEST_CASE("a transfer settled by the other node is a delivery", "[remote]") {
  CHECK(judged(409, "/servers/" + uuid + "/transfer/success")
        == verdict::delivered);
}

TEST_CASE("409 about anything but a transfer is tried again", "[remote]") {
  for (const auto& path :
       {of_backup, of_backup + "/restore", "/servers/" + uuid + "/install",
        std::string{"/activity"}})
    CHECK(judged(409, path) == verdict::retry);
}

TEST_CASE("what a proxy says is never the last word", "[remote]") {
  const auto transfer = "/servers/" + uuid + "/transfer/success";
  for (const int status : {405, 409, 410, 413, 422})
    for (const auto* page : {"", "<html>413</html>", R"({"error":"no"})"})
      for (const auto& path : {of_backup, transfer})
        CHECK(judge_delivery(path, {status, page}).is == verdict::retry);
}

TEST_CASE("what may pass is tried again", "[remote]") {
  for (const int status :
       {301, 400, 401, 403, 408, 425, 429, 500, 502, 503, 504})
    CHECK(judged(status) == verdict::retry);
}

TEST_CASE("404 is of what the Panel has not in its own words only",
          "[remote]") {
  const std::string said =
      "The requested resource could not be found on the server.";
  for (const auto& path :
       {of_backup, of_backup + "/restore", "/servers/" + uuid + "/install",
        "/servers/" + uuid + "/transfer/failure"})
    CHECK(judged(404, path, said) == verdict::unknown);
  const auto bare = [](const std::string& code) {
    const json body{{"errors", {{{"code", code}, {"detail", ""}}}}};
    return judge_delivery(of_backup, {404, body.dump()}).is;
  };
  CHECK(bare("RecordNotFoundException") == verdict::unknown);
  // `remote` leads elsewhere, or the Panel is too old for the call.
  CHECK(bare("NotFoundHttpException") == verdict::retry);
  CHECK(judged(404, of_backup, "The route api/remote could not be found.")
        == verdict::retry);
  for (const auto* page : {"", "<html>404</html>", R"({"error":"no"})"})
    CHECK(judge_delivery(of_backup, {404, page}).is == verdict::retry);
}

TEST_CASE("what the Panel will never take is refused, and says why",
          "[remote]") {
  for (const int status : {405, 410, 413, 422})
    CHECK(judged(status) == verdict::refused);
  const auto said =
      judge_delivery(of_backup, {422, error_body("The size is required.")});
  CHECK(said.status == 422);
  CHECK(said.why == "HTTP 422: The size is required.");
  CHECK(judge_delivery(of_backup, {502, "<html>"}).why == "HTTP 502");
}

TEST_CASE("a page of servers is read, odd ones apart", "[remote]") {
  const json server{
      {"uuid", uuid},
      {"settings", {{"uuid", uuid}, {"suspended", true}}},
      {"process_configuration", {{"stop", {{"type", "command"}}}}}};
  json odd = server;
  odd["settings"] = 7;
  const json body{
      {"data", {server, odd, "text"}},
      {"meta", {{"current_page", 2}, {"last_page", 3}, {"from", nullptr}}}};
  const auto page = read_panel_page(body.dump());
  REQUIRE(page);
  CHECK(page->page == 2);
  CHECK(page->last_page == 3);
  REQUIRE(page->servers.size() == 1);
  CHECK(page->servers[0].uuid.view() == uuid);
  CHECK(json::parse(page->servers[0].config)
        == json{{"settings", server["settings"]},
                {"process_configuration", server["process_configuration"]}});
  CHECK(page->unreadable == std::vector<std::string>{uuid, ""});
}

TEST_CASE("what is no page of servers is told apart", "[remote]") {
  for (const auto* body :
       {"", "[]", "{}", "<html>", R"({"data":{},"meta":{}})",
        R"({"data":[],"meta":{}})", R"({"data":[],"meta":[]})",
        R"({"data":[],"meta":{"current_page":0,"last_page":1}})"})
    CHECK_FALSE(read_panel_page(body));
  CHECK(read_panel_page(
      R"({"data":[],"meta":{"current_page":1,"last_page":1}})"));
}

TEST_CASE("a server without a process configuration has an empty one",
          "[remote]") {
  const auto server = read_panel_server(R"({"settings":{"uuid":")" + uuid
                                        + R"("},"process_configuration":[]})");
  REQUIRE(server);
  CHECK(json::parse(server->config).at("process_configuration")
        == json::object());
  CHECK_FALSE(read_panel_server(R"({"settings":{"uuid":"../.."}})"));
}

TEST_CASE("an install script has unix line ends and may be null", "[remote]") {
  const auto script = read_install_script(
      R"({"container_image":"i","entrypoint":"bash","script":"a\r\nb\rc\n"})");
  REQUIRE(script);
  CHECK(script->image == "i");
  CHECK(script->entrypoint == "bash");
  CHECK(script->script == "a\nb\rc\n");
  CHECK(read_install_script(R"({"container_image":"i","script":null})")
            ->script.empty());
  CHECK_FALSE(read_install_script("{}"));
}

TEST_CASE("an upload plan has URLs and a part size", "[remote]") {
  const auto plan = read_upload_plan(
      R"({"parts":["https://a/1","https://a/2"],"part_size":5368709120})");
  REQUIRE(plan);
  CHECK(plan->urls.size() == 2);
  CHECK(plan->part_size == 5'368'709'120);
  for (const auto* body :
       {"{}", R"({"parts":[],"part_size":1})", R"({"parts":["u"]})",
        R"({"parts":[1],"part_size":1})", R"({"parts":["u"],"part_size":-1})"})
    CHECK_FALSE(read_upload_plan(body));
}

TEST_CASE("an error says what the Panel said, and no more than 300 bytes",
          "[remote]") {
  CHECK(panel_detail(error_body("No.")) == "No.");
  CHECK(panel_detail(R"({"errors":[{"code":"C"}]})") == "C");
  for (const auto* body : {"", "[]", "{}", R"({"errors":[]})",
                           R"({"errors":[7]})", R"({"errors":{"a":1}})"})
    CHECK(panel_detail(body).empty());
  std::string long_one(299, 'a');
  long_one += "é and more";
  CHECK(panel_detail(error_body(long_one)) == std::string(299, 'a'));
}

TEST_CASE("no secret that the Panel quotes is told on", "[remote]") {
  const auto link = "cannot sign https://s3.example/b/o?X-Amz-Signature=ab12";
  const auto said = judge_delivery(of_backup, {422, error_body(link)});
  CHECK(said.why == "HTTP 422: cannot sign https://s3.example/b/o?(hidden)");
  // Also where it would be cut.
  const auto late = panel_detail(
      error_body(std::string(290, '.') + " " + std::string(40, '7')));
  CHECK(late == std::string(290, '.') + " (hidden)");
  CHECK_THAT(panel_fault(http_answer{422, error_body(link)}, "POST /x").what,
             !Catch::Contains("ab12"));
}

TEST_CASE("faults tell a no from a not now", "[remote]") {
  const auto code = [](int status) {
    return panel_fault(http_answer{status, {}}, "GET /x").code;
  };
  for (const int status : {400, 401, 403, 404, 422})
    CHECK(code(status) == fault_code::panel_refused);
  for (const int status : {301, 408, 429, 500, 503})
    CHECK(code(status) == fault_code::panel_unavailable);
  CHECK_THAT(panel_fault(http_answer{302, {}}, "GET /x").what,
             Catch::Contains("final URL"));
  CHECK(panel_fault(http_error{http_failure::stopped, 0, {}}, "GET /x").code
        == fault_code::interrupted);
}
