#include "remote/panel_client.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <future>
#include <thread>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;
using Catch::Contains;
using jobs::fault_code;
using nlohmann::json;
using double_of = scripted_dockerd;
using verdict = jobs::delivery::verdict;

namespace {

const auto server =
    *jobs::server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
const auto backup =
    *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001");

/// A Panel that answers as it is told.
struct scripted_panel {
  scripted_panel() {
    settings.access = {"http://127.0.0.1:" + std::to_string(peer.port()),
                       "AbCdEfGhIjKlMnOp", "sesame"};
    settings.version = "9.9";
  }
  panel_client& client() {
    if (!made)
      made = std::make_unique<panel_client>(settings);
    return *made;
  }
  std::string head(std::size_t index = 0) {
    return peer.requests().at(index).head;
  }

  double_of peer{double_of::transport::tcp};
  panel_client_settings settings;
  std::unique_ptr<panel_client> made;
};

std::string found() {
  return json{{"settings", {{"uuid", server.view()}}},
              {"process_configuration", json::object()}}
      .dump();
}

std::string missing() {
  return R"({"errors":[{"code":"NotFound","status":"404","detail":"no such"}]})";
}

} // namespace

TEST_CASE("every call says who asks and what it understands", "[remote]") {
  scripted_panel p;
  p.peer.on("GET /api/remote/servers/", {double_of::answers(200, found())});
  const auto got = p.client().find_server(server, {});
  REQUIRE(got);
  CHECK(got->uuid == server);
  CHECK(p.peer.journal()
        == std::vector<std::string>{"GET /api/remote/servers/"
                                    + server.to_string()});
  const auto head = p.head();
  CHECK_THAT(head, Contains("\r\nAuthorization: Bearer AbCdEfGhIjKlMnOp."
                            "sesame"));
  CHECK_THAT(head, Contains("\r\nAccept: application/vnd.pterodactyl.v1+json"));
  CHECK_THAT(head, Contains("\r\nContent-Type: application/json"));
  CHECK_THAT(head, Contains("\r\nUser-Agent: Pterodactyl Wings/v9.9 "
                            "(id:AbCdEfGhIjKlMnOp)"));
}

TEST_CASE("one slash behind the Panel's URL does not matter", "[remote]") {
  scripted_panel p;
  p.settings.access.url += '/';
  p.peer.on("POST /api/remote/servers/reset", {double_of::answers(204)});
  CHECK(p.client().reset_servers({}));
  CHECK(p.peer.requests().at(0).body == "null");
}

TEST_CASE("pages are asked for in the configured size", "[remote]") {
  scripted_panel p;
  p.settings.servers_per_page = 7;
  p.peer.on(
      "GET /api/remote/servers?page=3&per_page=7",
      {double_of::answers(
          200, R"({"data":[],"meta":{"current_page":3,"last_page":9}})")});
  const auto page = p.client().list_servers(3, {});
  REQUIRE(page);
  CHECK(page->last_page == 9);
}

TEST_CASE("a failing Panel is asked once, and the fault says where it is",
          "[remote]") {
  scripted_panel p;
  const auto address =
      "asked at http://(hidden)@127.0.0.1:" + std::to_string(p.peer.port());
  p.settings.access.url.insert(7, "someone:sesame@");
  std::string why;
  SECTION("it answers with an error") {
    p.peer.on("GET /api", {double_of::answers(503, "<html>")});
    const auto got = p.client().find_server(server, {});
    REQUIRE_FALSE(got);
    CHECK(p.peer.requests().size() == 1);
    CHECK(got.error().code == fault_code::panel_unavailable);
    why = got.error().what;
  }
  SECTION("it cuts the connection") {
    p.peer.on("GET /api", {double_of::cuts_after("")});
    const auto got = p.client().find_server(server, {});
    REQUIRE_FALSE(got);
    CHECK(got.error().code == fault_code::panel_unavailable);
    why = got.error().what;
  }
  CHECK_THAT(why, Contains(address));
  CHECK_THAT(why, !Contains("sesame"));
}

TEST_CASE("a no is final, and says what the Panel says", "[remote]") {
  scripted_panel p;
  const auto asks = [&] { return p.client().find_server(server, {}); };
  SECTION("not known there") {
    p.peer.on("GET /api", {double_of::answers(404, missing())});
    CHECK(asks().error().code == fault_code::server_not_found);
  }
  SECTION("another thing than the Panel does not know the page") {
    p.peer.on("GET /api", {double_of::answers(404, "<html>not found</html>")});
    CHECK(asks().error().code == fault_code::panel_unavailable);
  }
  SECTION("not allowed") {
    p.peer.on("GET /api",
              {double_of::answers(
                  403, R"({"errors":[{"detail":"not authorized"}]})")});
    CHECK(asks().error().code == fault_code::panel_refused);
    CHECK_THAT(asks().error().what, Contains("not authorized"));
    CHECK_THAT(asks().error().what, !Contains("sesame"));
  }
  SECTION("too many, which nobody is to make worse") {
    p.peer.on("GET /api", {double_of::answers(429)});
    CHECK(asks().error().code == fault_code::panel_unavailable);
  }
  const auto asked = p.peer.requests().size();
  CHECK(asked <= 3);
}

TEST_CASE("who asks at once asks once, and not for long", "[remote]") {
  scripted_panel p;
  p.settings.brief_limit = 1s;
  SECTION("of a Panel that fails") {
    p.peer.on("GET /api", {double_of::answers(500)});
  }
  SECTION("of a Panel that hangs") {
    p.peer.on("GET /api", {double_of::hangs()});
  }
  const auto got = p.client().find_server_at_once(server, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::panel_unavailable);
  CHECK(p.peer.requests().size() == 1);
}

TEST_CASE("an answer that does not come in time is not asked for again",
          "[remote]") {
  scripted_panel p;
  p.settings.limit = 1s;
  p.peer.on("GET /api", {double_of::hangs()});
  CHECK(p.client().find_server(server, {}).error().code
        == fault_code::panel_unavailable);
  CHECK(p.peer.requests().size() == 1);
}

TEST_CASE("a call ends at once when it is asked to stop", "[remote]") {
  scripted_panel p;
  std::stop_source stop;
  p.peer.on("GET /api", {double_of::hangs()});
  auto& client = p.client();
  auto got = std::async(std::launch::async, [&] {
    return client.find_server(server, stop.get_token());
  });
  REQUIRE(p.peer.saw("GET /api"));
  stop.request_stop();
  REQUIRE(got.wait_for(10s) == std::future_status::ready);
  CHECK(got.get().error().code == fault_code::interrupted);
}

TEST_CASE("an answer that is none is a Panel that is not there", "[remote]") {
  scripted_panel p;
  p.peer.on("GET /api", {double_of::answers(200, "<html>login</html>")});
  for (const auto& why : {p.client().find_server(server, {}).error(),
                          p.client().list_servers(1, {}).error(),
                          p.client().find_install_script(server, {}).error(),
                          p.client().plan_upload(backup, 5, {}).error()}) {
    CHECK(why.code == fault_code::panel_unavailable);
    CHECK_THAT(why.what, Contains("no Panel"));
  }
}

TEST_CASE("an upload plan is asked for with the size", "[remote]") {
  scripted_panel p;
  p.peer.on("GET /api/remote/backups/" + backup.to_string() + "?size=77",
            {double_of::answers(200, R"({"parts":["u"],"part_size":9})")});
  CHECK(p.client().plan_upload(backup, 77, {})->urls.size() == 1);
  p.peer.on("GET /api/remote/backups/", {double_of::answers(404, missing())});
  CHECK(p.client().plan_upload(backup, 8, {}).error().code
        == fault_code::backup_not_found);
}

TEST_CASE("only the Panel's own words say whether it has a backup",
          "[remote]") {
  scripted_panel p;
  const auto ask = [&](int status, const std::string& body) {
    p.peer.on("GET /api/remote/backups/" + backup.to_string() + "?size=1",
              {double_of::answers(status, body)});
    return p.client().knows_backup(backup, {});
  };
  const auto says = [](int status, const std::string& detail) {
    return R"({"errors":[{"code":"SomeException","status":")"
           + std::to_string(status) + R"(","detail":")" + detail + "\"}]}";
  };
  SECTION("it has it") {
    CHECK(ask(409, says(409, "This backup is already in a completed state."))
              .value());
    CHECK(ask(200, R"({"parts":["u"],"part_size":9})").value());
  }
  SECTION("it has none such") {
    CHECK_FALSE(ask(404, missing()).value());
  }
  SECTION("it says neither") {
    CHECK(ask(404, "<html>nothing here</html>").error().code
          == fault_code::panel_unavailable);
    CHECK_FALSE(ask(404, says(404, "The route api could not be found.")));
    CHECK_FALSE(ask(409, "<html>conflict</html>"));
    CHECK_FALSE(ask(200, "<html>welcome</html>"));
    CHECK_FALSE(ask(400, says(400, "The token is malformed.")));
    CHECK(ask(403, says(403, "no")).error().code == fault_code::panel_refused);
    CHECK(ask(500, says(500, "Class not found.")).error().code
          == fault_code::panel_unavailable);
  }
}

TEST_CASE("a report is tried once, and told what became of it", "[remote]") {
  scripted_panel p;
  const auto path = "/backups/" + backup.to_string();
  const auto send = [&] {
    return p.client().deliver("POST", path, R"({"successful":true})", {});
  };
  SECTION("taken") {
    p.peer.on("POST /api/remote" + path, {double_of::answers(204)});
    const auto said = send();
    CHECK(said.is == verdict::delivered);
    CHECK(said.status == 204);
    CHECK(p.peer.requests().at(0).body == R"({"successful":true})");
  }
  SECTION("not now") {
    p.peer.on("POST /api", {double_of::answers(500)});
    CHECK(send().is == verdict::retry);
  }
  SECTION("never") {
    p.peer.on("POST /api", {double_of::answers(422, missing())});
    CHECK(send().is == verdict::refused);
  }
  CHECK(p.peer.requests().size() == 1);
}

TEST_CASE("a report that reaches nobody waits, and names no secret",
          "[remote]") {
  scripted_panel p;
  p.settings.access.url = "http://127.0.0.1:1";
  const auto said = p.client().deliver("POST", "/servers/reset", "{}", {});
  CHECK(said.is == verdict::retry);
  CHECK(said.status == 0);
  CHECK_THAT(said.why, Contains("cannot be reached"));
  CHECK_THAT(said.why, !Contains("sesame"));
}

TEST_CASE("new credentials count from the next call on", "[remote]") {
  scripted_panel p;
  p.peer.on("POST /api", {double_of::answers(204)});
  REQUIRE(p.client().reset_servers({}));
  auto access = p.settings.access;
  access.token = "other";
  p.client().change_access(access);
  REQUIRE(p.client().reset_servers({}));
  CHECK_THAT(p.head(1), Contains("AbCdEfGhIjKlMnOp.other"));
}

TEST_CASE("a node without URL or token has no Panel", "[remote]") {
  scripted_panel p;
  CHECK(p.client().is_configured());
  p.client().change_access({"", "id", "token"});
  CHECK_FALSE(p.client().is_configured());
  p.client().change_access({"http://p", "", "token"});
  CHECK_FALSE(p.client().is_configured());
  p.client().change_access({"http://p", "id", ""});
  CHECK_FALSE(p.client().is_configured());
}
