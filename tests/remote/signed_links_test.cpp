// Links that others have signed: what is sent and fetched.
#include "remote/signed_links.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/scripted_web.hpp"
#include "tests/remote/fetched.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace alula;
using namespace alula::remote;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
using jobs::fault_code;

// -- uploads ------------------------------------------------------------------

TEST_CASE("a part is PUT with its length, and its ETag comes back verbatim",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(
        200, "ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n", "");
  }};
  auto links = links_to({});
  std::int64_t told = 0;
  const auto answer =
      links.put(web.at("/b/k?partNumber=1&uploadId=u"), text_source{"hello"},
                [&](std::int64_t bytes) { told = bytes; }, {});
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->etag == "\"5d41402abc4b2a76b9719d911017c592\"");
  CHECK_FALSE(answer->is_wrong);
  CHECK(told == 5);
  const auto seen = web.requests().at(0);
  CHECK(seen.head.starts_with("PUT /b/k?partNumber=1&uploadId=u "));
  CHECK(seen.has("Content-Length: 5"));
  CHECK(seen.has("Content-Type: application/x-gzip"));
  CHECK(seen.body == "hello");
}

TEST_CASE("an ETag that is the MD5 of something else is noticed",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(
        200, "ETag: \"00000000000000000000000000000000\"\r\n", "");
  }};
  auto links = links_to({});
  CHECK(links.put(web.at("/k"), text_source{"hello"}, {}, {})->is_wrong);
}

TEST_CASE("a refused part is an answer, a broken connection is none",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.target() == "/broken"
               ? std::string{}
               : scripted_web::answer(403, "",
                                      "<Error><Code>AccessDenied</Code>"
                                      "<Message>Request has expired</Message>"
                                      "</Error>");
  }};
  auto links = links_to({});
  const auto refused = links.put(web.at("/k"), text_source{"x"}, {}, {});
  REQUIRE(refused);
  CHECK(refused->status == 403);
  CHECK(refused->why.find("Request has expired") != std::string::npos);
  CHECK(refused->code == "AccessDenied");
  const auto broken = links.put(web.at("/broken"), text_source{"x"}, {}, {});
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == fault_code::store_unavailable);
}

// -- downloads ----------------------------------------------------------------

TEST_CASE("an archive is fetched with its size and ETag", "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, gzip + "ETag: \"e\"\r\n", "archive");
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE(got.how);
  CHECK(got.text == "archive");
  CHECK(got.content.size == 7);
  CHECK(got.content.etag == "\"e\"");
}

TEST_CASE("a download goes on by Range and If-Range", "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.has("If-Range: \"e\"") && request.has("Range: bytes=3-")
               ? scripted_web::answer(
                   206, gzip + "Content-Range: bytes 3-6/7\r\n", "hive")
               : scripted_web::answer(200, gzip, "archive");
  }};
  auto links = links_to();
  const auto rest = fetch(links, web.at("/k"), {3, "\"e\""});
  REQUIRE(rest.how);
  CHECK(rest.text == "hive");
  CHECK(rest.content.at == 3);
  CHECK(rest.content.size == 7);
  const auto changed = fetch(links, web.at("/k"), {3, "\"other\""});
  REQUIRE(changed.how);
  CHECK(changed.content.at == 0);
  CHECK(changed.text == "archive");
}

TEST_CASE("an object that became shorter is fetched from its start",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.has("Range: bytes=9-")
               ? scripted_web::answer(416, "", "")
               : scripted_web::answer(200, gzip, "archive");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k"), {9, "\"e\""}).text == "archive");
}

TEST_CASE("an archive may have parameters behind its type", "[remote][far]") {
  const auto type =
      GENERATE(as<std::string>{}, "application/x-gzip", "application/gzip",
               "Application/GZip; charset=binary");
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "Content-Type: " + type + "\r\n",
                                "archive");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k")).text == "archive");
}

TEST_CASE("what is no archive is not taken", "[remote][far]") {
  const auto type = GENERATE(as<std::string>{}, "text/html; charset=utf-8",
                             "application/json", "gzip", "");
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(
        200, type.empty() ? "" : "Content-Type: " + type + "\r\n", "<html>");
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE_FALSE(got.how);
  CHECK(got.how.error().code == fault_code::store_refused);
  CHECK(got.text.empty());
}

TEST_CASE("an expired link is refused, a tired store is waited for",
          "[remote][far]") {
  int status = 403;
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(status, "", "");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_refused);
  status = 404;
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_refused);
  status = 503;
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_unavailable);
}

TEST_CASE("a download that is cut short is no download", "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    auto whole = scripted_web::answer(200, gzip, "archive");
    whole.resize(whole.size() - 3);
    return whole;
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE_FALSE(got.how);
  CHECK(got.how.error().code == fault_code::store_unavailable);
  CHECK(got.text == "arch");
}
