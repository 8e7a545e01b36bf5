#include "tests/http/door_world.hpp"

#include <random>

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

/// The same on every run.
std::mt19937 dice{20'240'229};

int roll(int sides) {
  return std::uniform_int_distribution<int>{0, sides - 1}(dice);
}

std::string random_bytes(int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i)
    bytes += static_cast<char>(roll(256));
  return bytes;
}

/// The door lives, counts right and serves.
void expect_healthy(door_world& w) {
  CHECK(w.client().ask(get("/poll"))->status == 200);
  CHECK(w.wait_count([](const auto& count) {
    return count.connections == 0 && count.pending == 0 && count.websockets == 0
           && count.streams == 0;
  }));
}

} // namespace

TEST_CASE("random bytes get an answer or an end", "[http][door]") {
  door_world w;
  for (int i = 0; i < 300; ++i) {
    auto client = w.client();
    client.send(random_bytes(1 + roll(2'000)));
    client.half_close();
    REQUIRE(client.has_ended());
  }
  expect_healthy(w);
}

TEST_CASE("spoilt requests get an answer or an end", "[http][door]") {
  door_world w;
  const std::vector<std::string> good{
      get("/poll?a=b%20c", bearer), post("/echo", "{\"a\":1}"),
      get("/items/a/b?q=1", bearer), doubles::upgrade_request("/ws"),
      "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
          + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
  for (int i = 0; i < 1'500; ++i) {
    auto request = good[static_cast<std::size_t>(roll(5))];
    for (int spoilt = 1 + roll(4); spoilt > 0; --spoilt) {
      const auto at =
          static_cast<std::size_t>(roll(static_cast<int>(request.size())));
      switch (roll(4)) {
      case 0:
        request[at] = static_cast<char>(roll(256));
        break;
      case 1:
        request.erase(at, 1 + static_cast<std::size_t>(roll(5)));
        break;
      case 2:
        request.insert(at, random_bytes(1 + roll(5)));
        break;
      default:
        request.insert(at, request.substr(at / 2, 20));
      }
      if (request.empty())
        request = "x";
    }
    auto client = w.client();
    client.send(request);
    client.half_close();
    REQUIRE(client.has_ended());
  }
  w.news.change([&] { w.sockets.clear(); });
  expect_healthy(w);
}

TEST_CASE("spoilt frames get an answer or an end", "[http][door]") {
  door_world w;
  for (int i = 0; i < 300; ++i) {
    auto peer = w.open_socket();
    auto frames = doubles::make_frame(1, "hello", false)
                  + doubles::make_frame(9, "x") + doubles::make_frame(0, "y")
                  + doubles::make_frame(8, "\x03\xE8");
    for (int spoilt = 1 + roll(4); spoilt > 0; --spoilt)
      frames[static_cast<std::size_t>(roll(static_cast<int>(frames.size())))] =
          static_cast<char>(roll(256));
    peer.send(frames);
    peer.half_close();
    REQUIRE(peer.has_ended());
  }
  CHECK(w.news.wait([&] { return w.closed_with.size() == 300; }));
  expect_healthy(w);
}

TEST_CASE("requests cut at every byte leave nothing", "[http][door]") {
  door_world w;
  const auto request = post("/echo", "0123456789");
  for (std::size_t size = 0; size < request.size(); ++size) {
    auto client = w.client();
    client.send(std::string_view{request}.substr(0, size));
    if (size % 2 == 0)
      client.abort();
    else
      client.half_close();
  }
  expect_healthy(w);
}

TEST_CASE("a request in single bytes is a request", "[http][door]") {
  door_world w;
  auto client = w.client();
  const auto request = post("/echo", "0123456789");
  for (const char byte : request)
    REQUIRE(client.send({&byte, 1}));
  CHECK(client.read_answer()->body == "0123456789");
}

TEST_CASE("clients that leave in the middle of an answer are forgotten",
          "[http][door]") {
  door_world w;
  for (int i = 0; i < 100; ++i) {
    auto client = w.client();
    client.send(get("/hold"));
    REQUIRE(w.wait_held(1));
    auto to = w.take_held();
    if (i % 2 == 0)
      client.abort();
    to->reply({200, {}, std::string(3'000'000, 'x')});
    if (i % 2 == 1)
      client.abort();
  }
  expect_healthy(w);
}
