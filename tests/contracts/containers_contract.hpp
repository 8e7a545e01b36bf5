/// What every implementation of jobs::containers promises, checked alike on the
/// fake and on a real dockerd.
#pragma once

#include "jobs/ports.hpp"
#include "tests/doubles/end_listener.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace alula::contracts {

/// A container engine that may hold containers of others; everything made here
/// is gone when the world is destroyed.
struct containers_world {
  virtual ~containers_world() = default;
  virtual jobs::containers& port() = 0;
  /// Text that nobody else on this engine uses, the same for the same `word`.
  virtual std::string unique(const std::string& word) = 0;
  /// Makes a container and returns its id. `label` is "key=value" or empty.
  virtual std::string add(const std::string& name, bool running,
                          const std::string& label) = 0;
};

inline void containers_keep_their_contract(
    std::unique_ptr<containers_world> (*make_world)()) {
  const auto world = make_world();
  auto& containers = world->port();
  const auto name = world->unique("server");
  const auto exists = [&](const std::string& name_or_id) {
    const auto found = containers.inspect(name_or_id);
    REQUIRE(found);
    return found->has_value();
  };

  SECTION("what is not there is nothing, and destroyed already") {
    CHECK_FALSE(exists(name));
    CHECK(containers.destroy(name, {}));
    const auto labelled = containers.find_by_label(name + "=1", {});
    REQUIRE(labelled);
    CHECK(labelled->empty());
  }

  SECTION("a container is found by its name and by its id") {
    const auto id = world->add(name, true, "");
    for (const auto& key : {name, id}) {
      const auto found = containers.inspect(key);
      REQUIRE(found);
      REQUIRE(*found);
      CHECK((*found)->id == id);
      CHECK((*found)->name == name);
      CHECK((*found)->status == "running");
      CHECK((*found)->running);
    }
  }

  SECTION("a stopped container is not running") {
    world->add(name, false, "");
    const auto found = containers.inspect(name);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK_FALSE((*found)->running);
    CHECK((*found)->status == "exited");
  }

  SECTION("destroy ends a running or stopped container, by name or id") {
    const auto other = world->unique("other");
    world->add(other, true, "");
    for (const bool running : {true, false})
      for (const bool by_name : {true, false}) {
        const auto id = world->add(name, running, "");
        CHECK(containers.destroy(by_name ? name : id, {}));
        CHECK_FALSE(exists(name));
        CHECK_FALSE(exists(id));
        CHECK(containers.destroy(by_name ? name : id, {}));
      }
    CHECK(exists(other));
  }

  SECTION("a stop that came before changes nothing") {
    world->add(name, true, "");
    std::stop_source stop;
    stop.request_stop();
    const auto status = containers.destroy(name, stop.get_token());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == jobs::fault_code::interrupted);
    CHECK(exists(name));
  }

  SECTION("stop ends what runs and leaves the container") {
    using namespace std::chrono_literals;
    const auto runs = [&] {
      const auto found = containers.inspect(name);
      REQUIRE(found);
      REQUIRE(*found);
      return (*found)->running;
    };
    CHECK(containers.stop(name, "", 50ms, {})); // missing
    const auto id = world->add(name, true, "");
    for (const auto& key : {name, id}) {
      CHECK(containers.stop(key, "SIGTERM", 50ms, {}));
      CHECK_FALSE(runs());
      CHECK(containers.stop(key, "", 50ms, {})); // does not run
      CHECK(containers.start(key));
      CHECK(runs());
      CHECK(containers.start(key)); // runs already
      CHECK(runs());
    }

    std::stop_source stop;
    stop.request_stop();
    const auto stopped = containers.stop(name, "", 50ms, stop.get_token());
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == jobs::fault_code::interrupted);
    CHECK(runs());
  }

  SECTION("a kill sends the signal of that name") {
    CHECK(containers.kill(name, "SIGKILL")); // missing
    const auto id = world->add(name, true, "");
    for (const auto& key : {name, id}) {
      const auto refused = containers.kill(key, "SIGNONSENSE");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == jobs::fault_code::docker_refused);
      CHECK(containers.kill(key, "SIGKILL"));
      CHECK(containers.stop(key, "", std::chrono::milliseconds{1}, {}));
      CHECK(containers.kill(key, "SIGKILL")); // does not run
      CHECK(containers.start(key));
    }
    CHECK(containers.kill(name, "KILL"));
  }

  SECTION("the end of what runs is told, once, and not to who let go") {
    using namespace std::chrono_literals;
    const auto id = world->add(name, true, "");
    doubles::end_listener by_name, by_id, gone;
    const auto one = containers.notice_end(name, 1h, by_name.told());
    const auto other = containers.notice_end(id, 1h, by_id.told());
    (void)containers.notice_end(id, 1h, gone.told());
    REQUIRE(exists(name));
    CHECK(by_name.times + by_id.times == 0);
    CHECK_FALSE(one->is_over());
    CHECK(containers.kill(name, "SIGKILL"));
    CHECK(by_name.hears());
    CHECK(by_id.hears());
    CHECK(one->is_over());
    CHECK(other->is_over());

    doubles::end_listener down, missing;
    const auto third = containers.notice_end(id, 1h, down.told());
    CHECK(down.hears());
    const auto fourth =
        containers.notice_end(world->unique("nobody"), 1h, missing.told());
    CHECK(missing.hears());
    CHECK(by_name.times == 1);
    CHECK(gone.times == 0);
  }

  SECTION("labels and the image are told") {
    const auto label = world->unique("label");
    const auto id = world->add(name, true, label + "=a");
    const auto found = containers.inspect(id);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->labels.at(label) == "a");
    const auto all = containers.list({});
    REQUIRE(all);
    for (const auto& one : *all)
      if (one.id == id)
        CHECK(one.labels.at(label) == "a");
  }

  SECTION("what is not there cannot be started") {
    const auto started = containers.start(name);
    REQUIRE_FALSE(started);
    CHECK(started.error().code == jobs::fault_code::docker_refused);
  }

  SECTION("a label finds its containers, running or not, and no others") {
    const auto label = world->unique("label");
    std::vector<std::string> expected{
        world->add(name, true, label + "=a"),
        world->add(name + "_installer", false, label + "=a")};
    world->add(world->unique("other"), true, label + "=ab");
    auto found = containers.find_by_label(label + "=a", {});
    REQUIRE(found);
    std::sort(expected.begin(), expected.end());
    std::sort(found->begin(), found->end());
    CHECK(*found == expected);
    for (const auto& id : *found)
      CHECK(containers.destroy(id, {}));
    CHECK(containers.find_by_label(label + "=a", {})->empty());
    CHECK(containers.find_by_label(label + "=ab", {})->size() == 1);
  }

  SECTION("the list has all containers with their names and states") {
    const auto up = world->add(name, true, "");
    const auto down = world->add(name + "_installer", false, "");
    const auto all = containers.list({});
    REQUIRE(all);
    const auto has = [&](const std::string& id, const std::string& called,
                         bool running) {
      return std::any_of(all->begin(), all->end(), [&](const auto& one) {
        return one.id == id && one.name == called && one.running == running;
      });
    };
    CHECK(has(up, name, true));
    CHECK(has(down, name + "_installer", false));
  }

  SECTION("a stop that came before lists nothing") {
    world->add(name, true, "");
    std::stop_source stop;
    stop.request_stop();
    const auto all = containers.list(stop.get_token());
    REQUIRE_FALSE(all);
    CHECK(all.error().code == jobs::fault_code::interrupted);
    const auto labelled = containers.find_by_label("a=b", stop.get_token());
    REQUIRE_FALSE(labelled);
    CHECK(labelled.error().code == jobs::fault_code::interrupted);
  }

  SECTION("many threads destroy at once") {
    std::vector<std::string> names;
    for (int i = 0; i < 6; ++i) {
      names.push_back(name + "-" + std::to_string(i));
      world->add(names.back(), i % 2 == 0, "");
    }
    std::atomic<int> destroyed = 0;
    {
      std::vector<std::jthread> threads;
      for (const auto& one : names)
        threads.emplace_back([&] {
          if (containers.destroy(one, {}))
            ++destroyed;
        });
    }
    CHECK(destroyed == 6);
    for (const auto& one : names)
      CHECK_FALSE(exists(one));
  }
}

} // namespace alula::contracts
