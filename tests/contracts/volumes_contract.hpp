/// What every implementation of jobs::volumes promises, checked alike on the
/// fake and on the real one.
#pragma once

#include "jobs/ports.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace alula::contracts {

/// A fresh, empty place with the port on it.
struct volumes_world {
  virtual ~volumes_world() = default;
  virtual jobs::volumes& port() = 0;
  /// Puts `count` files into an existing volume.
  virtual void add_files(const jobs::server_id& server, int count) = 0;
  /// How many files the volume holds; -1 when there is no volume.
  virtual int files_in(const jobs::server_id& server) = 0;
};

inline void
volumes_keep_their_contract(std::unique_ptr<volumes_world> (*make_world)()) {
  const auto server =
      *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  const std::string entry = "0199c1de-0000-7000-8000-000000000001";
  const auto world = make_world();
  auto& volumes = world->port();
  const auto purge = [&](std::stop_token stop = {}) {
    return volumes.purge(entry, stop, [](const auto&) {});
  };

  SECTION("a volume is made once") {
    CHECK_FALSE(*volumes.exists(server));
    CHECK(*volumes.create(server));
    CHECK(*volumes.exists(server));
    CHECK_FALSE(*volumes.create(server));
  }

  SECTION("an existing volume is adopted with its files") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 3);
    CHECK_FALSE(*volumes.create(server));
    CHECK(world->files_in(server) == 3);
  }

  SECTION("only an empty volume is removed without trash") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 1);
    CHECK(volumes.remove_if_empty(server));
    CHECK(world->files_in(server) == 1);
    REQUIRE(*volumes.detach(server, entry));
    REQUIRE(volumes.create(server));
    CHECK(volumes.remove_if_empty(server));
    CHECK_FALSE(*volumes.exists(server));
    CHECK(volumes.remove_if_empty(server));
  }

  SECTION("a detached volume lies in the trash and its name is free") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    CHECK(*volumes.detach(server, entry));
    CHECK_FALSE(*volumes.exists(server));
    CHECK(*volumes.trash_entries() == std::vector<std::string>{entry});
    CHECK(*volumes.create(server));
    CHECK(world->files_in(server) == 0);
  }

  SECTION("a second detach finds the work done") {
    REQUIRE(volumes.create(server));
    CHECK(*volumes.detach(server, entry));
    CHECK(*volumes.detach(server, entry));
  }

  SECTION("without a volume there is nothing to detach") {
    CHECK_FALSE(*volumes.detach(server, entry));
    CHECK(volumes.trash_entries()->empty());
  }

  SECTION("an empty directory in the old place does not stop a second detach") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    REQUIRE(*volumes.detach(server, entry));
    REQUIRE(volumes.create(server));
    CHECK(*volumes.detach(server, entry));
    CHECK_FALSE(*volumes.exists(server));
    REQUIRE(volumes.reattach(entry, server));
    CHECK(world->files_in(server) == 2);
  }

  SECTION("a detach never replaces what lies in the trash") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    REQUIRE(*volumes.detach(server, entry));
    REQUIRE(volumes.create(server));
    world->add_files(server, 5);
    const auto second = volumes.detach(server, entry);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == jobs::fault_code::io_error);
    CHECK(world->files_in(server) == 5);
  }

  SECTION("a reattached volume has its files again") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 4);
    REQUIRE(*volumes.detach(server, entry));
    CHECK(volumes.reattach(entry, server));
    CHECK(world->files_in(server) == 4);
    CHECK(volumes.trash_entries()->empty());
    CHECK(volumes.reattach(entry, server)); // a second one finds it done
  }

  SECTION("a volume in the way stops a reattach") {
    REQUIRE(volumes.create(server));
    REQUIRE(*volumes.detach(server, entry));
    REQUIRE(volumes.create(server));
    const auto back = volumes.reattach(entry, server);
    REQUIRE_FALSE(back);
    CHECK(back.error().code == jobs::fault_code::server_exists);
    CHECK(volumes.trash_entries()->size() == 1);
  }

  SECTION("what is nowhere cannot be reattached") {
    const auto back = volumes.reattach(entry, server);
    REQUIRE_FALSE(back);
    CHECK(back.error().code == jobs::fault_code::trash_not_found);
  }

  SECTION("a purge removes the entry, counts it, and may be repeated") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 5'000);
    REQUIRE(*volumes.detach(server, entry));
    std::int64_t told = 0;
    const auto purged = volumes.purge(
        entry, {}, [&](const auto& so_far) { told = so_far.entries; });
    REQUIRE(purged);
    CHECK(purged->entries == 5'001);
    CHECK(purged->failed == 0);
    CHECK(told == 5'001);
    CHECK(volumes.trash_entries()->empty());
    const auto again = purge();
    REQUIRE(again);
    CHECK(again->entries == 0);
  }

  SECTION("a purge stops when asked and goes on later") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 9'000);
    REQUIRE(*volumes.detach(server, entry));
    std::stop_source stop;
    const auto stopped = volumes.purge(
        entry, stop.get_token(), [&](const auto&) { stop.request_stop(); });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == jobs::fault_code::interrupted);
    CHECK(volumes.trash_entries()->size() == 1);
    const auto rest = purge();
    REQUIRE(rest);
    CHECK(rest->entries > 0);
    CHECK(rest->entries < 9'001);
    CHECK(volumes.trash_entries()->empty());
  }
}

} // namespace alula::contracts
