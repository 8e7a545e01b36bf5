#include "tests/http/door_world.hpp"

#include <future>
#include <thread>

using namespace alula;
using namespace alula::http;
using doubles::read_frame;
using std::chrono::milliseconds;

TEST_CASE("who counts while the door stops gets an answer", "[http][door]") {
  for (int round = 0; round < 50; ++round) {
    door_world w;
    happening counting;
    bool begun = false;
    std::thread watcher{[&] {
      for (int i = 0; i < 200; ++i) {
        (void)w.door->count();
        counting.change([&] { begun = true; });
      }
    }};
    CHECK(counting.wait([&] { return begun; }));
    w.door->stop(milliseconds{0});
    watcher.join();
    CHECK(w.door->count().connections == 0);
  }
}

TEST_CASE("draining lets reads finish and takes no new work", "[http][door]") {
  door_world w;
  auto waiting = w.client(), asking = w.client(), idle = w.client();
  REQUIRE(idle.ask(get("/poll")));
  waiting.send(get("/hold"));
  asking.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string{bearer}
              + "Content-Length: 1\r\n\r\n");
  auto second = w.client();
  second.send("GET /poll HTTP/1.1\r\nHost: a\r\n");
  REQUIRE(w.wait_held(1));
  REQUIRE(
      w.wait_count([](const auto& count) { return count.connections == 4; }));
  const auto port = w.door->port();
  w.door->drain();
  // Idle connections end, new ones are refused.
  CHECK(idle.has_ended());
  CHECK_FALSE(raw_client{port}.is_connected());
  asking.send("x");
  const auto refused = asking.read_answer();
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(refused->body.find("shutting-down") != std::string::npos);
  CHECK(refused->count("Retry-After") == 1);
  second.send("\r\n");
  const auto read = second.read_answer();
  REQUIRE(read);
  CHECK(read->status == 200);
  CHECK(read->header("Connection") == "close");
  w.take_held()->reply({200, {}, "done"});
  const auto last = waiting.read_answer();
  CHECK(last->body == "done");
  CHECK(last->header("Connection") == "close");
  CHECK(waiting.has_ended());
}

TEST_CASE("stopping waits for answers, within its grace", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  auto stopped = std::async(std::launch::async,
                            [&] { w.door->stop(std::chrono::seconds{20}); });
  w.take_held()->reply({200, {}, "just in time"});
  CHECK(client.read_answer()->body == "just in time");
  CHECK(stopped.wait_for(std::chrono::seconds{20})
        == std::future_status::ready);
}

TEST_CASE("stopping does not wait for who has nothing to ask", "[http][door]") {
  for (int i = 0; i < 20; ++i) {
    door_world w;
    auto client = w.client();
    client.send(get("/poll"));
    // Somewhere between the request and the idle connection.
    const auto begun = std::chrono::steady_clock::now();
    w.door->stop(std::chrono::seconds{60});
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{20});
  }
}

TEST_CASE("stopping cuts what outlasts its grace", "[http][door]") {
  door_world w;
  auto client = w.client();
  client.send(get("/hold"));
  REQUIRE(w.wait_held(1));
  w.door->stop(milliseconds{50});
  CHECK(client.has_ended());
}

TEST_CASE("stopping says goodbye to streams and websockets", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  auto listener = w.client();
  listener.send(get("/stream"));
  REQUIRE(listener.read_answer());
  REQUIRE(w.news.wait([&] { return !w.streams.empty(); }));
  CHECK(w.streams[0]->write("x"));
  auto stopped = std::async(std::launch::async,
                            [&] { w.door->stop(std::chrono::seconds{20}); });
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->close_code() == 1001);
  peer.send(doubles::make_frame(8, "\x03\xE9"));
  CHECK(listener.read_to_end() == "1\r\nx\r\n0\r\n\r\n");
  stopped.wait();
  CHECK(w.closed_with == std::vector<std::uint16_t>{1001});
}

TEST_CASE("everything may outlive the server", "[http][door]") {
  door_world w;
  auto client = w.client(), listener = w.client();
  auto peer = w.open_socket();
  client.send(get("/hold"));
  listener.send(get("/stream"));
  REQUIRE(w.wait_held(1));
  REQUIRE(w.news.wait([&] { return !w.streams.empty(); }));
  w.door.reset();
  CHECK(w.closed_with.size() == 1);
  const auto to = w.take_held();
  CHECK(to->req().path == "/hold");
  to->reply({200, {}, "too late"});
  CHECK_FALSE(w.streams[0]->write("x"));
  w.streams[0]->close();
  w.sockets[0]->send(std::make_shared<const std::string>("x"));
  CHECK_FALSE(w.sockets[0]->is_open());
  w.sockets[0]->close(1000, "");
  w.sockets[0]->kill();
}

TEST_CASE("an answer may race with the end of the server", "[http][door]") {
  for (int i = 0; i < 30; ++i) {
    door_world w;
    auto client = w.client();
    client.send(get("/hold"));
    REQUIRE(w.wait_held(1));
    std::thread answering{[to = w.take_held()]() mutable {
      to->reply({200, {}, "x"});
      to.reset();
    }};
    w.door.reset();
    answering.join();
  }
}

TEST_CASE("a server that never started can be stopped", "[http][door]") {
  server never{door_world::make_settings(), {}};
  never.stop(milliseconds{10});
  never.stop(milliseconds{10});
  CHECK(never.port() == 0);
}
