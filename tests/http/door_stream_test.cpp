#include "tests/http/door_world.hpp"

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

std::shared_ptr<stream> wait_stream(door_world& w) {
  std::shared_ptr<stream> opened;
  REQUIRE(w.news.wait([&] { return !w.streams.empty(); }));
  w.news.change([&] { opened = w.streams.front(); });
  return opened;
}

} // namespace

TEST_CASE("a stream is sent piece by piece and ends", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/stream"));
  const auto head = client.read_answer();
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->header("Transfer-Encoding") == "chunked");
  CHECK(head->header("Content-Type") == "text/event-stream");
  CHECK(head->count("Content-Length") == 0);
  const auto opened = wait_stream(w);
  CHECK(opened->write("one"));
  client.read_until(
      [](const std::string& all) { return all == "3\r\none\r\n"; });
  CHECK(opened->write("two!"));
  CHECK(opened->is_open());
  opened->close();
  CHECK_FALSE(opened->is_open());
  CHECK_FALSE(opened->write("three"));
  client.read_until([](const std::string& all) {
    return all == "3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n";
  });
  CHECK(client.pending() == "3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n");
  client.pending().clear();
  // The connection goes on.
  CHECK(client.ask(get("/poll"))->body == "polled");
}

TEST_CASE("a dropped stream ends cleanly", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/stream"));
  REQUIRE(client.read_answer());
  wait_stream(w);
  w.news.change([&] { w.streams.clear(); });
  client.read_until([](const std::string& all) { return all == "0\r\n\r\n"; });
  CHECK(client.pending() == "0\r\n\r\n");
}

TEST_CASE("many writes arrive in order", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/stream"));
  REQUIRE(client.read_answer());
  const auto opened = wait_stream(w);
  std::string expected;
  for (int i = 0; i < 2'000; ++i) {
    const std::string line = "line " + std::to_string(1'000 + i);
    REQUIRE(opened->write(line));
    expected += "9\r\n" + line + "\r\n";
  }
  client.read_until(
      [&](const std::string& all) { return all.size() >= expected.size(); });
  CHECK(client.pending() == expected);
}

TEST_CASE("a client that vanishes frees its stream at once", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/stream"));
  REQUIRE(client.read_answer());
  const auto opened = wait_stream(w);
  SECTION("closing") {
    client.close();
  }
  SECTION("resetting") {
    client.abort();
  }
  SECTION("closing its half") {
    client.half_close();
  }
  CHECK(w.wait_count([](const auto& count) {
    return count.streams == 0 && count.connections == 0;
  }));
  CHECK_FALSE(opened->is_open());
  CHECK_FALSE(opened->write("x"));
}

TEST_CASE("a client that does not read is cut", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.shrink_receive_buffer(4'096);
  client.send(get("/stream"));
  REQUIRE(client.read_answer());
  const auto opened = wait_stream(w);
  const std::string piece(100'000, 'x');
  // The kernel takes some megabytes before the cap counts.
  int taken = 0;
  while (taken < 1'000 && opened->write(piece))
    ++taken;
  CHECK(taken < 1'000);
  CHECK_FALSE(opened->is_open());
  CHECK(w.wait_count([](const auto& count) {
    return count.streams == 0 && count.connections == 0;
  }));
}

TEST_CASE("HTTP/1.0 cannot have a stream", "[http][door]") {
  door_world w;
  auto client = w.client();
  CHECK(client.ask("GET /stream HTTP/1.0\r\n\r\n")->status == 501);
  CHECK(client.has_ended());
}

TEST_CASE("a vanished client of a pending request is let go", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  SECTION("resetting") {
    client.abort();
    CHECK(w.wait_count([](const auto& count) {
      return count.connections == 0 && count.pending == 0;
    }));
  }
  SECTION("closing") {
    // It cannot be told from one that only stopped sending: it is answered,
    // and that fails.
    client.close();
  }
  w.take_held()->reply({200, {}, "nobody reads this"});
  CHECK(w.wait_count([](const auto& count) {
    return count.connections == 0 && count.pending == 0;
  }));
}

TEST_CASE("a client that only stopped sending is answered", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  client.half_close();
  REQUIRE(w.wait_held(1));
  w.take_held()->reply({200, {}, "for you"});
  CHECK(client.read_answer()->body == "for you");
  CHECK(client.has_ended());
}
