#include "tests/http/door_world.hpp"

#include <atomic>
#include <optional>
#include <set>

using namespace alula;
using namespace alula::http;

TEST_CASE("a connection serves request after request", "[http][door]") {
  door_world w;
  auto client = w.client();
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    const auto answer = client.ask(get("/poll"));
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "polled");
    CHECK(answer->header("Connection") == "keep-alive");
    ids.insert(answer->header("X-Request-Id"));
  }
  CHECK(ids.size() == 50);
}

TEST_CASE("an answer has each of the door's headers once", "[http][door]") {
  auto settings = door_world::make_settings();
  settings.cross_origin = {"https://panel.example", {}};
  door_world w{std::move(settings)};
  const auto answer =
      w.client().ask(get("/poll", "X-Request-Id: of-the-client\r\n"));
  REQUIRE(answer);
  for (const auto* name :
       {"Date", "X-Request-Id", "Cache-Control", "Content-Length", "Connection",
        "Content-Type", "User-Agent", "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers", "Access-Control-Max-Age"}) {
    INFO(name);
    CHECK(answer->count(name) == 1);
  }
  CHECK(answer->header("X-Request-Id").size() == 36);
  CHECK(answer->header("Cache-Control") == "no-store");
  CHECK(answer->count("Server") == 0);
}

TEST_CASE("pipelined requests are answered in order", "[http][door]") {
  door_world w;
  auto client = w.client();
  std::string all;
  for (int i = 0; i < 30; ++i)
    all += get("/status/" + std::to_string(400 + i));
  client.send(all);
  for (int i = 0; i < 30; ++i) {
    const auto answer = client.read_answer();
    REQUIRE(answer);
    CHECK(answer->status == 400 + i);
  }
}

TEST_CASE("the parts of a request reach the handler", "[http][door]") {
  door_world w;
  const auto answer =
      w.client().ask(get("/items/a%2Fb/%C3%A4?q=x+y&q=2", bearer));
  REQUIRE(answer);
  CHECK(answer->body == "a/b|\xC3\xA4|x y|node|127.0.0.1");
  CHECK(w.client().ask(get("http://node/poll"))->status == 200);
}

TEST_CASE("who has no token learns nothing", "[http][door]") {
  door_world w;
  for (const auto* headers :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: secret\r\n",
        "Authorization: Basic c2VjcmV0\r\n"}) {
    for (const auto* path :
         {"/items/a/b", "/unknown", "/echo", "/items/%zz/b"}) {
      INFO(headers << path);
      const auto answer = w.client().ask(get(path, headers));
      REQUIRE(answer);
      CHECK(answer->status == 401);
      CHECK(answer->header("WWW-Authenticate") == "Bearer");
      CHECK(answer->header("Content-Type") == "application/problem+json");
    }
  }
}

TEST_CASE("with the token paths and methods are told apart", "[http][door]") {
  door_world w;
  CHECK(w.client().ask(get("/unknown", bearer))->status == 404);
  CHECK(w.client().ask(get("/items/%zz/b", bearer))->status == 400);
  const auto answer = w.client().ask(get("/echo", bearer));
  CHECK(answer->status == 405);
  CHECK(answer->header("Allow") == "OPTIONS, POST");
}

TEST_CASE("OPTIONS is 204 on every path", "[http][door]") {
  door_world w;
  auto client = w.client();
  for (const auto* path : {"/echo", "/unknown", "*"}) {
    const auto answer = client.ask("OPTIONS " + std::string{path}
                                   + " HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(answer);
    CHECK(answer->status == 204);
    CHECK(answer->count("Content-Length") == 0);
    CHECK(answer->count("Access-Control-Allow-Methods") == 1);
  }
}

TEST_CASE("HEAD has no body and the connection goes on", "[http][door]") {
  door_world w;
  auto client = w.client();
  const auto answer = client.ask("HEAD /poll HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->header("Content-Length") == "6");
  CHECK(client.pending().empty());
  CHECK(client.ask(get("/poll"))->body == "polled");
  // It is not served where only GET is routed.
  CHECK(client
            .ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
                 + "\r\n")
            ->status
        == 405);
}

TEST_CASE("204 and 304 leave the connection in step", "[http][door]") {
  door_world w;
  auto client = w.client();
  CHECK(client.ask(get("/status/204"))->status == 204);
  CHECK(client.ask(get("/status/304"))->status == 304);
  CHECK(client.ask(get("/poll"))->body == "polled");
}

TEST_CASE("the client decides how long the connection lives", "[http][door]") {
  door_world w;
  SECTION("Connection: close") {
    auto client = w.client();
    const auto answer = client.ask(get("/poll", "Connection: close\r\n"));
    CHECK(answer->header("Connection") == "close");
    CHECK(client.has_ended());
  }
  SECTION("HTTP/1.0") {
    auto client = w.client();
    const auto answer = client.ask("GET /poll HTTP/1.0\r\n\r\n");
    CHECK(answer->body == "polled");
    CHECK(client.has_ended());
  }
  SECTION("HTTP/1.0 with keep-alive") {
    auto client = w.client();
    const std::string request =
        "GET /poll HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    CHECK(client.ask(request)->header("Connection") == "keep-alive");
    CHECK(client.ask(request)->status == 200);
  }
}

TEST_CASE("a throwing handler is a 500 and nothing else", "[http][door]") {
  door_world w;
  auto client = w.client();
  for (const auto* path : {"/throw", "/throw-int"}) {
    const auto answer = client.ask(get(path));
    REQUIRE(answer);
    CHECK(answer->status == 500);
    CHECK(answer->body.find("\"code\":\"internal\"") != std::string::npos);
    CHECK(answer->body.find("boom") == std::string::npos);
  }
  CHECK(client.ask(get("/poll"))->status == 200);
}

TEST_CASE("a dropped exchange is a 500", "[http][door]") {
  door_world w;
  auto client = w.client();
  CHECK(client.ask(get("/drop"))->status == 500);
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  w.take_held().reset();
  CHECK(client.read_answer()->status == 500);
  CHECK(client.ask(get("/poll"))->status == 200);
}

TEST_CASE("another thread may answer, once", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  const auto to = w.take_held();
  to->reply({200, {}, "first"});
  to->reply({200, {}, "second"});
  CHECK(to->start_stream({200, {}, {}}) == nullptr);
  CHECK(client.read_answer()->body == "first");
  CHECK(client.ask(get("/poll"))->body == "polled");
}

TEST_CASE("a large answer arrives whole", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  std::string body(5'000'000, 'x');
  body.back() = 'y';
  w.take_held()->reply({200, {}, body});
  CHECK(client.read_answer()->body == body);
}

TEST_CASE("bodies come with a length or in chunks", "[http][door]") {
  door_world w;
  auto client = w.client();
  const std::string large(1'000'000, 'b');
  CHECK(client.ask(post("/echo", large))->body == large);
  CHECK(client.ask(post("/echo", ""))->body.empty());
  CHECK(client
            .ask("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
                 + "Transfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n")
            ->body
        == "hello world");
}

TEST_CASE("an upgrade nobody wants is answered and closed", "[http][door]") {
  door_world w;
  auto client = w.client();
  // What `curl --http2` sends.
  const auto answer = client.ask(
      get("/poll", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                   "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"));
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->header("Connection") == "close");
  CHECK(client.has_ended());
  auto tunnel = w.client();
  CHECK(tunnel.ask("CONNECT host:1 HTTP/1.1\r\nHost: a\r\n\r\n")->status
        == 401);
  CHECK(tunnel.has_ended());
}

TEST_CASE("a handler cannot forge lines of the head", "[http][door]") {
  door_world w;
  const auto answer = w.client().ask(get("/inject"));
  REQUIRE(answer);
  CHECK(answer->count("X-Evil") == 0);
  CHECK(answer->header("Content-Length") == "1");
}

TEST_CASE("the gate is asked before all but whether the node lives",
          "[http][door]") {
  auto settings = door_world::make_settings();
  std::atomic<bool> open{false};
  settings.gate = [&open](const request&) -> std::optional<jobs::fault> {
    if (open)
      return std::nullopt;
    return jobs::fault{jobs::fault_code::starting, "replaying the journal"};
  };
  door_world w{std::move(settings)};
  auto client = w.client();
  CHECK(client.ask(get("/healthz"))->status == 200);
  CHECK(client.ask(get("/readyz"))->status == 503);
  const auto answer = client.ask(get("/poll"));
  CHECK(answer->status == 503);
  CHECK(answer->header("Retry-After") == "1");
  CHECK(answer->body.find("replaying the journal") != std::string::npos);
  // A stranger is not told what the node is doing.
  CHECK(client.ask(get("/items/a/b"))->status == 401);
  open = true;
  CHECK(client.ask(get("/readyz"))->status == 200);
  CHECK(client.ask(get("/poll"))->status == 200);
}

TEST_CASE("a new token counts for the next request", "[http][door]") {
  door_world w;
  auto client = w.client();
  w.door->set_token("other");
  CHECK(client.ask(get("/items/a/b", bearer))->status == 401);
  CHECK(client.ask(get("/items/a/b", "Authorization: Bearer other\r\n"))->status
        == 200);
}

TEST_CASE("a taken port is a fault that names it", "[http][door]") {
  door_world w;
  auto settings = door_world::make_settings();
  settings.port = w.door->port();
  server second{std::move(settings), {}};
  const auto started = second.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().what.find(std::to_string(w.door->port()))
        != std::string::npos);
}

TEST_CASE("an unusable host is a fault", "[http][door]") {
  auto settings = door_world::make_settings();
  settings.host = "no such host";
  server one{std::move(settings), {}};
  CHECK_FALSE(one.start());
}
