/// What every implementation of jobs::volumes promises of the room on its disk.
#pragma once

#include "tests/contracts/volumes_contract.hpp"

namespace alula::contracts {

inline void
volumes_promise_their_room(std::unique_ptr<volumes_world> (*make_world)()) {
  const auto job = jobs::make_job_id(1);
  const auto other = jobs::make_job_id(2);
  const auto third = jobs::make_job_id(3);
  const auto world = make_world();
  auto& volumes = world->port();
  const auto before = volumes.space();
  REQUIRE(before);
  const auto free = before->free;
  const auto is_refused = [&](const jobs::job_id& who,
                              const jobs::room_wanted& room) {
    const auto kept = volumes.reserve(who, room);
    return !kept && kept.error().code == jobs::fault_code::insufficient_storage;
  };

  SECTION("room is promised once") {
    const auto most = free / 10 * 9;
    REQUIRE(volumes.reserve(job, {.bytes = most}));
    REQUIRE(volumes.reserve(job, {.bytes = most})); // in place of the first
    CHECK(is_refused(other, {.bytes = most}));
    volumes.release(job);
    CHECK(volumes.reserve(other, {.bytes = most}));
  }

  SECTION("room that is to come is promised to who frees it alone") {
    REQUIRE(volumes.reserve(job, {.bytes = free / 4}));
    REQUIRE(volumes.reserve(other, {.bytes = free, .coming = free}));
    CHECK(volumes.space()->free == 0);
    CHECK(is_refused(third, {.bytes = 1}));
    // Who was promised some before keeps that, and gets no more.
    CHECK(volumes.reserve(job, {.bytes = free / 5}));
    CHECK(is_refused(job, {.bytes = free / 4}));
    volumes.release(other);
    CHECK(volumes.reserve(third, {.bytes = free / 2}));
  }

  SECTION("more to come than is wanted is not there for others") {
    REQUIRE(volumes.reserve(job, {.bytes = free / 4 * 5, .coming = free / 2}));
    REQUIRE(volumes.reserve(other, {.bytes = free / 10, .coming = free / 2}));
    CHECK(is_refused(job, {.bytes = free / 4 * 5}));
    CHECK(volumes.reserve(job, {.bytes = free / 4 * 3}));
  }

  SECTION("who has some gets as much more as he frees") {
    REQUIRE(volumes.reserve(job, {.bytes = free / 2}));
    REQUIRE(volumes.reserve(other, {.bytes = free, .coming = free / 4 * 3}));
    CHECK(
        volumes.reserve(job, {.bytes = free / 4 * 5, .coming = free / 4 * 3}));
    CHECK(is_refused(third, {.bytes = free / 2, .coming = free / 2}));
  }

  SECTION("where less than nothing is left not even nothing is promised") {
    REQUIRE(volumes.reserve(job, {.bytes = free / 4 * 5, .coming = free / 2}));
    CHECK(is_refused(other, {}));
    // But to who makes up for that.
    CHECK(volumes.reserve(other, {.coming = free / 2}));
  }

  SECTION("an inode is promised once, and who wants none waits for none") {
    const auto inodes = world->free_inodes();
    if (inodes == 0)
      return;
    REQUIRE(volumes.reserve(job, {.files = inodes / 10 * 9}));
    CHECK(is_refused(other, {.files = inodes / 10 * 9}));
    CHECK(volumes.reserve(other, {.bytes = 1}));
    volumes.release(job);
    CHECK(volumes.reserve(other, {.files = inodes / 10 * 9}));
  }
}

} // namespace alula::contracts
