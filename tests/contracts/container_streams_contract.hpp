/// What every implementation of jobs::container_streams promises, checked alike
/// on the fake and on a real dockerd.
#pragma once

#include "jobs/container_streams.hpp"
#include "tests/doubles/console_recorder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace alula::contracts {

/// An engine with consoles; what is made here is gone when the world is
/// destroyed.
struct container_streams_world {
  virtual ~container_streams_world() = default;
  virtual jobs::container_streams& port() = 0;
  /// Text that nobody else on this engine uses, the same for the same `word`.
  virtual std::string unique(const std::string& word) = 0;
  /// A container that was made and does not run yet.
  virtual void create(const std::string& name) = 0;
  virtual void run(const std::string& name) = 0;
  /// A running container puts this on its console.
  virtual void say(const std::string& name, const std::string& line) = 0;
  virtual void end(const std::string& name) = 0;
  virtual void remove(const std::string& name) = 0;
  /// Whether the container has read this line by now; waits for it.
  virtual bool has_read(const std::string& name, const std::string& line) = 0;
  /// The engine is seen for the first time by one who watches.
  virtual void appear() = 0;
};

inline void consoles_keep_their_contract(container_streams_world& world) {
  using jobs::fault_code;
  auto& streams = world.port();
  const auto name = world.unique("game");
  const auto listener = std::make_shared<doubles::console_recorder>();

  SECTION("a container that is not there has no console") {
    const auto attached = streams.attach(world.unique("nobody"), listener);
    REQUIRE_FALSE(attached);
    CHECK(attached.error().code == fault_code::docker_refused);
    CHECK_FALSE(streams.is_attached(world.unique("nobody")));
    streams.detach(world.unique("nobody"));
  }

  SECTION("one who attached before the start hears all, in order") {
    world.create(name);
    REQUIRE(streams.attach(name, listener));
    CHECK(streams.is_attached(name));
    world.run(name);
    world.say(name, "one");
    world.say(name, "two");
    CHECK(listener->heard("one"));
    CHECK(listener->heard("two"));
    const auto lines = listener->lines();
    CHECK(std::find(lines.begin(), lines.end(), "one")
          < std::find(lines.begin(), lines.end(), "two"));
    CHECK_FALSE(listener->has_ended());
  }

  SECTION("what is written is read in the container") {
    world.create(name);
    const auto refused = streams.write(name, "early\n");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::docker_refused);
    REQUIRE(streams.attach(name, listener));
    world.run(name);
    CHECK(streams.write(name, "save "));
    CHECK(streams.write(name, "now\n"));
    CHECK(world.has_read(name, "save now"));
  }

  SECTION("the end of a container is heard, once, after all it said") {
    world.create(name);
    REQUIRE(streams.attach(name, listener));
    world.run(name);
    world.say(name, "last words");
    world.end(name);
    CHECK(listener->ends());
    CHECK(listener->heard("last words"));
    CHECK_FALSE(streams.is_attached(name));
    CHECK_FALSE(streams.write(name, "anybody?\n"));
  }

  SECTION("a second listener takes over from the first") {
    world.create(name);
    REQUIRE(streams.attach(name, listener));
    world.run(name);
    const auto second = std::make_shared<doubles::console_recorder>();
    REQUIRE(streams.attach(name, second));
    CHECK(listener->ends());
    CHECK(streams.is_attached(name));
    world.say(name, "again");
    CHECK(second->heard("again"));
    CHECK(listener->ends_heard() == 1);
    CHECK_FALSE(second->has_ended());
  }

  SECTION("one who let go hears nothing more") {
    world.create(name);
    REQUIRE(streams.attach(name, listener));
    world.run(name);
    streams.detach(name);
    CHECK_FALSE(streams.is_attached(name));
    streams.detach(name);
    const auto before = listener->lines();
    const auto second = std::make_shared<doubles::console_recorder>();
    REQUIRE(streams.attach(name, second));
    world.say(name, "secret");
    REQUIRE(second->heard("secret"));
    CHECK(listener->lines() == before);
    CHECK_FALSE(listener->has_ended());
  }

  SECTION("the log's newest lines come oldest first") {
    CHECK(streams.log_tail(world.unique("nobody"), 10)->empty());
    world.create(name);
    REQUIRE(streams.attach(name, listener));
    world.run(name);
    for (const auto* line : {"one", "two", "three"})
      world.say(name, line);
    REQUIRE(listener->heard("three"));
    const auto tail = streams.log_tail(name, 2);
    REQUIRE(tail);
    CHECK(*tail == std::vector<std::string>{"two", "three"});
  }
}

inline void events_keep_their_contract(container_streams_world& world) {
  auto& streams = world.port();
  const auto name = world.unique("game");
  const auto listener = std::make_shared<doubles::event_recorder>();
  streams.watch(listener);
  world.appear();
  REQUIRE(listener->hears("missed"));

  SECTION("a container's life is told") {
    world.create(name);
    world.run(name);
    CHECK(listener->hears("start " + name));
    world.end(name);
    CHECK(listener->hears("die " + name));
    world.remove(name);
    CHECK(listener->hears("destroy " + name));
  }

  SECTION("one who stopped watching hears nothing more") {
    streams.stop_watching();
    const auto second = std::make_shared<doubles::event_recorder>();
    const auto before = listener->events();
    streams.watch(second);
    world.appear();
    REQUIRE(second->hears("missed"));
    world.create(name);
    world.run(name);
    REQUIRE(second->hears("start " + name));
    CHECK(listener->events() == before);
  }
  streams.stop_watching();
}

} // namespace alula::contracts
