/// What every place for backups of systems promises, checked alike on the fake
/// and on files.
#pragma once

#include "jobs/system_objects.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <unistd.h>

namespace alula::contracts {

inline jobs::system_objects::piece_source pieces_of(std::string text,
                                                    std::size_t most = 3) {
  return [text = std::move(text), most, at = std::size_t{0}](
             std::span<char> into) mutable -> jobs::result<std::size_t> {
    const auto size = std::min({most, into.size(), text.size() - at});
    std::copy_n(text.data() + at, size, into.data());
    at += size;
    return size;
  };
}

inline std::string read_whole(jobs::system_objects& in, std::string_view id) {
  const auto opened = in.open(id);
  if (!opened)
    return "(" + std::string{jobs::slug(opened.error().code)} + ")";
  std::string all(static_cast<std::size_t>(opened->size), '\0');
  const auto got = ::pread(opened->file.get(), all.data(), all.size(), 0);
  return got == opened->size ? all : "(short)";
}

/// `objects` has nothing yet.
inline void objects_are_kept(jobs::system_objects& objects) {
  const std::string id = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.tar.gz";
  const auto ignore = [](std::int64_t) {};

  // Nothing is there before it is published.
  std::int64_t told = 0;
  auto written = objects.write(id, pieces_of("some bytes"),
                               [&](std::int64_t size) { told = size; });
  REQUIRE(written);
  CHECK(written->size == 10);
  CHECK(written->sha256.size() == 64);
  CHECK(told == 10);
  CHECK(read_whole(objects, id) == "(backup-not-found)");
  REQUIRE(objects.publish(id));
  REQUIRE(objects.publish(id));
  CHECK(read_whole(objects, id) == "some bytes");

  // Open, it is read to its end whoever removes it.
  const auto open = objects.open(id);
  REQUIRE(open);
  REQUIRE(objects.remove(id));
  REQUIRE(objects.remove(id));
  std::string kept(10, '\0');
  CHECK(::pread(open->file.get(), kept.data(), kept.size(), 0) == 10);
  CHECK(kept == "some bytes");
  CHECK(read_whole(objects, id) == "(backup-not-found)");
  CHECK_FALSE(objects.publish(id));

  // A second try replaces the first; a fault leaves nothing.
  REQUIRE(objects.write(id, pieces_of("first and longer"), ignore));
  REQUIRE(objects.write(id, pieces_of("second"), ignore));
  const auto broken = objects.write(
      id,
      [](std::span<char>) -> jobs::result<std::size_t> {
        return jobs::fault{.code = jobs::fault_code::upload_failed,
                           .what = "gone"};
      },
      ignore);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == jobs::fault_code::upload_failed);
  CHECK_FALSE(objects.publish(id));

  // A sweep takes the parts of what nobody knows and nothing that is whole.
  const std::string other = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4f";
  for (const auto& one : {id, other}) {
    REQUIRE(objects.write(one, pieces_of("whole"), ignore));
    REQUIRE(objects.publish(one));
    REQUIRE(objects.write(one, pieces_of("half"), ignore));
  }
  const auto swept =
      objects.sweep([&](std::string_view one) { return one == id; });
  REQUIRE(swept);
  CHECK(swept->parts == 1);
  CHECK(swept->unknown == 1);
  CHECK(read_whole(objects, other) == "whole");
  CHECK(objects.sweep([](std::string_view) { return true; })->parts == 0);
  const auto all = objects.sweep([](std::string_view) { return false; });
  CHECK(all->parts == 1);
  CHECK(all->unknown == 2);
  REQUIRE(objects.remove(id));
  REQUIRE(objects.remove(other));

  // Names that are no ids reach nothing.
  for (const std::string bad : {"", "..", "../x", "a/b", "x.part"}) {
    CHECK_FALSE(objects.write(bad, pieces_of("x"), ignore));
    CHECK_FALSE(objects.publish(bad));
    CHECK_FALSE(objects.remove(bad));
    CHECK_FALSE(objects.open(bad));
  }

  // Room.
  const auto space = objects.space();
  REQUIRE(space);
  CHECK(space->free > 0);
  const auto job = jobs::make_job_id(1);
  CHECK(objects.reserve(job, 1));
  CHECK_FALSE(objects.reserve(job, space->free + (std::int64_t{1} << 50)));
  objects.release(job);
}

} // namespace alula::contracts
