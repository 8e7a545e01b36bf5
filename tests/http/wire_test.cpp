#include "http/wire.hpp"

#include <catch2/catch.hpp>

#include <regex>

using namespace alula::http;

namespace {

bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("an answer carries the headers the door owes", "[http]") {
  const auto text =
      write_whole({200, {{"ETag", "\"1\""}}, "body"}, {"the-id", "X-A: 1\r\n"});
  CHECK(text.find("HTTP/1.1 200 OK\r\n") == 0);
  CHECK(has(text, "ETag: \"1\"\r\n"));
  CHECK(has(text, "Content-Length: 4\r\n"));
  CHECK(has(text, "X-Request-Id: the-id\r\n"));
  CHECK(has(text, "Cache-Control: no-store\r\n"));
  CHECK(has(text, "X-A: 1\r\n"));
  CHECK(has(text, "Connection: keep-alive\r\n\r\nbody"));
  CHECK(has(text, "\r\nDate: "));
}

TEST_CASE("every answer says who gave it, without which Pelican takes none",
          "[http]") {
  for (const int status : {101, 200, 202, 204, 304, 500})
    CHECK(has(write_head({status, {}, ""}, {"id", ""}),
              "\r\nUser-Agent: alula\r\n"));
}

TEST_CASE("a body that follows by other ways has the length it is given",
          "[http]") {
  wire_frame frame{"id", ""};
  frame.length = 5'368'709'120;
  CHECK(has(write_head({200, {}, "never"}, frame),
            "Content-Length: 5368709120\r\n"));
}

TEST_CASE("a given Cache-Control is kept", "[http]") {
  const auto text =
      write_whole({200, {{"cache-control", "no-cache"}}, ""}, {"id", ""});
  CHECK(has(text, "cache-control: no-cache\r\n"));
  CHECK_FALSE(has(text, "no-store"));
}

TEST_CASE("204 and 304 have neither a body nor a length", "[http]") {
  for (const int status : {204, 304}) {
    const auto text = write_whole({status, {}, "never"}, {"id", ""});
    CHECK_FALSE(has(text, "Content-Length"));
    CHECK_FALSE(has(text, "never"));
  }
}

TEST_CASE("HEAD has the length of GET and no body", "[http]") {
  wire_frame frame{"id", ""};
  frame.head_only = true;
  CHECK(has(write_whole({200, {}, "12345"}, frame), "Content-Length: 5\r\n"));
  CHECK_FALSE(has(write_whole({200, {}, "12345"}, frame), "12345"));
  // A handler that knows the length need not make the body.
  CHECK(has(write_whole({200, {{"Content-Length", "777"}}, ""}, frame),
            "Content-Length: 777\r\n"));
}

TEST_CASE("a handler cannot break the framing", "[http]") {
  const auto text = write_whole({200,
                                 {{"X-Bad", "a\r\nX-Evil: 1"},
                                  {"X\r\nY", "a"},
                                  {"Content-Length", "99"},
                                  {"Transfer-Encoding", "chunked"},
                                  {"Connection", "upgrade"},
                                  {"Date", "yesterday"},
                                  {"User-Agent", "somebody"},
                                  {"X-Request-Id", "mine"}},
                                 "x"},
                                {"id", ""});
  CHECK_FALSE(has(text, "Evil"));
  CHECK_FALSE(has(text, "99"));
  CHECK_FALSE(has(text, "chunked"));
  CHECK_FALSE(has(text, "upgrade"));
  CHECK_FALSE(has(text, "yesterday"));
  CHECK_FALSE(has(text, "somebody"));
  CHECK_FALSE(has(text, "mine"));
}

TEST_CASE("a chunk is framed by its size", "[http]") {
  CHECK(write_chunk("hello") == "5\r\nhello\r\n");
  CHECK(write_chunk(std::string(300, 'x')).substr(0, 5) == "12c\r\n");
}

TEST_CASE("the date is an IMF-fixdate", "[http]") {
  const std::regex imf{"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} "
                       "[A-Z][a-z]{2} [0-9]{4} "
                       "[0-9]{2}:[0-9]{2}:[0-9]{2} GMT"};
  CHECK(std::regex_match(std::string{http_date()}, imf));
}
