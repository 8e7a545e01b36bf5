#include "tests/http/door_world.hpp"

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

door_world with(void (*change)(door_limits&)) {
  auto settings = door_world::make_settings();
  change(settings.limits);
  return door_world{std::move(settings)};
}

/// Refused with this status and code, then closed; the door serves on.
void expect_refusal(door_world& w, std::string_view request, int status,
                    std::string_view code) {
  auto client = w.client();
  client.send(request);
  const auto answer = client.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == status);
  CHECK(answer->header("Content-Type") == "application/problem+json");
  CHECK(answer->header("Connection") == "close");
  CHECK(answer->header("X-Request-Id").size() == 36);
  CHECK(answer->body.find("\"code\":\"" + std::string{code} + "\"")
        != std::string::npos);
  client.half_close();
  CHECK(client.has_ended());
  CHECK_FALSE(client.was_reset());
  CHECK(w.client().ask(get("/poll"))->status == 200);
}

} // namespace

TEST_CASE("a 100 KB URL is 414", "[http][door]") {
  door_world w;
  expect_refusal(w, get("/" + std::string(100'000, 'a')), 414, "uri-too-long");
  expect_refusal(w, get("/poll?" + std::string(100'000, 'a')), 414,
                 "uri-too-long");
  CHECK(w.client().ask(get("/poll?" + std::string(7'000, 'a')))->status == 200);
}

TEST_CASE("a URL of slashes as long as allowed is a 404", "[http][door]") {
  door_world w;
  CHECK(w.client().ask(get(std::string(7'999, '/'), bearer))->status == 404);
}

TEST_CASE("too much head is 431", "[http][door]") {
  door_world w;
  expect_refusal(w, get("/poll", "A: " + std::string(100'000, 'a') + "\r\n"),
                 431, "headers-too-large");
  std::string many;
  for (int i = 0; i < 5'000; ++i)
    many += "A" + std::to_string(i) + ": b\r\n";
  expect_refusal(w, get("/poll", many), 431, "headers-too-large");
  CHECK(w.client()
            .ask(get("/poll", "A: " + std::string(50'000, 'a') + "\r\n"))
            ->status
        == 200);
}

TEST_CASE("too much body is 413 before it is sent", "[http][door]") {
  door_world w;
  expect_refusal(w,
                 "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
                     + "Content-Length: 9000000\r\n\r\n",
                 413, "body-too-large");
  expect_refusal(w,
                 "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
                     + "Content-Length: 99999999999999999999\r\n\r\n",
                 400, "malformed");
}

TEST_CASE("a sender of too much body reads the 413", "[http][door]") {
  door_world w;
  expect_refusal(w, post("/echo", std::string(12'000'000, 'x')), 413,
                 "body-too-large");
}

TEST_CASE("too much body in chunks is 413", "[http][door]") {
  auto w = with([](door_limits& limits) { limits.body = 100'000; });
  std::string chunks;
  for (int i = 0; i < 30; ++i)
    chunks += "1000\r\n" + std::string(4'096, 'x') + "\r\n";
  expect_refusal(w,
                 "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
                     + "Transfer-Encoding: chunked\r\n\r\n" + chunks,
                 413, "body-too-large");
}

TEST_CASE("a stranger's body is held to 64 KiB", "[http][door]") {
  door_world w;
  CHECK(w.client().ask(post("/open-echo", std::string(65'536, 'x'), ""))->status
        == 200);
  expect_refusal(w, post("/open-echo", std::string(65'537, 'x'), ""), 413,
                 "body-too-large");
  CHECK(w.client().ask(post("/open-echo", std::string(65'537, 'x')))->status
        == 200);
}

TEST_CASE("all bodies together are bounded", "[http][door]") {
  auto w = with([](door_limits& limits) { limits.all_bodies = 1'000; });
  auto holder = w.client();
  holder.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
              + "Content-Length: 900\r\n\r\nx");
  // The door has seen it once it says so to somebody else.
  raw_client other = w.client();
  const auto answer = [&] {
    for (int i = 0; i < 1'000; ++i) {
      auto client = w.client();
      client.send(post("/echo", std::string(200, 'x')));
      auto got = client.read_answer();
      if (got && got->status != 200)
        return got;
    }
    return std::optional<doubles::raw_answer>{};
  }();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->count("Retry-After") == 1);
  holder.send(std::string(899, 'x'));
  CHECK(holder.read_answer()->status == 200);
  holder.close();
  CHECK(w.wait_count([](const auto& count) { return count.connections <= 1; }));
  CHECK(other.ask(post("/echo", std::string(900, 'x')))->status == 200);
}

TEST_CASE("what is no HTTP is 400", "[http][door]") {
  door_world w;
  expect_refusal(w, "\x16\x03\x01\x02", 400, "malformed");
  expect_refusal(w, "hello\r\n\r\n", 400, "malformed");
  expect_refusal(w, "GET / HTTP/1.1\r\n\r\n", 400, "malformed");
  expect_refusal(w,
                 post("/echo", "abc",
                      std::string{bearer} + "Transfer-Encoding: chunked\r\n"),
                 400, "malformed");
}

TEST_CASE("a broken request behind a good one does not overtake it",
          "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold") + "garbage\r\n\r\n");
  REQUIRE(w.wait_held(1));
  w.take_held()->reply({200, {}, "held"});
  CHECK(client.read_answer()->body == "held");
  CHECK(client.read_answer()->status == 400);
  client.half_close();
  CHECK(client.has_ended());
}

TEST_CASE("a slow head is 408", "[http][door]") {
  auto w =
      with([](door_limits& limits) { limits.head_time = milliseconds{200}; });
  auto client = w.client();
  client.send("GET /poll HTTP/1.1\r\nHost");
  CHECK(client.read_answer()->status == 408);
  client.half_close();
  CHECK(client.has_ended());
}

TEST_CASE("a head that trickles is 408 all the same", "[http][door]") {
  auto w =
      with([](door_limits& limits) { limits.head_time = milliseconds{300}; });
  auto client = w.client();
  client.send("GET /poll HTTP/1.1\r\n");
  std::optional<doubles::raw_answer> answer;
  // One byte every 20 ms: each read is on time, the whole is not.
  for (int i = 0; i < 500 && !answer; ++i) {
    client.send("A");
    answer = client.read_answer(false, milliseconds{20});
  }
  REQUIRE(answer);
  CHECK(answer->status == 408);
}

TEST_CASE("a slow body is 408", "[http][door]") {
  auto w =
      with([](door_limits& limits) { limits.body_time = milliseconds{200}; });
  auto client = w.client();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
              + "Content-Length: 10\r\n\r\nabc");
  CHECK(client.read_answer()->status == 408);
  client.half_close();
  CHECK(client.has_ended());
}

TEST_CASE("a silent connection is closed", "[http][door]") {
  auto w = with([](door_limits& limits) {
    limits.head_time = milliseconds{1'000};
    limits.idle = milliseconds{1'000};
  });
  SECTION("before its first request") {
    auto client = w.client();
    CHECK(client.read_to_end() == "");
  }
  SECTION("between two requests") {
    auto client = w.client();
    CHECK(client.ask(get("/poll"))->status == 200);
    CHECK(client.read_to_end() == "");
  }
}

TEST_CASE("an answer that takes too long is 504", "[http][door]") {
  auto w =
      with([](door_limits& limits) { limits.handling = milliseconds{1'000}; });
  auto client = w.client();
  client.send(get("/hold"));
  const auto answer = client.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 504);
  CHECK(client.has_ended());
  // The late answer goes nowhere.
  REQUIRE(w.wait_held(1));
  w.take_held()->reply({200, {}, "late"});
  CHECK(w.client().ask(get("/poll"))->status == 200);
}

TEST_CASE("100 Continue is sent when it is expected", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
              + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const auto go_on = client.read_answer();
  REQUIRE(go_on);
  CHECK(go_on->status == 100);
  client.send("hello");
  CHECK(client.read_answer()->body == "hello");
  // And not when the body would be refused anyway.
  auto other = w.client();
  other.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
             + "Expect: 100-continue\r\nContent-Length: 50000000\r\n\r\n");
  CHECK(other.read_answer()->status == 413);
}

TEST_CASE("too many unanswered requests are 503", "[http][door]") {
  auto w = with([](door_limits& limits) { limits.pending = 2; });
  auto first = w.client(), second = w.client();
  first.send(get("/hold"));
  second.send(get("/hold"));
  REQUIRE(w.wait_held(2));
  const auto answer = w.client().ask(get("/poll"));
  CHECK(answer->status == 503);
  CHECK(answer->count("Retry-After") == 1);
  CHECK(w.client().ask(get("/healthz"))->status == 200);
  w.take_held()->reply({200, {}, {}});
  w.take_held()->reply({200, {}, {}});
  CHECK(first.read_answer());
  CHECK(second.read_answer());
  CHECK(w.client().ask(get("/poll"))->status == 200);
}

TEST_CASE("a full door closes who has been silent longest", "[http][door]") {
  auto w = with([](door_limits& limits) { limits.connections = 4; });
  auto busy = w.client();
  busy.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  auto kept = w.client();
  REQUIRE(kept.ask(get("/poll")));
  std::vector<raw_client> silent;
  for (int i = 0; i < 3; ++i)
    silent.push_back(w.client());
  // The fifth connection pushed out the one that was silent first.
  CHECK(kept.has_ended());
  CHECK(w.client().ask(get("/poll"))->status == 200);
  CHECK(silent[0].has_ended());
  w.take_held()->reply({200, {}, "still here"});
  CHECK(busy.read_answer()->body == "still here");
}

TEST_CASE("when all are busy the next one waits", "[http][door]") {
  auto w = with([](door_limits& limits) { limits.connections = 2; });
  auto first = w.client(), second = w.client();
  first.send(get("/hold"));
  second.send(get("/hold"));
  REQUIRE(w.wait_held(2));
  auto third = w.client();
  third.send(get("/poll"));
  CHECK_FALSE(third.read_answer(false, milliseconds{100}));
  w.take_held()->reply({200, {}, {}});
  CHECK(third.read_answer());
}
