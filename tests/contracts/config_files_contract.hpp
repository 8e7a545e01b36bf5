/// What every implementation of jobs::config_files promises, checked alike on
/// the fake and on the real one.
#pragma once

#include "jobs/config_files.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::contracts {

/// A place with one server's empty volume in it, and the port on it.
struct config_files_world {
  virtual ~config_files_world() = default;
  virtual jobs::config_files& port() = 0;
  /// A file that no parser can understand.
  virtual void break_file(const std::string& path) = 0;
  virtual bool has_file(const std::string& path) = 0;
  virtual jobs::server_id server() const = 0;
};

inline void config_files_keep_their_contract(
    std::unique_ptr<config_files_world> (*make_world)()) {
  using effect = jobs::config_outcome::effect;
  const auto world = make_world();
  const auto json = [](std::string path, std::string value,
                       std::string if_value = "") {
    return jobs::config_file{
        "json",
        std::move(path),
        {{"key",
          std::move(if_value),
          {jobs::config_value::type::text, std::move(value)}}}};
  };
  const auto rewrite = [&](const std::vector<jobs::config_file>& files) {
    auto outcomes = world->port().rewrite(world->server(), files, {});
    REQUIRE(outcomes);
    REQUIRE(outcomes->size() == files.size());
    return std::move(*outcomes);
  };

  SECTION("without files there is nothing to do") {
    CHECK(rewrite({}).empty());
  }

  SECTION("a missing file is made, and then is as it should be") {
    CHECK_FALSE(world->has_file("a.json"));
    CHECK(rewrite({json("a.json", "x")})[0].is == effect::created);
    CHECK(world->has_file("a.json"));
    CHECK(rewrite({json("a.json", "x")})[0].is == effect::unchanged);
    CHECK(rewrite({json("a.json", "y")})[0].is == effect::rewritten);
    CHECK(rewrite({json("a.json", "y")})[0].is == effect::unchanged);
  }

  SECTION("a value is replaced only if it is the one asked for") {
    rewrite({json("a.json", "x")});
    CHECK(rewrite({json("a.json", "y", "z")})[0].is == effect::unchanged);
    CHECK(rewrite({json("a.json", "y", "x")})[0].is == effect::rewritten);
  }

  SECTION("the outcomes are in the order of the files") {
    const auto outcomes =
        rewrite({json("b.json", "x"), json("d/e/a.json", "x")});
    CHECK(outcomes[0].path == "b.json");
    CHECK(outcomes[1].path == "d/e/a.json");
    CHECK(world->has_file("d/e/a.json"));
  }

  SECTION("a file that cannot be understood harms no other") {
    world->break_file("broken.json");
    const auto outcomes =
        rewrite({json("broken.json", "x"), json("a.json", "x")});
    CHECK(outcomes[0].is == effect::failed);
    CHECK(outcomes[0].notes.size() == 1);
    CHECK(outcomes[1].is == effect::created);
  }

  SECTION("an unknown parser fails its file") {
    auto strange = json("a.json", "x");
    strange.parser = "toml";
    CHECK(rewrite({strange})[0].is == effect::failed);
    CHECK_FALSE(world->has_file("a.json"));
  }

  SECTION("a path that leads out fails its file") {
    CHECK(rewrite({json("../a.json", "x")})[0].is == effect::failed);
  }

  SECTION("it ends when it is asked to") {
    std::stop_source stop;
    stop.request_stop();
    const auto outcomes = world->port().rewrite(
        world->server(), {json("a.json", "x")}, stop.get_token());
    REQUIRE_FALSE(outcomes);
    CHECK(outcomes.error().code == jobs::fault_code::interrupted);
    CHECK_FALSE(world->has_file("a.json"));
  }

  SECTION("without a volume it is a fault") {
    const auto other =
        *jobs::server_id::parse("00000000-5c47-4f0a-9b1e-0d3a2c1f5a7d");
    const auto outcomes =
        world->port().rewrite(other, {json("a.json", "x")}, {});
    REQUIRE_FALSE(outcomes);
    CHECK(outcomes.error().code == jobs::fault_code::volume_obstructed);
  }
}

} // namespace alula::contracts
