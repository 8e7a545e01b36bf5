#include "http/message_guard.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::http;
using phase = message_guard::phase;
using jobs::fault_code;

namespace {

struct open_policy final : body_policy {
  bool trusted = false;
  std::size_t room = 1'000'000, taken = 0;
  bool is_trusted(std::string_view authorization) const override {
    return trusted || authorization == "Bearer secret";
  }
  bool is_streamed(std::string_view method,
                   std::string_view target) const override {
    return method == "POST" && target == "/stream";
  }
  bool reserve(std::size_t bytes) override {
    if (bytes > room - taken)
      return false;
    taken += bytes;
    return true;
  }
  void release(std::size_t bytes) override { taken -= bytes; }
};

struct message_world {
  message_limits limits;
  open_policy policy;
  message_guard guard{limits, policy};

  std::size_t feed(std::string_view bytes) { return guard.feed(bytes); }
  fault_code refused(std::string_view bytes) {
    guard.feed(bytes);
    REQUIRE(guard.now() == phase::broken);
    return guard.why().code;
  }
};

const std::string host_line = "Host: a\r\n";

} // namespace

TEST_CASE("a message ends where the next begins", "[http]") {
  message_world w;
  const std::string first = "GET /a HTTP/1.1\r\n" + host_line + "\r\n";
  CHECK(w.feed(first + "GET /b") == first.size());
  CHECK(w.guard.now() == phase::complete);
  CHECK(w.feed("more") == 0);
  w.guard.next();
  CHECK(w.guard.now() == phase::idle);
  const std::string second =
      "POST /b HTTP/1.1\r\n" + host_line + "Content-Length: 3\r\n\r\nabc";
  CHECK(w.feed(second + "X") == second.size());
  CHECK(w.guard.now() == phase::complete);
}

TEST_CASE("a message may come byte by byte", "[http]") {
  message_world w;
  const std::string text = "POST /b HTTP/1.1\r\n" + host_line
                           + "Transfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t i = 0; i < text.size(); ++i) {
    CHECK(w.guard.now() != phase::complete);
    REQUIRE(w.feed(std::string_view{text}.substr(i, 1)) == 1);
  }
  CHECK(w.guard.now() == phase::complete);
}

TEST_CASE("phases follow the message", "[http]") {
  message_world w;
  CHECK(w.guard.now() == phase::idle);
  w.feed("POST / HT");
  CHECK(w.guard.now() == phase::head);
  w.feed("TP/1.1\r\n" + host_line + "Content-Length: 2\r\n\r\n");
  CHECK(w.guard.now() == phase::body);
  w.feed("ab");
  CHECK(w.guard.now() == phase::complete);
}

TEST_CASE("each limit has its own fault", "[http]") {
  message_world w;
  SECTION("URL") {
    CHECK(w.refused("GET /" + std::string(8'000, 'a'))
          == fault_code::uri_too_long);
  }
  SECTION("URL in pieces") {
    w.feed("GET /");
    for (int i = 0; i < 80; ++i)
      w.feed(std::string(100, 'a'));
    CHECK(w.guard.now() == phase::broken);
    CHECK(w.guard.why().code == fault_code::uri_too_long);
  }
  SECTION("fields") {
    std::string text = "GET / HTTP/1.1\r\n" + host_line;
    for (int i = 0; i < 100; ++i)
      text += "A: b\r\n";
    CHECK(w.refused(text) == fault_code::headers_too_large);
  }
  SECTION("head") {
    w.feed("GET / HTTP/1.1\r\n" + host_line + "A: ");
    const std::string piece(4'096, 'x');
    int pieces = 0;
    while (w.guard.now() == phase::head && pieces < 100) {
      w.feed(piece);
      ++pieces;
    }
    CHECK(w.guard.now() == phase::broken);
    CHECK(w.guard.why().code == fault_code::headers_too_large);
    CHECK(pieces <= 17);
  }
  SECTION("trailers") {
    w.feed("POST / HTTP/1.1\r\n" + host_line
           + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ");
    const std::string piece(4'096, 'x');
    int pieces = 0;
    while (w.guard.now() == phase::body && pieces < 100) {
      w.feed(piece);
      ++pieces;
    }
    CHECK(w.guard.now() == phase::broken);
    CHECK(pieces <= 20);
  }
  SECTION("many trailers") {
    std::string text = "POST / HTTP/1.1\r\n" + host_line
                       + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
    for (int i = 0; i < 100; ++i)
      text += "A: b\r\n";
    CHECK(w.refused(text + "\r\n") == fault_code::headers_too_large);
  }
  SECTION("announced body without a bearer") {
    CHECK(w.refused("POST / HTTP/1.1\r\n" + host_line
                    + "Content-Length: 65537\r\n\r\n")
          == fault_code::body_too_large);
  }
  SECTION("announced body with a bearer") {
    CHECK(w.refused("POST / HTTP/1.1\r\nAuthorization: Bearer secret\r\n"
                    + host_line + "Content-Length: 8388609\r\n\r\n")
          == fault_code::body_too_large);
  }
  SECTION("chunked body") {
    w.feed("POST / HTTP/1.1\r\n" + host_line
           + "Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n");
    int pieces = 0;
    while (w.guard.now() == phase::body && pieces < 100) {
      w.feed(std::string(4'096, 'x'));
      ++pieces;
    }
    CHECK(w.guard.why().code == fault_code::body_too_large);
    CHECK(pieces == 17);
  }
  SECTION("memory for all bodies") {
    w.policy.room = 10;
    CHECK(w.refused("POST / HTTP/1.1\r\n" + host_line
                    + "Content-Length: 11\r\n\r\n")
          == fault_code::rate_limited);
  }
}

TEST_CASE("what is no HTTP is malformed", "[http]") {
  const auto text = GENERATE_COPY(
      as<std::string>{}, "\x16\x03\x01\x02\x00", "hello world\r\n\r\n",
      "GET / HTTP/2.0\r\n" + host_line + "\r\n", "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n" + host_line + host_line + "\r\n",
      "GET  HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\n" + host_line + "X-Any : a\r\n\r\n",
      "GET / HTTP/1.1\r\n" + host_line + "X Any: a\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host_line + "Content-Length : 1\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host_line
          + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host_line
          + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host_line + "Content-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host_line
          + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  message_world w;
  INFO(text);
  CHECK(w.refused(text) == fault_code::malformed);
}

TEST_CASE("HTTP/1.0 needs no Host", "[http]") {
  message_world w;
  w.feed("GET / HTTP/1.0\r\n\r\n");
  CHECK(w.guard.now() == phase::complete);
}

TEST_CASE("100 Continue is wanted once, and only with a body", "[http]") {
  message_world w;
  w.feed("POST / HTTP/1.1\r\n" + host_line
         + "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(w.guard.take_continue());
  CHECK_FALSE(w.guard.take_continue());
  message_world without;
  without.feed("GET / HTTP/1.1\r\n" + host_line
               + "Expect: 100-continue\r\n\r\n");
  CHECK_FALSE(without.guard.take_continue());
}

TEST_CASE("the memory of a body is claimed once and given back", "[http]") {
  message_world w;
  w.policy.trusted = true;
  w.feed("POST / HTTP/1.1\r\n" + host_line + "Content-Length: 500\r\n\r\n");
  CHECK(w.policy.taken == 500);
  w.feed(std::string(500, 'x'));
  CHECK(w.policy.taken == 500);
  w.guard.next();
  CHECK(w.policy.taken == 0);
  {
    message_guard dropped{w.limits, w.policy};
    dropped.feed("POST / HTTP/1.1\r\n" + host_line
                 + "Content-Length: 7\r\n\r\n");
    CHECK(w.policy.taken == 7);
  }
  CHECK(w.policy.taken == 0);
}

TEST_CASE("an upgrade is recognised", "[http]") {
  message_world w;
  const std::string text = "GET / HTTP/1.1\r\n" + host_line
                           + "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                             "\r\n";
  CHECK(w.feed(text + "\x81") == text.size());
  CHECK(w.guard.now() == phase::complete);
  CHECK(w.guard.is_upgrade());
}

TEST_CASE("the head of a streamed body is kept whole and its body is not",
          "[http][upload]") {
  message_world w;
  w.limits.head = 10'000;
  const std::string long_name = "X-" + std::string(40, 'n');
  const std::string long_value(5'000, 'v');
  const auto head = "POST /stream HTTP/1.1\r\n" + host_line + long_name + ": "
                    + long_value + "\r\nContent-Length: 2000000\r\n\r\n";
  const auto in_pieces = GENERATE(true, false);
  if (in_pieces) {
    for (const char c : head)
      REQUIRE(w.feed({&c, 1}) == 1);
    CHECK(w.guard.take_piece().empty());
  } else {
    const auto text = head + "first";
    CHECK(w.feed(text) == text.size());
    CHECK(w.guard.take_piece() == "first");
  }
  // More than the limit of bodies, and than there is memory for.
  REQUIRE(w.guard.is_streamed());
  CHECK(w.policy.taken == 0);
  const auto kept = w.guard.take_head();
  CHECK(kept.method == "POST");
  CHECK(kept.target == "/stream");
  CHECK(kept.length == 2'000'000);
  REQUIRE(kept.fields.size() == 3);
  CHECK(kept.fields[0] == std::pair<std::string, std::string>{"Host", "a"});
  CHECK(kept.fields[1].first == long_name);
  CHECK(kept.fields[1].second == long_value);
  w.feed("more");
  CHECK(w.guard.take_piece() == "more");
  CHECK(w.guard.take_piece().empty());
  CHECK(w.guard.now() == phase::body);
}

TEST_CASE("a streamed body ends with its length", "[http][upload]") {
  message_world w;
  const std::string text =
      "POST /stream HTTP/1.1\r\n" + host_line + "Content-Length: 3\r\n\r\nabc";
  const auto more = text + "GET";
  CHECK(w.feed(more) == text.size());
  CHECK(w.guard.now() == phase::complete);
  CHECK(w.guard.is_streamed());
  CHECK(w.guard.take_piece() == "abc");
  w.guard.next();
  CHECK_FALSE(w.guard.is_streamed());
}

TEST_CASE("a streamed body in chunks has no length and one of nothing is none",
          "[http][upload]") {
  message_world w;
  w.feed("POST /stream HTTP/1.1\r\n" + host_line
         + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(w.guard.is_streamed());
  CHECK(w.guard.take_head().length == -1);
  CHECK(w.guard.take_piece() == "abc");
  message_world other;
  other.feed("POST /stream HTTP/1.1\r\n" + host_line
             + "Content-Length: 0\r\n\r\n");
  CHECK(other.guard.now() == phase::complete);
  CHECK_FALSE(other.guard.is_streamed());
}

TEST_CASE("a streamed body comes out of its chunks however they are cut",
          "[http][upload]") {
  const std::string head = "POST /stream HTTP/1.1\r\n" + host_line
                           + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string chunks =
      "3\r\nabc\r\n1;x=y\r\nd\r\n0a\r\n0123456789\r\n0\r\n\r\n";
  for (std::size_t at = 0; at <= chunks.size(); ++at) {
    INFO("cut at " << at);
    message_world w;
    w.feed(head);
    std::string body;
    for (const auto& part : {chunks.substr(0, at), chunks.substr(at)}) {
      CHECK(w.feed(part) == part.size());
      body += w.guard.take_piece();
    }
    CHECK(body == "abcd0123456789");
    CHECK(w.guard.now() == phase::complete);
  }
}

TEST_CASE("what follows the chunks of a streamed body is not of it",
          "[http][upload]") {
  message_world w;
  w.feed("POST /stream HTTP/1.1\r\n" + host_line
         + "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunks = "3\r\nabc\r\n0\r\n\r\n";
  CHECK(w.feed(chunks + "GET") == chunks.size());
  CHECK(w.guard.take_piece() == "abc");
  CHECK(w.guard.now() == phase::complete);
}

TEST_CASE("a streamed body whose chunks are none is broken", "[http][upload]") {
  message_world w;
  w.feed("POST /stream HTTP/1.1\r\n" + host_line
         + "Transfer-Encoding: chunked\r\n\r\n");
  w.feed("some\r\nabc\r\n");
  CHECK(w.guard.now() == phase::broken);
}

TEST_CASE("other requests are not kept", "[http][upload]") {
  message_world w;
  w.feed("POST /other HTTP/1.1\r\n" + host_line
         + "Content-Length: 3\r\n\r\nabc");
  CHECK(w.guard.now() == phase::complete);
  CHECK_FALSE(w.guard.is_streamed());
}
