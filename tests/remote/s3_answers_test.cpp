// What stores answer, and what is made of it: by stores that say what a test
// tells them to.
#include "jobs/clock.hpp"
#include "remote/s3_answers.hpp"
#include "remote/s3_stores.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/scripted_web.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::remote;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
using jobs::fault_code;

namespace {

/// A store that answers as a test tells it to.
struct scripted_store {
  explicit scripted_store(scripted_web::script answers)
    : web(std::move(answers)) {}
  scripted_web web;
  jobs::system_clock clock;
  s3_store store{{.name = "s",
                  .endpoint = web.at(""),
                  .bucket = "b",
                  .keys = {"key", "secret", {}}},
                 clock};
};

} // namespace

TEST_CASE("a completed upload that failed says so in its 200",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(200, "",
                                "<Error><Code>InternalError</Code></Error>");
  }};
  const auto done = s.store.finish_upload("k", "u", {{1, 1, "e"}}, {});
  REQUIRE_FALSE(done);
  CHECK(done.error().code == fault_code::store_unavailable);
}

TEST_CASE("an upload that cannot be completed is looked for: it may be done",
          "[remote][far]") {
  bool is_open = false;
  std::string size;
  // Completed or aborted, radosgw says the same 500.
  scripted_store s{[&](const scripted_web::request& asked) {
    if (asked.head.starts_with("POST"))
      return scripted_web::answer(500, "",
                                  "<Error><Code>InternalError</Code></Error>");
    if (asked.head.starts_with("HEAD"))
      return size.empty() ? scripted_web::answer(404, "", "")
                          : "HTTP/1.1 200 X\r\nConnection: close\r\n"
                            "Content-Length: "
                                + size + "\r\n\r\n";
    return is_open ? scripted_web::answer(200, "", "<ListPartsResult/>")
                   : scripted_web::answer(404, "", "");
  }};
  const auto finish = [&] {
    return s.store.finish_upload("k", "u", {{1, 7, "e"}}, {});
  };
  size = "7";
  CHECK(finish());
  size = "8";
  CHECK(finish().error().code == fault_code::store_object_missing);
  size.clear();
  CHECK(finish().error().code == fault_code::store_object_missing);
  is_open = true;
  size = "7";
  CHECK(finish().error().code == fault_code::store_unavailable);
}

TEST_CASE("an upload is aborted until the store has no part of it",
          "[remote][far]") {
  int aborts = 0;
  int left_until = 0; // so many aborts leave a part
  bool is_known = false;
  scripted_store s{[&](const scripted_web::request& asked) {
    if (asked.head.starts_with("DELETE")) {
      ++aborts;
      return scripted_web::answer(204, "", "");
    }
    if (aborts <= left_until)
      return scripted_web::answer(
          200, "",
          "<ListPartsResult><Part><PartNumber>1</PartNumber>"
          "<ETag>\"e\"</ETag><Size>5</Size></Part></ListPartsResult>");
    return is_known ? scripted_web::answer(200, "", "<ListPartsResult/>")
                    : scripted_web::answer(
                        404, "", "<Error><Code>NoSuchUpload</Code></Error>");
  }};
  SECTION("one that was under way has come after the first") {
    left_until = 1;
    is_known = GENERATE(false, true);
    CHECK(s.store.abort_upload("k", "u", {}));
    CHECK(aborts == 2);
  }
  SECTION("one that never goes is told after five") {
    left_until = 99;
    const auto gone = s.store.abort_upload("k", "u", {});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == fault_code::store_unavailable);
    CHECK(gone.error().where.find("k in store s") != std::string::npos);
    CHECK(aborts == 5);
  }
}

TEST_CASE("a store that serves no ranges is refused when it sends too much",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "archive");
  }};
  std::string came;
  const auto take = [&](std::span<const char> piece) -> jobs::status {
    came.append(piece.data(), piece.size());
    return {};
  };
  const auto start = GENERATE(0, 3);
  const auto got = s.store.get("k", start, 4, "", take, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_refused);
  CHECK(came.empty());
  // All of it is what was asked for.
  REQUIRE(s.store.get("k", 0, 7, "", take, {}));
  CHECK(came == "archive");
}

TEST_CASE("a download goes on where it ended with a store without ranges",
          "[remote][far]") {
  std::string etag = "e";
  scripted_store s{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"" + etag + "\"\r\n", "archive");
  }};
  std::string came;
  const auto rest = [&](std::int64_t at, const std::string& of) {
    came.clear();
    return s.store.get("k", at, 0, of,
                       [&](std::span<const char> piece) -> jobs::status {
                         came.append(piece.data(), piece.size());
                         return {};
                       },
                       {});
  };
  const auto got = rest(3, "e");
  REQUIRE(got);
  CHECK(came == "hive");
  CHECK(got->size == 7);
  CHECK(rest(7, "e"));
  CHECK(came.empty());
  // Bytes of another object are none of this one, nor those of any.
  etag = "other";
  CHECK(rest(3, "").error().code == fault_code::store_refused);
  CHECK(came.empty());
  CHECK(rest(3, "e").error().code == fault_code::store_object_missing);
  CHECK(came.empty());
}

TEST_CASE("a range that begins elsewhere than it was asked for is refused",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(206, "Content-Range: bytes 2-6/7\r\n", "chive");
  }};
  std::string came;
  const auto got =
      s.store.get("k", 3, 0, "e",
                  [&](std::span<const char> piece) -> jobs::status {
                    came.append(piece.data(), piece.size());
                    return {};
                  },
                  {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_refused);
  CHECK(came.empty());
}

TEST_CASE("an object that was replaced is told by a 412 without words as well",
          "[remote][far]") {
  const auto words = GENERATE(as<std::string>{}, "",
                              "<Error><Code>PreconditionFailed</Code></Error>");
  scripted_store s{[&](const scripted_web::request& request) {
    CHECK(request.has("if-match: \"e\""));
    return scripted_web::answer(412, "", words);
  }};
  const auto got =
      s.store.get("k", 0, 0, "e",
                  [](std::span<const char>) -> jobs::status { return {}; }, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_object_missing);
}

TEST_CASE("a part that arrived otherwise is not believed", "[remote][far]") {
  std::string etag;
  scripted_store s{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: " + etag + "\r\n", "");
  }};
  etag = "\"5d41402abc4b2a76b9719d911017c592\""; // of "hello"
  CHECK(s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {}));
  etag = "\"00000000000000000000000000000000\"";
  const auto wrong =
      s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == fault_code::store_unavailable);
  // Of a store that encrypts, it is the MD5 of something else.
  etag += "\r\nx-amz-server-side-encryption: aws:kms";
  CHECK(s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {}));
  CHECK(s.web.requests().front().body == "hello");
  CHECK(s.web.requests().front().has("Content-Length: 5"));
}

TEST_CASE("the words of a store and what they mean", "[remote][far]") {
  const auto [status, body, code] =
      GENERATE(table<int, std::string, fault_code>(
          {{403, "<Error><Code>QuotaExceeded</Code></Error>",
            fault_code::store_refused},
           {404, "<Error><Code>NoSuchKey</Code></Error>",
            fault_code::store_object_missing},
           {404, "<Error><Code>NoSuchUpload</Code></Error>",
            fault_code::store_object_missing},
           {404, "<Error><Code>NoSuchBucket</Code></Error>",
            fault_code::store_refused},
           {503, "<Error><Code>SlowDown</Code></Error>",
            fault_code::store_unavailable},
           {507, "", fault_code::store_refused},
           {500, "no xml at all", fault_code::store_unavailable},
           {429, "", fault_code::store_unavailable},
           {400, "<Error><Code>RequestTimeout</Code></Error>",
            fault_code::store_unavailable},
           {411, "<Error><Code>MissingContentLength</Code></Error>",
            fault_code::store_refused}}));
  CHECK(s3_fault({.status = status, .body = body}, "PUT").code == code);
}
