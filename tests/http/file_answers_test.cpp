#include "http/file_answers.hpp"
#include "tests/doubles/fake_exchange.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;
using doubles::header_of;
using doubles::make_request;
using verdict = range_choice::verdict;

namespace {

constexpr std::int64_t size = 1'000;

file_plan plan(header_list headers, std::string method = "GET") {
  return plan_file(make_request(method, "/x", {}, std::move(headers)),
                   {.size = size,
                    .modified_at = 784'111'777'000,
                    .etag = "\"e\"",
                    .name = "a.tar.gz"});
}

} // namespace

TEST_CASE("a range is read as RFC 9110 says", "[http]") {
  const auto part = [](std::string_view header) {
    const auto choice = choose_range(header, size);
    REQUIRE(choice.is == verdict::part);
    return choice.range;
  };
  CHECK(part("bytes=0-0") == byte_range{0, 1});
  CHECK(part("bytes=100-199") == byte_range{100, 100});
  CHECK(part("bytes=999-") == byte_range{999, 1});
  CHECK(part("bytes=0-") == byte_range{0, 1'000});
  CHECK(part("bytes=500-5000") == byte_range{500, 500});
  CHECK(part("bytes=0-99999999999999999999999") == byte_range{0, 1'000});
  CHECK(part("bytes=-1") == byte_range{999, 1});
  CHECK(part("bytes=-5000") == byte_range{0, 1'000});
  CHECK(part("Bytes= 1-2 ") == byte_range{1, 2});
}

TEST_CASE("a range behind the end is unsatisfiable", "[http]") {
  for (const auto* header : {"bytes=1000-", "bytes=1000-2000", "bytes=-0",
                             "bytes=99999999999999999999999-"}) {
    CAPTURE(header);
    CHECK(choose_range(header, size).is == verdict::unsatisfiable);
  }
  CHECK(choose_range("bytes=0-", 0).is == verdict::unsatisfiable);
  CHECK(choose_range("bytes=-5", 0).is == verdict::unsatisfiable);
}

TEST_CASE("what is no single range of bytes is not there", "[http]") {
  for (const auto* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4",
        "bytes=0-1,5-6", "items=0-1", "bytes=--5", "bytes=1-+2", "bytes=0x1-2",
        "bytes=1 - 2"}) {
    CAPTURE(header);
    CHECK(choose_range(header, size).is == verdict::whole);
  }
}

TEST_CASE("a whole file is 200 with all that a later question needs",
          "[http]") {
  const auto out = plan({});
  CHECK(out.head.status == 200);
  CHECK(out.body == byte_range{0, size});
  CHECK(header_of(out.head, "ETag") == "\"e\"");
  CHECK(header_of(out.head, "Last-Modified")
        == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(header_of(out.head, "Accept-Ranges") == "bytes");
  CHECK(header_of(out.head, "Content-Type") == "application/octet-stream");
  CHECK(header_of(out.head, "X-Content-Type-Options") == "nosniff");
  CHECK(header_of(out.head, "Content-Disposition")
        == "attachment; filename=\"a.tar.gz\"");
  CHECK(header_of(out.head, "Content-Encoding").empty());
}

TEST_CASE("a part is 206, nothing of it is 416", "[http]") {
  const auto part = plan({{"Range", "bytes=10-19"}});
  CHECK(part.head.status == 206);
  CHECK(part.body == byte_range{10, 10});
  CHECK(header_of(part.head, "Content-Range") == "bytes 10-19/1000");
  const auto none = plan({{"Range", "bytes=1000-"}});
  CHECK(none.head.status == 416);
  CHECK_FALSE(none.body);
  CHECK(header_of(none.head, "Content-Range") == "bytes */1000");
}

TEST_CASE("HEAD is told of the whole file, whatever part it names", "[http]") {
  for (const auto* range : {"bytes=10-19", "bytes=1000-"}) {
    CAPTURE(range);
    const auto out = plan({{"Range", range}}, "HEAD");
    CHECK(out.head.status == 200);
    CHECK(out.body == byte_range{0, size});
    CHECK(header_of(out.head, "Content-Range").empty());
    CHECK(header_of(out.head, "Accept-Ranges") == "bytes");
  }
}

TEST_CASE("a part is only for who has the same file", "[http]") {
  const auto status = [](std::string if_range) {
    return plan({{"Range", "bytes=10-19"}, {"If-Range", std::move(if_range)}})
        .head.status;
  };
  CHECK(status("\"e\"") == 206);
  CHECK(status("Sun, 06 Nov 1994 08:49:37 GMT") == 206);
  CHECK(status("\"other\"") == 200);
  CHECK(status("W/\"e\"") == 200);
  CHECK(status("Sun, 06 Nov 1994 08:49:38 GMT") == 200);
}

TEST_CASE("who has the file is told so", "[http]") {
  const auto out =
      plan({{"If-None-Match", "\"x\", \"e\""}, {"Range", "bytes=0-1"}});
  CHECK(out.head.status == 304);
  CHECK_FALSE(out.body);
  CHECK(header_of(out.head, "ETag") == "\"e\"");
  CHECK(plan({{"If-None-Match", "\"x\""}}).head.status == 200);
}

TEST_CASE("a file that is not the one meant is 412, whatever else is asked",
          "[http]") {
  const auto method = GENERATE(as<std::string>{}, "GET", "HEAD");
  for (const auto* tags : {"\"other\"", "W/\"e\"", "\"x\", W/\"e\"", "e"}) {
    CAPTURE(tags);
    const auto out = plan({{"If-Match", tags},
                           {"If-None-Match", "\"e\""},
                           {"Range", "bytes=10-19"}},
                          method);
    CHECK(out.head.status == 412);
    CHECK_FALSE(out.body);
    CHECK(header_of(out.head, "Content-Type") == "application/problem+json");
  }
  for (const auto* tags : {"\"e\"", "*", "\"x\", \"e\"", "W/\"e\", \"e\""}) {
    CAPTURE(tags);
    CHECK(plan({{"If-Match", tags}}, method).head.status == 200);
    CHECK(plan({{"If-Match", tags}, {"If-None-Match", "\"e\""}}, method)
              .head.status
          == 304);
  }
}

TEST_CASE("a file that was changed since it is meant is 412", "[http]") {
  const auto status = [](std::string since, header_list more = {}) {
    more.emplace_back("If-Unmodified-Since", std::move(since));
    return plan(std::move(more)).head.status;
  };
  for (const auto* same :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:38 GMT"}) {
    CAPTURE(same);
    CHECK(status(same) == 200);
  }
  for (const auto* earlier :
       {"Sun, 06 Nov 1994 08:49:36 GMT", "Sunday, 06-Nov-94 08:49:36 GMT",
        "Sun Nov  6 08:49:36 1994"}) {
    CAPTURE(earlier);
    CHECK(status(earlier) == 412);
    // A better one is there.
    CHECK(status(earlier, {{"If-Match", "\"e\""}}) == 200);
  }
  for (const auto* no_time : {"", "yesterday", "1994-11-06T08:49:36Z",
                              "Sun, 06 Nov 1994 08:49:36 GMT and more"}) {
    CAPTURE(no_time);
    CHECK(status(no_time) == 200);
  }
}

TEST_CASE("a name is given in ASCII and as it is", "[http]") {
  CHECK(content_disposition("world.dat")
        == "attachment; filename=\"world.dat\"");
  CHECK(content_disposition("a\"b\r\nX: 1")
        == "attachment; filename=\"a_b__X: 1\"; "
           "filename*=UTF-8''a%22b%0D%0AX%3A%201");
  CHECK(content_disposition("\xc3\xa9t\xc3\xa9")
        == "attachment; filename=\"__t__\"; filename*=UTF-8''%C3%A9t%C3%A9");
  CHECK(content_disposition("\xff\xc3")
        == "attachment; filename=\"__\"; "
           "filename*=UTF-8''%EF%BF%BD%EF%BF%BD");
}
