#include "jobs/body_pipe.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <string>
#include <thread>

using namespace alula::jobs;
using taken = body_pipe::taken;

namespace {

std::string read_all(body_pipe& from) {
  std::string all;
  std::array<char, 7> piece{};
  for (;;) {
    const auto got = from.read(piece, {});
    REQUIRE(got);
    if (*got == 0)
      return all;
    all.append(piece.data(), *got);
  }
}

fault gone() {
  return {.code = fault_code::upload_failed, .what = "gone"};
}

} // namespace

TEST_CASE("what is pushed is read in order to its end", "[systems]") {
  body_pipe pipe;
  CHECK(pipe.push("hello ") == taken::more);
  CHECK(pipe.push("world") == taken::more);
  pipe.finish();
  CHECK(read_all(pipe) == "hello world");
}

TEST_CASE("a full pipe asks for more when half of it was read", "[systems]") {
  body_pipe pipe{8};
  int asked = 0;
  pipe.when_room([&] { ++asked; });
  CHECK(pipe.push("1234567") == taken::more);
  CHECK(pipe.push("89") == taken::full);
  std::array<char, 4> piece{};
  CHECK(pipe.read(piece, {}).value() == 4);
  CHECK(asked == 0);
  CHECK(pipe.read(piece, {}).value() == 4);
  CHECK(asked == 1);
  CHECK(pipe.push("x") == taken::more);
}

TEST_CASE("a body that fails is not read to where it broke", "[systems]") {
  body_pipe pipe;
  pipe.push("half");
  pipe.fail(gone());
  std::array<char, 4> piece{};
  const auto got = pipe.read(piece, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::upload_failed);
}

TEST_CASE("a body that is whole cannot fail any more", "[systems]") {
  body_pipe pipe;
  pipe.push("all");
  pipe.finish();
  pipe.fail(gone());
  CHECK(read_all(pipe) == "all");
}

TEST_CASE("whoever sent a body may hang up behind it", "[systems]") {
  body_pipe pipe;
  pipe.push("all");
  pipe.finish();
  CHECK_FALSE(pipe.is_hung_up());
  pipe.hang_up();
  CHECK(pipe.is_hung_up());
  CHECK(read_all(pipe) == "all");
}

TEST_CASE("an abandoned pipe takes nothing and says so once", "[systems]") {
  body_pipe pipe{2};
  int asked = 0;
  pipe.when_room([&] { ++asked; });
  CHECK(pipe.push("123") == taken::full);
  pipe.abandon();
  pipe.abandon();
  CHECK(asked == 1);
  CHECK(pipe.push("4") == taken::abandoned);
}

TEST_CASE("a reader that is stopped waits no longer", "[systems]") {
  body_pipe pipe;
  std::stop_source stop;
  std::atomic<bool> was_stopped{false};
  std::thread reader{[&] {
    std::array<char, 4> piece{};
    const auto got = pipe.read(piece, stop.get_token());
    was_stopped = !got && got.error().code == fault_code::interrupted;
  }};
  stop.request_stop();
  reader.join();
  CHECK(was_stopped);
}

TEST_CASE("a reader that is stopped gets nothing more of what is there",
          "[systems]") {
  body_pipe pipe;
  pipe.push("bytes");
  std::stop_source stop;
  stop.request_stop();
  std::array<char, 4> piece{};
  const auto got = pipe.read(piece, stop.get_token());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::interrupted);
}

TEST_CASE("a pipe that nobody reads yet holds less", "[systems]") {
  body_pipe pipe;
  int asked = 0;
  pipe.when_room([&] { ++asked; });
  const std::string some(body_pipe::unread, 'x');
  CHECK(pipe.push(some) == taken::full);
  std::string into(some.size(), ' ');
  CHECK(pipe.read(into, {}).value() == some.size());
  CHECK(asked == 1);
  CHECK(pipe.push(some) == taken::more);
}

TEST_CASE("a body is taken by one", "[systems]") {
  incoming_bodies bodies;
  CHECK_FALSE(bodies.take("a"));
  bodies.announce("a", std::make_shared<body_pipe>());
  CHECK(bodies.take("a"));
  CHECK_FALSE(bodies.take("a"));
}
