/// What every jobs::archives promises of a check that is content with the bytes
/// of an archive, where they are known.
#pragma once

#include "tests/contracts/archives_stage.hpp"

#include <memory>
#include <stop_token>
#include <string>

namespace alula::contracts {

inline void
archives_are_checked(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  archives_stage on{make_world()};
  auto& port = on.port;
  const auto expected_of = [](const jobs::archive_facts& facts) {
    return jobs::archive_expectation{.size = facts.size,
                                     .sha1 = facts.sha1,
                                     .sha256 = facts.sha256,
                                     .whom = jobs::check_for::who_waits,
                                     .depth = jobs::check_depth::sum_of_ours};
  };
  const auto made = on.make();
  auto expected = expected_of(made.facts);

  SECTION("the sum of one of ours is enough, and says so") {
    jobs::archive_progress_made last;
    const auto seen = port.verify(on.backup, expected, {},
                                  [&](const auto& so_far) { last = so_far; });
    REQUIRE(seen);
    CHECK_FALSE(seen->is_whole);
    CHECK(seen->entries == 0);
    CHECK(seen->facts.size == made.facts.size);
    CHECK(seen->facts.sha1 == made.facts.sha1);
    CHECK(seen->facts.sha256 == made.facts.sha256);
    CHECK(seen->facts.files == 4);
    CHECK(seen->facts.content_bytes == 5'013);
    CHECK(last.bytes == made.facts.size);
    CHECK(last.archive_size == made.facts.size);
    CHECK(last.files == 0);
  }

  SECTION("a byte that was changed is found, and so is another size") {
    SECTION("a byte") {
      on.world->damage(on.backup);
    }
    SECTION("the size") {
      ++expected.size;
    }
    fails_with(port.verify(on.backup, expected, {}, {}), code::backup_damaged);
  }

  SECTION("one that is stopped says nothing of the archive") {
    std::stop_source stop;
    stop.request_stop();
    fails_with(port.verify(on.backup, expected, stop.get_token(), {}),
               code::interrupted);
  }

  SECTION("one of ours is looked at whole") {
    SECTION("when that is asked for") {
      expected.depth = jobs::check_depth::whole;
    }
    SECTION("when only its SHA-1 is known") {
      expected.sha256.clear();
    }
    SECTION("when its manifest was made again: its sum is of that day") {
      REQUIRE(port.index(on.backup, on.server, on.later, {}, {}));
    }
    jobs::archive_progress_made last;
    const auto seen = port.verify(on.backup, expected, {},
                                  [&](const auto& so_far) { last = so_far; });
    REQUIRE(seen);
    CHECK(seen->is_whole);
    CHECK(seen->entries == 4);
    CHECK(last.archive_size == 0);
  }

  SECTION("a manifest that contradicts what is on record is no witness") {
    expected.sha256.assign(64, '0');
    fails_with(port.verify(on.backup, expected, {}, {}), code::backup_damaged);
  }

  SECTION("one of another program is looked at whole, indexed or not") {
    on.world->put_foreign(on.other, on.files);
    const auto first = port.verify(on.other, {}, {}, {});
    REQUIRE(first);
    CHECK(first->is_whole);
    const auto known = expected_of(first->facts);
    const auto seen = port.verify(on.other, known, {}, {});
    REQUIRE(seen);
    CHECK(seen->is_whole);
    REQUIRE(port.index(on.other, on.server, on.later, {}, {}));
    const auto again = port.verify(on.other, known, {}, {});
    REQUIRE(again);
    CHECK(again->is_whole);
    CHECK(again->entries >= 4); // with its directories
  }
}

} // namespace alula::contracts
