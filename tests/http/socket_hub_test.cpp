#include "http/socket_hub.hpp"
#include "tests/contracts/audience_contract.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

// -- pings -------------------------------------------------------------------

TEST_CASE("a peer that answers pings stays", "[http]") {
  socket_world world;
  auto claims = world.claims(server_a);
  claims["exp"] = world.clock.now() / 1'000 + 3'600;
  const auto socket = world.join(server_a, claims);
  for (int i = 1; i <= 10; ++i) {
    world.pass(30s);
    CHECK(socket->pings() == i);
    if (i % 2 == 0)
      socket->pong();
  }
  CHECK(socket->is_open());
}

TEST_CASE("a peer that talks is alive", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  for (int i = 0; i < 6; ++i) {
    world.pass(30s);
    socket->receive("{}");
  }
  CHECK(socket->is_open());
}

TEST_CASE("a peer that misses two pings is dead", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.pass(30s);
  world.pass(30s);
  CHECK(socket->pings() == 2);
  CHECK(socket->is_open());
  world.pass(30s);
  CHECK(socket->was_killed());
  CHECK(world.hub.count(server_a) == 0);
}

// -- the end -----------------------------------------------------------------

TEST_CASE("a dismissed socket is ended after the grace", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  const auto guest = world.open(server_a);
  world.hub.announce(server_a, "deleted", {"null"});
  world.hub.dismiss(server_a, 1001, "server deleted", 2s);
  CHECK(world.heard(*socket) == lines{"deleted null"});
  CHECK(socket->close_code() == 1001);
  CHECK(socket->close_reason() == "server deleted");
  CHECK(guest->close_code() == 1001);
  CHECK(world.hub.count(server_a) == 0);

  // Nothing is said to it or heard from it any more.
  world.hub.announce(server_a, "status", {"offline"});
  socket_world::say(*socket, "send stats", {nullptr});
  deny(world, R"({"jtis":["jti-1"]})");
  CHECK(world.heard(*socket).empty());

  world.pass(1'999ms);
  CHECK_FALSE(socket->was_killed());
  world.pass(1ms);
  CHECK(socket->was_killed());
  CHECK(guest->was_killed());
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("a dismissed socket that goes by itself is not killed", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.hub.dismiss(server_a, 1001, "server deleted", 2s);
  socket->end(1001);
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
  world.pass(1h);
  CHECK_FALSE(socket->was_killed());
}

TEST_CASE("a hub that closes lets nobody in", "[http]") {
  socket_world world;
  const auto a = world.join(server_a);
  const auto b = world.join(server_b);
  world.hub.dismiss_all(1001, "the node restarts", 1s);
  CHECK(a->close_code() == 1001);
  CHECK(b->close_code() == 1001);
  CHECK(status_of(world.ask(server_a)) == 503);
  world.hub.stop();
  CHECK(a->was_killed());
}

TEST_CASE("nothing is due without sockets", "[http]") {
  socket_world world;
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
  const auto socket = world.join(server_a);
  CHECK(world.hub.run_due(world.clock.steady()).has_value());
  socket->end();
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("the hub's own thread keeps its deadlines", "[http]") {
  socket_limits limits;
  limits.auth_deadline = 50ms;
  limits.close_grace = 50ms;
  const jobs::system_clock clock;
  servers_only engine;
  engine.add(server_a);
  socket_hub hub{{"key", "", {"*"}}, {.limits = limits}, clock};
  auto req = doubles::make_request("GET", "/", {}, {{"Upgrade", "websocket"}});
  req.params.emplace_back("server", server_a.to_string());
  const auto asked = std::make_shared<fake_exchange>(std::move(req));
  make_socket_handler(hub, engine)(asked);
  const auto socket = asked->opened_socket();
  REQUIRE(socket);
  CHECK(socket->wait_until([](const auto& s) { return s.was_killed(); }));
  CHECK(socket->close_code() == 1008);
}

namespace {

/// A connection that ends, and says so, inside every call made on it.
class brittle_socket final : public websocket {
public:
  explicit brittle_socket(websocket_events events)
    : events_(std::move(events)) {}
  bool send(frame_ptr) override { return gone(); }
  bool ping() override { return gone(); }
  void close(std::uint16_t, std::string_view) override { gone(); }
  void kill() override { gone(); }
  bool is_open() const override { return open_; }
  void receive(std::string text) { events_.on_text(std::move(text)); }

private:
  bool gone() {
    if (std::exchange(open_, false))
      events_.on_closed(1006);
    return false;
  }
  websocket_events events_;
  bool open_ = true;
};

class brittle_exchange final : public exchange {
public:
  explicit brittle_exchange(request req) : req_(std::move(req)) {}
  const request& req() const override { return req_; }
  void reply(response) override {}
  void reply_file(response, file_slice) override {}
  void reply_pulled(response, std::int64_t,
                    std::shared_ptr<body_source>) override {}
  bool take_body(std::shared_ptr<jobs::body_pipe>) override { return false; }
  std::shared_ptr<stream> start_stream(response) override { return nullptr; }
  std::shared_ptr<websocket> upgrade(websocket_events events) override {
    return socket = std::make_shared<brittle_socket>(std::move(events));
  }
  std::shared_ptr<brittle_socket> socket;

private:
  const request req_;
};

} // namespace

TEST_CASE("a connection may end inside any call", "[http]") {
  socket_world world;
  auto req = doubles::make_request(
      "GET", "/", {}, {{"Upgrade", "websocket"}, {"Origin", world.panel}});
  req.params.emplace_back("server", server_a.to_string());
  const auto asked = std::make_shared<brittle_exchange>(std::move(req));
  make_socket_handler(world.hub, world.engine)(asked);
  REQUIRE(world.hub.count(server_a) == 1);
  SECTION("send") {
    asked->socket->receive(R"({"event":"send logs"})");
  }
  SECTION("close and kill") {
    world.hub.dismiss(server_a, 1001, "server deleted", 1s);
    world.pass(1s);
  }
  SECTION("ping") {
    world.pass(30s);
  }
  SECTION("kill") {
    world.hub.stop();
  }
  CHECK(world.hub.count(server_a) == 0);
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("many threads may use the hub at once", "[http]") {
  socket_limits limits;
  limits.frames_per_second = 1e6;
  limits.frames_burst = 1e6;
  socket_world world{limits};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  const auto repeat = [&](auto what) {
    threads.emplace_back([&done, what] {
      while (!done)
        what();
    });
  };
  repeat([&] { world.hub.announce(server_a, "status", {"running"}); });
  repeat([&] { world.hub.dismiss(server_a, 1001, "server deleted", 1ms); });
  repeat([&] { world.hub.deny({"jti-2"}); });
  repeat([&] {
    world.hub.run_due(world.clock.steady());
    world.hub.count(server_a);
  });
  for (int i = 0; i < 300; ++i) {
    const auto socket = world.open(server_a);
    world.authenticate(*socket, world.claims(server_a));
    world.clock.move(10ms);
    socket->pong();
    socket->end();
  }
  done = true;
  for (auto& thread : threads)
    thread.join();
  CHECK(world.hub.count(server_a) == 0);
}

// -- the contract ------------------------------------------------------------

namespace {

class hub_audience final : public contracts::audience_world {
public:
  jobs::audience& port() override { return world_.hub; }
  void connect(const jobs::server_id& server) override {
    sockets_.emplace_back(server, world_.join(server));
  }
  lines heard(const jobs::server_id& server) override {
    std::optional<lines> all;
    for (const auto& [of, socket] : sockets_) {
      if (of != server)
        continue;
      auto one = world_.heard(*socket);
      if (const auto code = socket->close_code())
        one.push_back("closed " + std::to_string(*code) + " "
                      + socket->close_reason());
      CHECK((!all || *all == one));
      all = one;
    }
    return all.value_or(lines{});
  }

private:
  socket_world world_;
  std::vector<std::pair<jobs::server_id, std::shared_ptr<fake_websocket>>>
      sockets_;
};

class fake_audience_world final : public contracts::audience_world {
public:
  jobs::audience& port() override { return audience_; }
  void connect(const jobs::server_id& server) override {
    ++audience_.sockets[server];
  }
  lines heard(const jobs::server_id& server) override {
    lines found;
    const auto uuid = server.to_string() + ' ';
    for (const auto& line : audience_.calls()) {
      if (line.find("announce " + uuid) == 0)
        found.push_back(line.substr(46));
      else if (line.find("dismiss " + uuid) == 0)
        found.push_back("closed " + line.substr(45));
    }
    return found;
  }

private:
  jobs::fake_audience audience_;
};

} // namespace

TEST_CASE("the hub keeps the contract of an audience", "[http]") {
  contracts::audience_keeps_its_contract(
      []() -> std::unique_ptr<contracts::audience_world> {
        return std::make_unique<hub_audience>();
      });
}

TEST_CASE("the fake keeps the contract of an audience", "[http]") {
  contracts::audience_keeps_its_contract(
      []() -> std::unique_ptr<contracts::audience_world> {
        return std::make_unique<fake_audience_world>();
      });
}
