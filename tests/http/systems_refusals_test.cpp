// What the node itself says below /api/systems, where none of the contract's
// handlers was asked: the same envelope.
#include "http/reply.hpp"
#include "http/server.hpp"
#include "tests/doubles/raw_client.hpp"
#include "tests/http/door_call.hpp"
#include "tests/http/guarded_systems.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using doubles::raw_client;

namespace {

const std::string node = "Bearer the-node-token";

void check_envelope(const response& answer, int status,
                    std::string_view message) {
  CHECK(answer.status == status);
  CHECK(message_of(answer) == message);
  CHECK(json::parse(answer.body).at("data").is_null());
}

/// What `by` says to one request with these credentials.
response told(door& by, const std::string& credentials, std::string method,
              std::string_view target, bool overloaded = false) {
  const auto call =
      enter(by, {.credentials = credentials,
                 .method = std::move(method),
                 .target = target,
                 .overloaded = overloaded,
                 .remote = "192.0.2.7"}); // the machine itself is not counted
  auto answer = call->wait_for_answer();
  if (!answer)
    throw std::runtime_error("no answer");
  return *std::move(answer);
}

/// The envelope of an answer that came over a connection.
json envelope_in(const doubles::raw_answer& answer) {
  CHECK(answer.header("Content-Type") == "application/json; charset=utf-8");
  auto body = json::parse(answer.body);
  CHECK(body.size() == 3);
  CHECK(body.at("code") == answer.status);
  CHECK(body.at("data").is_null());
  return body;
}

} // namespace

TEST_CASE("an unknown path below systems is an API that is not found",
          "[http][systems]") {
  guarded_systems w;
  for (const std::string path :
       {"/api/systems/", "/api/systems/d1c1/", "/api/systems/d1c1/nothing",
        "/api/systems/d1c1/backups/x/y/z"})
    check_envelope(w.enter(node, "GET", path), 404, "api not found");
  // Beside it nothing changes.
  CHECK(header_of(w.enter(node, "GET", "/api/systemsx"), "Content-Type")
        == "application/problem+json");
  CHECK(header_of(w.enter(node, "GET", "/api/x"), "Content-Type")
        == "application/problem+json");
  const auto nobody = w.enter("", "GET", "/api/systems/d1c1/nothing");
  check_envelope(nobody, 401, "authentication required");
  CHECK(header_of(nobody, "WWW-Authenticate") == "Bearer");
}

TEST_CASE("an encoded slash below systems is a path that is not found",
          "[http][systems]") {
  guarded_systems w;
  const auto id = w.stored("d1c1");
  const auto own = w.basic("NETH-1", w.key_of("NETH-1", "d1c1"));
  for (const auto& path :
       {"/api/systems/d1c1/backups/" + id + "..%2Fetc%2Fpasswd",
        "/api/systems/d1c1/backups/%2f" + id,
        std::string{"/api/systems/a%2Fb"}})
    check_envelope(w.enter(node, "DELETE", path), 404, "api not found");
  for (const auto* method : {"GET", "DELETE"})
    check_envelope(w.enter(own, method, "/api/systems/backups/x%2F" + id), 404,
                   "api not found");
  CHECK(w.enter("", "GET", "/api/systems/a%2Fb").status == 401);
  CHECK(w.objects.published.contains(id));
  // Twice encoded it is none: an id that is none.
  check_envelope(
      w.enter(node, "DELETE", "/api/systems/d1c1/backups/x%252F" + id), 400,
      "invalid backup id");
}

TEST_CASE("a wrong method and a broken path below systems are enveloped",
          "[http][systems]") {
  guarded_systems w;
  const auto answer = w.enter(node, "PATCH", "/api/systems/d1c1");
  check_envelope(answer, 405, "method not allowed");
  CHECK(header_of(answer, "Allow").find("PUT") != std::string::npos);
  check_envelope(w.enter(node, "GET", "/api/systems/%zz"), 400,
                 "malformed request");
}

TEST_CASE("a node that starts, stops or has too much to do says it to systems "
          "in the envelope",
          "[http][systems]") {
  constexpr std::string_view later = "service unavailable, retry later";
  guarded_systems w;
  const auto check = [&](const response& answer) {
    check_envelope(answer, 503, later);
    CHECK_FALSE(header_of(answer, "Retry-After").empty());
  };
  SECTION("its jobs are not adopted yet") {
    w.engine.ready = false;
    check(w.enter(node, "GET", "/api/systems"));
  }
  SECTION("its tokens are not read yet") {
    auto closed = w.settings();
    closed.gate = [](const request&) {
      return jobs::fault{jobs::fault_code::starting, "the ledger is read"};
    };
    door gated{closed, make_routes(w.guarded_parts())};
    check(told(gated, node, "GET", "/api/systems"));
    check(told(gated, "Bearer alula_unknown", "GET", "/api/systems"));
  }
  SECTION("it is stopping") {
    w.entry.drain();
    check(w.enter(node, "DELETE", "/api/systems/d1c1"));
  }
  SECTION("too many wait") {
    check(told(w.entry, node, "GET", "/api/systems", true));
  }
}

TEST_CASE("a handler of systems that throws is answered in the envelope",
          "[http][systems]") {
  guarded_systems w;
  std::vector<route> routes;
  routes.push_back(
      {"GET", "/api/systems", jobs::permission::read_systems,
       [](const exchange_ptr&) { throw std::runtime_error{"a secret"}; }});
  door throwing{w.settings(), std::move(routes)};
  const auto answer = told(throwing, node, "GET", "/api/systems");
  check_envelope(answer, 500, "internal server error");
  CHECK(answer.body.find("secret") == std::string::npos);
}

TEST_CASE("who asks for systems too often without a token is told so",
          "[http][systems]") {
  guarded_systems w;
  auto strict = w.settings();
  strict.limits.open_requests_per_second = 0.001;
  strict.limits.open_requests_burst = 1;
  door metered{strict, make_routes(w.guarded_parts())};
  CHECK(told(metered, "", "GET", "/api/systems").status == 401);
  const auto answer = told(metered, "", "GET", "/api/systems");
  check_envelope(answer, 429, "rate limit exceeded");
  CHECK(header_of(answer, "Retry-After") == "1");
}

TEST_CASE("deadlines and broken requests below systems are enveloped on the "
          "wire",
          "[http][systems]") {
  server_settings settings;
  settings.port = 0;
  settings.token = "the-node-token";
  settings.limits.handling = std::chrono::milliseconds{200};
  settings.limits.body_time = std::chrono::milliseconds{200};
  std::promise<exchange_ptr> held;
  std::vector<route> routes;
  routes.push_back(
      {"GET", "/api/systems/:system", jobs::permission::read_systems,
       [&held](const exchange_ptr& call) { held.set_value(call); }});
  routes.push_back(
      {"PUT", "/api/systems/:system", jobs::permission::read_systems,
       [](const exchange_ptr& call) { call->reply(empty_answer()); }});
  server door{settings, std::move(routes)};
  REQUIRE(door.start());
  const auto head = [](std::string_view method, std::string_view more) {
    return std::string{method} + " /api/systems/d1c1 HTTP/1.1\r\nHost: a\r\n"
           + "Authorization: " + node + "\r\n" + std::string{more} + "\r\n";
  };
  const auto ask = [&](const std::string& request) {
    auto answer = raw_client{door.port()}.ask(request);
    if (!answer)
      throw std::runtime_error("no answer");
    return *std::move(answer);
  };
  const auto late = ask(head("GET", ""));
  CHECK(late.status == 504);
  CHECK(envelope_in(late).at("message") == "request timed out");
  held.get_future().get()->reply(empty_answer()); // too late, and nowhere
  const auto slow = ask(head("PUT", "Content-Length: 10\r\n") + "abc");
  CHECK(slow.status == 408);
  CHECK(envelope_in(slow).at("message") == "request timed out");
  const auto broken = ask(head("PUT", "Host: b\r\n"));
  CHECK(broken.status == 400);
  CHECK(envelope_in(broken).at("message") == "malformed request");
}
