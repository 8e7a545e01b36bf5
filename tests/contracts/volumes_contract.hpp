/// What every implementation of jobs::volumes promises, checked alike on the
/// fake and on the real one.
#pragma once

#include "jobs/ports.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
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
  /// Puts `count` files into a staging tree, of names no volume has.
  virtual void add_staged(const std::string& name, int count) = 0;
  /// How many files the volume holds; -1 when there is no volume.
  virtual int files_in(const jobs::server_id& server) = 0;
  /// Of its disk; 0 when that has no number of them.
  virtual std::int64_t free_inodes() = 0;
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
    CHECK(*volumes.is_in_trash(entry));
    CHECK_FALSE(*volumes.is_in_trash(entry + "0"));
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
    CHECK_FALSE(*volumes.is_in_trash(entry));
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

  SECTION("a purge stops when asked, goes on later, and counts all its runs") {
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
    CHECK(rest->before > 0);
    CHECK(rest->before < 9'001);
    CHECK(rest->entries == 9'001);
    CHECK(volumes.trash_entries()->empty());
  }
}

/// The part that restores need.
inline void volumes_keep_their_restore_contract(
    std::unique_ptr<volumes_world> (*make_world)()) {
  using origin = jobs::volumes::origin;
  const auto server =
      *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  const auto job = *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000002");
  const auto other =
      *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000003");
  const auto tree = job.to_string();
  const auto entry = tree + ".old";
  const auto world = make_world();
  auto& volumes = world->port();
  const auto stage = [&](const std::string& name, int files) {
    REQUIRE(volumes.stage(name, {}));
    world->add_staged(name, files);
  };
  const auto fault_of_replace = [&](const std::string& name) {
    const auto replaced = volumes.replace(origin::staging, name, server, entry);
    REQUIRE_FALSE(replaced);
    return replaced.error().code;
  };

  SECTION("only a volume that is there can be opened") {
    const auto missing = volumes.open(server);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == jobs::fault_code::volume_obstructed);
    REQUIRE(volumes.create(server));
    const auto opened = volumes.open(server);
    REQUIRE(opened);
    CHECK(opened->is_open());
  }

  SECTION("a staging tree of the same name starts empty") {
    stage(tree, 3);
    const auto again = volumes.stage(tree, {});
    REQUIRE(again);
    CHECK(again->is_open());
    CHECK_FALSE(*volumes.replace(origin::staging, tree, server, entry));
    CHECK(world->files_in(server) == 0);
  }

  SECTION("a discarded staging tree is gone, however often") {
    stage(tree, 2);
    CHECK(volumes.discard_staging(tree, {}));
    CHECK(volumes.discard_staging(tree, {}));
    CHECK(fault_of_replace(tree) == jobs::fault_code::io_error);
  }

  SECTION("a sweep keeps the trees of live jobs and what is no job's") {
    stage(tree, 1);
    stage(other.to_string(), 2);
    stage(other.to_string() + ".half", 2);
    stage("mine", 3);
    REQUIRE(volumes.sweep_staging(
        [&](const jobs::job_id& id) { return id == job; }, {}));
    CHECK(fault_of_replace(other.to_string()) == jobs::fault_code::io_error);
    CHECK(fault_of_replace(other.to_string() + ".half")
          == jobs::fault_code::io_error);
    CHECK_FALSE(*volumes.replace(origin::staging, tree, server, "first"));
    CHECK(world->files_in(server) == 1);
    CHECK(*volumes.replace(origin::staging, "mine", server, "second"));
    CHECK(world->files_in(server) == 3);
  }

  SECTION("a replaced volume lies in the trash, and can come back") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    stage(tree, 5);
    CHECK(*volumes.replace(origin::staging, tree, server, entry));
    CHECK(world->files_in(server) == 5);
    CHECK(*volumes.trash_entries() == std::vector<std::string>{entry});
    CHECK(*volumes.replace(origin::staging, tree, server, entry));
    CHECK(world->files_in(server) == 5);
    CHECK(*volumes.replace(origin::trash, entry, server, "undone"));
    CHECK(world->files_in(server) == 2);
    CHECK(*volumes.trash_entries() == std::vector<std::string>{"undone"});
  }

  SECTION("without a volume there is nothing to keep") {
    stage(tree, 5);
    CHECK_FALSE(*volumes.replace(origin::staging, tree, server, entry));
    CHECK_FALSE(*volumes.replace(origin::staging, tree, server, entry));
    CHECK(world->files_in(server) == 5);
    CHECK(volumes.trash_entries()->empty());
  }

  SECTION("without a tree and a volume nothing is replaced") {
    CHECK(fault_of_replace(tree) == jobs::fault_code::io_error);
  }

  SECTION("a replacement goes on after its first half") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    stage(tree, 5);
    REQUIRE(*volumes.detach(server, entry));
    SECTION("when nothing came in between") {}
    SECTION("when dockerd made the missing mount source") {
      REQUIRE(volumes.create(server));
    }
    CHECK(*volumes.replace(origin::staging, tree, server, entry));
    CHECK(world->files_in(server) == 5);
  }

  SECTION("another volume with files in the gap is never replaced") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    stage(tree, 5);
    REQUIRE(*volumes.detach(server, entry));
    REQUIRE(volumes.create(server));
    world->add_files(server, 1);
    CHECK(fault_of_replace(tree) == jobs::fault_code::io_error);
    CHECK(world->files_in(server) == 1);
  }

  SECTION("a merge adds its files and is done once") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    stage(tree, 3);
    const auto merged = volumes.merge(origin::staging, tree, server, entry, {});
    REQUIRE(merged);
    CHECK(*merged == 3);
    CHECK(world->files_in(server) == 5);
    CHECK(*volumes.merge(origin::staging, tree, server, entry, {}) == 0);
    CHECK(world->files_in(server) == 5);
  }

  SECTION("what a merge has made is taken out again, and brought back") {
    REQUIRE(volumes.create(server));
    world->add_files(server, 2);
    stage(tree, 3);
    REQUIRE(volumes.merge(origin::staging, tree, server, entry, {}));
    CHECK(*volumes.is_in_trash(entry));
    CHECK(volumes.account_of_merge(entry, {})->added == 3);
    CHECK(volumes.account_of_merge(entry, {})->replaced == 0);
    CHECK(volumes.account_of_merge("nothing", {})->added == 0);
    REQUIRE(volumes.merge(origin::trash, entry, server, "undone", {}));
    CHECK(world->files_in(server) == 2);
    CHECK(*volumes.trash_entries() == std::vector<std::string>{"undone"});
    REQUIRE(volumes.merge(origin::trash, "undone", server, "again", {}));
    CHECK(world->files_in(server) == 5);
  }

  SECTION("a merge of nothing leaves nothing to take back") {
    REQUIRE(volumes.create(server));
    stage(tree, 0);
    REQUIRE(volumes.merge(origin::staging, tree, server, entry, {}));
    CHECK_FALSE(*volumes.is_in_trash(entry));
    CHECK(volumes.trash_entries()->empty());
  }

  SECTION("what a merge kept is purged with its list") {
    REQUIRE(volumes.create(server));
    stage(tree, 3);
    REQUIRE(volumes.merge(origin::staging, tree, server, entry, {}));
    REQUIRE(volumes.purge(entry, {}, {}));
    REQUIRE(volumes.merge(origin::trash, entry, server, "undone", {}));
    CHECK(world->files_in(server) == 3);
    CHECK(volumes.trash_entries()->empty());
  }

  SECTION("a plain volume, or none, is no obstacle") {
    const auto how =
        GENERATE(jobs::volumes::placing::whole, jobs::volumes::placing::merged);
    CHECK(volumes.check_place(server, how));
    REQUIRE(volumes.create(server));
    CHECK(volumes.check_place(server, how));
  }

  SECTION("what is not in the trash takes no room") {
    CHECK(*volumes.used_in_trash("nothing", {}) == 0);
    CHECK(*volumes.used_in_staging("nothing", {}) == 0);
    CHECK(*volumes.overlap(tree, server, {}) == 0);
  }

  SECTION("a merge makes the volume when there is none") {
    stage(tree, 3);
    CHECK(volumes.merge(origin::staging, tree, server, entry, {}));
    CHECK(world->files_in(server) == 3);
  }

  SECTION("what belongs to the server user already stays as it is") {
    REQUIRE(volumes.create(server));
    CHECK(*volumes.take_ownership(server, {}) == 0);
  }

  SECTION("the disk has room, and no volume takes none of it") {
    CHECK(*volumes.used(server, {}) == 0);
    CHECK(*volumes.take_ownership(server, {}) == 0);
    const auto space = volumes.space();
    REQUIRE(space);
    CHECK(space->total > 0);
    CHECK(space->free <= space->total);
  }
}

} // namespace alula::contracts
