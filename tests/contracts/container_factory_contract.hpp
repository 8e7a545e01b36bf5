/// What every implementation of jobs::container_factory promises, checked alike
/// on the fake and on a real dockerd.
#pragma once

#include "jobs/container_factory.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::contracts {

using pull_for = jobs::container_factory::pull_for;

/// A container engine that may hold things of others; what is made here is gone
/// when the world is destroyed.
struct container_factory_world {
  virtual ~container_factory_world() = default;
  virtual jobs::container_factory& port() = 0;
  /// Text that nobody else on this engine uses, the same for the same `word`.
  virtual std::string unique(const std::string& word) = 0;
  virtual std::string image() = 0;         ///< one that is on the node
  virtual std::string unknown_image() = 0; ///< one that no registry has
  /// A driver with which this engine can make networks; empty: none here.
  virtual std::string network_driver() = 0;
};

inline jobs::container_spec spec_of(container_factory_world& world,
                                    const std::string& word) {
  jobs::container_spec spec;
  spec.name = world.unique(word);
  spec.image = world.image();
  spec.network_mode = "none";
  spec.log_driver = "json-file";
  return spec;
}

inline void container_factory_keeps_its_contract(
    std::unique_ptr<container_factory_world> (*make_world)()) {
  using jobs::fault_code;
  const auto world = make_world();
  auto& factory = world->port();

  SECTION("a container is made once per name") {
    const auto one = spec_of(*world, "one");
    const auto first = factory.create(one);
    REQUIRE(first);
    CHECK_FALSE(first->empty());
    const auto again = factory.create(one);
    REQUIRE(again);
    CHECK(*again == *first);
    const auto other = factory.create(spec_of(*world, "other"));
    REQUIRE(other);
    CHECK(*other != *first);
  }

  SECTION("nothing is made of an image that is not here") {
    auto spec = spec_of(*world, "one");
    spec.image = world->unknown_image();
    const auto made = factory.create(spec);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == fault_code::docker_refused);
  }

  SECTION("images on the node are known") {
    const auto here = factory.has_image(world->image());
    REQUIRE(here);
    CHECK(*here);
    const auto unknown = factory.has_image(world->unknown_image());
    REQUIRE(unknown);
    CHECK_FALSE(*unknown);
  }

  SECTION("an image that cannot be had is a fault, and still not here") {
    const auto image = world->unknown_image();
    CHECK_FALSE(factory.pull(image, {}, [](std::string_view) {},
                             pull_for::a_missing_image, {}));
    const auto here = factory.has_image(image);
    REQUIRE(here);
    CHECK_FALSE(*here);
  }

  SECTION("a pull that is to stop stops") {
    std::stop_source stop;
    stop.request_stop();
    const auto pulled = factory.pull(
        world->unknown_image(), {}, [](std::string_view) {},
        pull_for::a_newer_image, stop.get_token());
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code == fault_code::interrupted);
  }

  SECTION("a network is made once") {
    jobs::network_spec network;
    network.name = world->unique("network");
    network.driver = world->network_driver();
    if (network.driver.empty()) {
      WARN("skipped: this dockerd cannot make networks");
      return;
    }
    const auto made = factory.ensure_network(network);
    REQUIRE(made);
    CHECK(made->made);
    const auto asked = network.driver;
    network.driver = "overlay";
    const auto again = factory.ensure_network(network);
    REQUIRE(again);
    CHECK_FALSE(again->made);
    CHECK(again->driver == asked);
    CHECK_FALSE(again->internal);
  }

  SECTION("limits are changed, of what is there") {
    const auto spec = spec_of(*world, "one");
    jobs::container_limits limits;
    limits.memory = std::int64_t{64} << 20;
    CHECK(factory.update(spec.name, limits)); // missing
    REQUIRE(factory.create(spec));
    CHECK(factory.update(spec.name, limits));
    limits.memory = std::int64_t{128} << 20;
    limits.memory_swap = -1;
    limits.cpu_quota = 50'000;
    limits.cpu_period = 100'000;
    limits.cpu_shares = 512;
    limits.pids = 64;
    CHECK(factory.update(spec.name, limits));
    CHECK(factory.update(spec.name, {}));
  }

  SECTION("the node tells about itself") {
    const auto facts = factory.facts({});
    REQUIRE(facts);
    CHECK_FALSE(facts->version.empty());
    CHECK_FALSE(facts->cgroup_driver.empty());
    CHECK_FALSE(facts->cgroup_version.empty());
    CHECK_FALSE(facts->storage_driver.empty());
    CHECK_FALSE(facts->kernel_version.empty());
    CHECK(facts->memory_bytes > 0);
  }
}

} // namespace alula::contracts
