/// What every implementation of jobs::archives promises, checked alike on the
/// fake and on the real one.
#pragma once

#include "tests/contracts/archives_stage.hpp"
#include "tests/contracts/kept_archives_contract.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>

namespace alula::contracts {

inline void
archives_are_made_whole(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  archives_stage on{make_world()};
  auto& port = on.port;

  SECTION("what will be read is counted") {
    on.world->fill(on.files);
    const auto size =
        port.measure(on.world->volume(), on.order(on.job), {}, {});
    REQUIRE(size);
    CHECK(size->files == 4);
    CHECK(size->bytes == 5'013);
  }

  SECTION("an archive is not there until it is published") {
    on.world->fill(on.files);
    const auto made = on.write();
    REQUIRE(made);
    CHECK(made->facts.files == 4);
    CHECK(made->facts.content_bytes == 5'013);
    CHECK(made->facts.size > 0);
    CHECK(made->facts.sha1.size() == 40);
    CHECK(made->facts.sha256.size() == 64);
    CHECK(made->noted == 0);
    CHECK_FALSE(on.inspect());
    CHECK(port.list()->files.empty());
    REQUIRE(port.publish(on.backup, on.job));
    const auto there = on.inspect();
    REQUIRE(there);
    CHECK(there->backup == on.backup);
    CHECK(there->server == on.server);
    CHECK(there->has_manifest);
    CHECK(there->size == made->facts.size);
    REQUIRE(there->facts);
    CHECK(there->facts->sha1 == made->facts.sha1);
    CHECK(there->facts->sha256 == made->facts.sha256);
    CHECK(there->facts->files == 4);
    CHECK(there->facts->content_bytes == 5'013);
    REQUIRE(port.list()->files.size() == 1);
  }

  SECTION("a second publish finds it done, another job finds the name taken") {
    on.make();
    CHECK(port.publish(on.backup, on.job));
    fails_with(port.publish(on.backup, on.later), code::backup_exists);
    REQUIRE(port.write(on.world->volume(), on.order(on.later), {}, {}));
    fails_with(port.publish(on.backup, on.later), code::backup_exists);
  }

  SECTION("a publish of nothing is a fault") {
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  SECTION("a write that is repeated starts over") {
    on.world->fill({{"old", "1"}, {"older", "2"}});
    REQUIRE(on.write());
    on.world->fill(on.files);
    const auto made = on.write();
    REQUIRE(made);
    REQUIRE(port.publish(on.backup, on.job));
    CHECK(on.inspect()->facts->files == 4);
  }

  SECTION("what is discarded is gone, and discarded again without harm") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.discard(on.backup, on.job));
    CHECK(port.discard(on.backup, on.job));
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  const auto nobody_knows = [](const jobs::backup_id&) { return false; };

  SECTION("a sweep spares the unfinished files of live jobs") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.sweep([&](const jobs::job_id& j) { return j == on.job; },
                     nobody_knows));
    CHECK(port.publish(on.backup, on.job));
    CHECK(port.sweep([](const jobs::job_id&) { return false; }, nobody_knows));
    CHECK(on.inspect());
  }

  SECTION("a sweep removes the unfinished files of dead jobs") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.sweep([&](const jobs::job_id& j) { return j == on.later; },
                     nobody_knows));
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  SECTION("a write tells how far it is and ends when asked to") {
    on.world->fill(on.files);
    std::stop_source stop;
    stop.request_stop();
    fails_with(on.write(stop.get_token()), code::interrupted);
    std::int64_t files = 0;
    REQUIRE(on.write({}, [&](const auto& so_far) { files = so_far.files; }));
    CHECK(files == 4);
  }

  SECTION("space is promised once") {
    const auto before = port.space();
    REQUIRE(before);
    CHECK(before->reserved == 0);
    const auto half = before->free / 2;
    REQUIRE(port.reserve(on.job, {.bytes = half}));
    REQUIRE(port.reserve(on.job, {.bytes = half})); // in place of the first
    CHECK(port.space()->reserved == half);
    fails_with(port.reserve(on.later, {.bytes = before->free - half / 2}),
               code::insufficient_storage);
    CHECK(port.space()->reserved == half);
    port.release(on.job);
    port.release(on.job);
    CHECK(port.space()->reserved == 0);
    fails_with(port.reserve(on.job, {.bytes = before->total * 2}),
               code::insufficient_storage);
  }

  SECTION("space that is to come is promised to who frees it alone") {
    const auto free = port.space()->free;
    REQUIRE(port.reserve(on.job, {.bytes = free / 4 * 5, .coming = free / 2}));
    CHECK(port.space()->free == 0);
    fails_with(port.reserve(on.later, {.bytes = 1}),
               code::insufficient_storage);
  }
}

/// All but how archives move.
inline void
archives_keep_their_contract(std::unique_ptr<archives_world> (*make_world)()) {
  SECTION("made") {
    archives_are_made_whole(make_world);
  }
  SECTION("kept") {
    archives_are_kept(make_world);
  }
  SECTION("browsed") {
    archives_are_browsed(make_world);
  }
}

} // namespace alula::contracts
