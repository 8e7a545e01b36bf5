// What the door answers by itself, before any handler: real bytes over a real
// connection, kept for the description of the API, which has to know each
// (tests/http/description_test.py).
#include "tests/http/door_world.hpp"
#include "tests/http/kept_answers.hpp"

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

/// A door with routes that have addresses of the API and do one thing each.
struct described_door {
  explicit described_door(void (*change)(server_settings&)) {
    auto settings = door_world::make_settings();
    change(settings);
    std::vector<route> routes;
    for (const auto* path : {"/api/jobs", "/api/systems"})
      routes.push_back(
          {"GET", path, access::bearer, [this](const exchange_ptr& to) {
             news.change([&] { held.push_back(to); });
           }});
    for (const auto* path : {"/api/servers", "/api/tokens"})
      routes.push_back(
          {"POST", path, access::bearer, [](const exchange_ptr& to) {
             to->reply({204, {}, {}});
           }});
    door = std::make_unique<server>(std::move(settings), std::move(routes));
    REQUIRE(door->start());
  }

  raw_client client() const { return raw_client{door->port()}; }

  /// A request that stays unanswered.
  raw_client hold() {
    auto peer = client();
    const auto before = held.size();
    peer.send(get("/api/jobs", bearer));
    REQUIRE(news.wait([&] { return held.size() > before; }));
    return peer;
  }

  happening news;
  std::vector<exchange_ptr> held;
  std::unique_ptr<server> door;
};

/// The next answer is this refusal, and is kept.
void expect(raw_client& peer, std::string_view method, std::string_view path,
            int status, std::string_view code) {
  CAPTURE(method, path, status, code);
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == status);
  if (answer->header("Content-Type") == "application/problem+json")
    CHECK(answer->body.find("\"code\":\"" + std::string{code} + "\"")
          != std::string::npos);
  keep_answer_of_door(method, path, answer->status, answer->headers,
                      answer->body);
}

std::string announced(std::string_view path, std::string_view length,
                      std::string_view headers = "") {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: node\r\n"
         + std::string{bearer} + std::string{headers}
         + "Content-Length: " + std::string{length} + "\r\n\r\n";
}

} // namespace

TEST_CASE("the door's answers to broken and too large requests are as "
          "described",
          "[http][door]") {
  described_door w{[](server_settings&) {}};
  const std::string path = GENERATE("/api/jobs", "/api/systems");
  auto peer = w.client();
  SECTION("malformed") {
    peer.send("GET " + path + " HTTP/1.1\r\n\r\n"); // no Host
    expect(peer, "GET", path, 400, "malformed");
  }
  SECTION("too long an address") {
    peer.send(get(path + "?q=" + std::string(9'000, 'a'), bearer));
    expect(peer, "GET", path, 414, "uri-too-long");
  }
  SECTION("too large a head") {
    peer.send(get(path, "A: " + std::string(70'000, 'a') + "\r\n"));
    expect(peer, "GET", path, 431, "headers-too-large");
  }
}

TEST_CASE("the door's answers to too large bodies are as described",
          "[http][door]") {
  described_door w{[](server_settings& s) { s.limits.all_bodies = 1'000'000; }};
  const std::string path = GENERATE("/api/servers", "/api/tokens");
  auto peer = w.client();
  SECTION("one that is too large") {
    peer.send(announced(path, "9000000"));
    expect(peer, "POST", path, 413, "body-too-large");
  }
  SECTION("more than there is memory for") {
    peer.send(announced(path, "2000000"));
    expect(peer, "POST", path, 503, "rate-limited");
  }
}

TEST_CASE("the door's answers to slow requests are as described",
          "[http][door]") {
  described_door w{[](server_settings& s) {
    s.limits.head_time = milliseconds{200};
    s.limits.body_time = milliseconds{200};
    s.limits.handling = milliseconds{1'000};
  }};
  const std::string path = GENERATE("/api/jobs", "/api/systems");
  auto peer = w.client();
  SECTION("a slow head") {
    peer.send("GET " + path + " HTTP/1.1\r\nHost");
    expect(peer, "GET", path, 408, "timed-out");
  }
  SECTION("a slow body") {
    peer.send(announced("/api/servers", "10") + "abc");
    expect(peer, "POST", "/api/servers", 408, "timed-out");
  }
  SECTION("a slow answer") {
    peer.send(get(path, bearer));
    expect(peer, "GET", path, 504, "timed-out");
  }
}

TEST_CASE("the door's answers to too many requests are as described",
          "[http][door]") {
  described_door w{[](server_settings& s) {
    s.proxies = {"127.0.0.0/8"}; // those of loopback itself are not counted
    s.limits.open_requests_per_second = 0.001;
    s.limits.open_requests_burst = 1;
    s.limits.pending = 1;
  }};
  const std::string path = GENERATE("/api/jobs", "/api/systems");
  auto peer = w.client();
  SECTION("of one peer without credentials") {
    const auto request = get(path, "X-Forwarded-For: 192.0.2.1\r\n");
    peer.send(request);
    expect(peer, "GET", path, 401, "unauthorized");
    auto again = w.client();
    again.send(request);
    expect(again, "GET", path, 429, "rate-limited");
  }
  SECTION("that wait for an answer") {
    const auto first = w.hold();
    peer.send(get(path, bearer));
    expect(peer, "GET", path, 503, "rate-limited");
  }
}

TEST_CASE("the door's answer to new work while it stops is as described",
          "[http][door]") {
  described_door w{[](server_settings&) {}};
  auto peer = w.client();
  peer.send(announced("/api/servers", "2", "Expect: 100-continue\r\n"));
  const auto go_on = peer.read_answer();
  REQUIRE(go_on); // its head has been read
  CHECK(go_on->status == 100);
  w.door->drain();
  peer.send("{}");
  expect(peer, "POST", "/api/servers", 503, "shutting-down");
}
