#include "http/reply.hpp"
#include "tests/doubles/fake_exchange.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula;
using namespace alula::http;
using jobs::fault_code;

namespace {

nlohmann::json body_in(const response& answer) {
  return nlohmann::json::parse(answer.body);
}

} // namespace

TEST_CASE("a fault becomes problem+json", "[http]") {
  const auto req = doubles::make_request("GET", "/api/jobs/1");
  jobs::fault why{fault_code::server_locked, "a restore holds the server"};
  why.in_the_way = "0199c1de-0000-7000-8000-000000000001";
  const auto answer = problem(req, why);
  CHECK(answer.status == 409);
  CHECK(doubles::header_of(answer, "Content-Type")
        == "application/problem+json");
  CHECK(doubles::header_of(answer, "Retry-After") == "5");
  const auto body = body_in(answer);
  CHECK(body["status"] == 409);
  CHECK(body["code"] == "server-locked");
  CHECK(body["type"] == "urn:alula:problem:server-locked");
  CHECK(body["title"] == std::string{jobs::title(fault_code::server_locked)});
  CHECK(body["detail"] == "a restore holds the server");
  CHECK(body["error"] == "a restore holds the server");
  CHECK(body["retryable"] == true);
  CHECK(body["retry_after"] == 5);
  CHECK(body["owner_job"] == why.in_the_way);
  CHECK(body["request_id"] == req.request_id);
  CHECK(body["instance"] == "/api/requests/" + req.request_id);
  CHECK_FALSE(body.contains("errors"));
}

TEST_CASE("a validation fault points at its fields", "[http]") {
  jobs::fault why{fault_code::validation, "two fields are wrong"};
  why.fields = {{"/uuid", "is required"}, {"/a~1b", "must be a string"}};
  const auto answer = problem("id", why);
  CHECK(answer.status == 422);
  const auto body = body_in(answer);
  REQUIRE(body["errors"].size() == 2);
  CHECK(body["errors"][0]["pointer"] == "/uuid");
  CHECK(body["errors"][1]["detail"] == "must be a string");
}

TEST_CASE("401 asks for a bearer", "[http]") {
  const auto answer = problem("id", {fault_code::unauthorized, "no"});
  CHECK(doubles::header_of(answer, "WWW-Authenticate") == "Bearer");
}

TEST_CASE("every code has a status that fits its kind", "[http]") {
  for (int i = 0; i <= static_cast<int>(fault_code::internal); ++i) {
    const auto code = static_cast<fault_code>(i);
    INFO(jobs::slug(code));
    CHECK(status_of(code) >= 400);
    CHECK(status_of(code) < 600);
    const auto said = body_in(problem("id", {code, "no"}));
    if (said.contains("retry_after"))
      CHECK(said["retryable"] == true);
  }
  CHECK(status_of(fault_code::job_expired) == 410);
  CHECK(status_of(fault_code::body_too_large) == 413);
  CHECK(status_of(fault_code::uri_too_long) == 414);
  CHECK(status_of(fault_code::headers_too_large) == 431);
  CHECK(status_of(fault_code::insufficient_storage) == 507);
  CHECK(status_of(fault_code::cursor_mismatch) == 400);
}

TEST_CASE("bytes that are no UTF-8 do not break the answer", "[http]") {
  const auto answer =
      problem("id", {fault_code::route_not_found, "there is no \xff\xfe here"});
  CHECK(body_in(answer)["detail"].get<std::string>().find("there is no") == 0);
}

TEST_CASE("an accepted job names its place", "[http]") {
  const auto bare = accepted("0199");
  CHECK(bare.status == 202);
  CHECK(bare.body.empty());
  CHECK(doubles::header_of(bare, "Location") == "/api/jobs/0199");
  CHECK(doubles::header_of(bare, "Content-Type").empty());
  const auto full = accepted("0199", "{}");
  CHECK(full.body == "{}");
  CHECK(doubles::header_of(full, "Content-Type")
        == "application/json; charset=utf-8");
  CHECK(doubles::header_of(with_job(empty_answer(), "1"), "Location")
        == "/api/jobs/1");
}

TEST_CASE("a fault is answered to its exchange", "[http]") {
  const auto to = std::make_shared<doubles::fake_exchange>(
      doubles::make_request("GET", "/"));
  reply_fault(to, {fault_code::job_not_found, "no such job"});
  REQUIRE(to->is_answered());
  CHECK(to->wait_for_answer()->status == 404);
}
