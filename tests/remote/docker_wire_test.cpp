#include "remote/docker_wire.hpp"

#include <catch2/catch.hpp>

#include <string>

using alula::remote::answer_reader;

namespace {

struct reading {
  answer_reader reader;
  std::string body;
  bool makes_sense = true;

  /// In pieces of this size.
  reading& feed(const std::string& text, std::size_t piece) {
    for (std::size_t at = 0; at < text.size(); at += piece)
      makes_sense = reader.feed(text.substr(at, piece),
                                [this](std::string_view some) { body += some; })
                    && makes_sense;
    return *this;
  }
};

const std::string chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n";

} // namespace

TEST_CASE("an answer in chunks is put together, however it is cut",
          "[remote]") {
  for (std::size_t piece = 1; piece <= chunked.size(); ++piece) {
    INFO(piece);
    reading r;
    r.feed(chunked, piece);
    CHECK(r.makes_sense);
    CHECK(r.reader.status() == 200);
    CHECK(r.body == "hello, world");
    CHECK(r.reader.is_over());
  }
}

TEST_CASE("an answer with a length ends there", "[remote]") {
  reading r;
  r.feed("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!rest", 2);
  CHECK(r.makes_sense);
  CHECK(r.reader.status() == 404);
  CHECK(r.body == "no!");
  CHECK(r.reader.is_over());
}

TEST_CASE("after 101 everything belongs to the other protocol", "[remote]") {
  reading r;
  r.feed("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nHTTP/1.1 \r\n",
         3);
  CHECK(r.reader.status() == 101);
  CHECK(r.body == "HTTP/1.1 \r\n");
  CHECK_FALSE(r.reader.is_over());
  CHECK(r.reader.close());
}

TEST_CASE("a body without a length ends with the connection", "[remote]") {
  reading r;
  r.feed("HTTP/1.1 200 OK\r\n\r\nabc", 4);
  CHECK_FALSE(r.reader.is_over());
  CHECK(r.reader.close());
  CHECK(r.body == "abc");
}

TEST_CASE("an answer that goes on is waited for", "[remote]") {
  reading r;
  r.feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 5);
  CHECK(r.reader.status() == 204);
  CHECK(r.reader.is_over());
}

TEST_CASE("an answer that was cut is not whole", "[remote]") {
  for (const std::string text :
       {"", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n"}) {
    INFO(text);
    reading r;
    r.feed(text, 1'000);
    CHECK(r.makes_sense);
    CHECK_FALSE(r.reader.close());
  }
}

TEST_CASE("what is no HTTP is seen as such", "[remote]") {
  for (const std::string text :
       {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 99 X\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "ffffffffffffffff\r\n"}) {
    INFO(text);
    for (const std::size_t piece : {1U, 1'000U})
      CHECK_FALSE(reading{}.feed(text, piece).makes_sense);
  }
  CHECK_FALSE(reading{}
                  .feed("HTTP/1.1 200 OK\r\n" + std::string(70'000, 'x'), 4'096)
                  .makes_sense);
  CHECK_FALSE(reading{}
                  .feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + std::string(5'000, '0'),
                        100)
                  .makes_sense);
}
