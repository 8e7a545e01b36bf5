/// What every implementation of jobs::audience promises, checked alike on the
/// fake and on the real one.
#pragma once

#include "jobs/ports.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace alula::contracts {

/// A fresh place with the port on it and nobody connected.
struct audience_world {
  virtual ~audience_world() = default;
  virtual jobs::audience& port() = 0;
  /// One more client that may see everything of the server.
  virtual void connect(const jobs::server_id& server) = 0;
  /// What the clients of the server saw, each the same, in order: "deleted
  /// null" for an event and its arguments, "closed 1001 server deleted".
  virtual std::vector<std::string> heard(const jobs::server_id& server) = 0;
};

inline void
audience_keeps_its_contract(std::unique_ptr<audience_world> (*make_world)()) {
  using namespace std::chrono_literals;
  using lines = std::vector<std::string>;
  const auto server =
      *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  const auto other =
      *jobs::server_id::parse("1c9a4a8e-7b6d-4d43-9c0b-6a5b4c3d2e1f");
  const auto world = make_world();
  auto& audience = world->port();

  SECTION("clients are counted by server") {
    CHECK(audience.count(server) == 0);
    world->connect(server);
    world->connect(server);
    world->connect(other);
    CHECK(audience.count(server) == 2);
    CHECK(audience.count(other) == 1);
  }

  SECTION("without clients nothing happens") {
    audience.announce(server, "deleted", {"null"});
    audience.dismiss(server, 1001, "server deleted", 10ms);
    CHECK(audience.count(server) == 0);
  }

  SECTION("announcements come in order, and before the dismissal") {
    world->connect(server);
    world->connect(server);
    audience.announce(server, "transfer status", {"completed"});
    audience.announce(server, "deleted", {"null"});
    audience.dismiss(server, 1001, "server deleted", 10ms);
    CHECK(world->heard(server)
          == lines{"transfer status completed", "deleted null",
                   "closed 1001 server deleted"});
    CHECK(audience.count(server) == 0);
  }

  SECTION("other servers are left alone") {
    world->connect(server);
    world->connect(other);
    audience.announce(server, "deleted", {"null"});
    audience.dismiss(server, 1001, "server deleted", 10ms);
    audience.announce(other, "status", {"running"});
    CHECK(world->heard(other) == lines{"status running"});
    CHECK(audience.count(other) == 1);
  }

  SECTION("a second dismissal finds nobody") {
    world->connect(server);
    audience.dismiss(server, 1001, "server deleted", 10ms);
    const auto before = world->heard(server);
    audience.dismiss(server, 1001, "server deleted", 10ms);
    CHECK(audience.count(server) == 0);
    CHECK(before == lines{"closed 1001 server deleted"});
  }

  SECTION("an event may have no argument") {
    world->connect(server);
    audience.announce(server, "install started", {});
    CHECK(world->heard(server) == lines{"install started"});
  }
}

} // namespace alula::contracts
