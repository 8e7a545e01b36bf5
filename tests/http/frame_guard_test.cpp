#include "http/frame_guard.hpp"
#include "tests/doubles/raw_client.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;
using alula::doubles::make_frame;

namespace {

struct frame_world {
  frame_limits limits;
  frame_guard::clock::time_point now{std::chrono::seconds{100}};
  frame_guard guard{limits, now};

  std::uint16_t code(std::string_view bytes) {
    guard.feed(bytes, now);
    return guard.violation();
  }
};

} // namespace

TEST_CASE("good frames pass whole", "[http]") {
  frame_world w;
  const auto all = make_frame(1, "hello") + make_frame(1, "a", false)
                   + make_frame(9, "ping") + make_frame(0, "b")
                   + make_frame(10, "") + make_frame(1, std::string(300, 'x'))
                   + make_frame(1, std::string(65'536, 'x'))
                   + make_frame(8, "\x03\xe8");
  SECTION("at once") {
    CHECK(w.guard.feed(all, w.now) == all.size());
  }
  SECTION("byte by byte") {
    for (const char byte : all)
      REQUIRE(w.guard.feed({&byte, 1}, w.now) == 1);
  }
  CHECK(w.guard.violation() == 0);
  CHECK(w.guard.saw_close());
}

TEST_CASE("a header announcing 4 GiB is never whole", "[http]") {
  frame_world w;
  const auto header = make_frame(1, "", true, true, 0xFFFF'FFFFull);
  REQUIRE(header.size() == 14);
  CHECK(w.guard.feed(header, w.now) == 13);
  CHECK(w.guard.violation() == 1009);
}

TEST_CASE("each broken rule has its close code", "[http]") {
  frame_world w;
  SECTION("unmasked") {
    CHECK(w.code(make_frame(1, "a", true, false)) == 1002);
  }
  SECTION("reserved bit") {
    CHECK(w.code("\xC1\x80") == 1002);
  }
  SECTION("reserved opcode") {
    CHECK(w.code(make_frame(3, "")) == 1002);
  }
  SECTION("reserved control opcode") {
    CHECK(w.code(make_frame(11, "")) == 1002);
  }
  SECTION("fragmented ping") {
    CHECK(w.code(make_frame(9, "", false)) == 1002);
  }
  SECTION("long ping") {
    CHECK(w.code(make_frame(9, std::string(126, 'x'))) == 1002);
  }
  SECTION("continuation of nothing") {
    CHECK(w.code(make_frame(0, "a")) == 1002);
  }
  SECTION("new message inside a message") {
    CHECK(w.code(make_frame(1, "a", false) + make_frame(1, "b")) == 1002);
  }
  SECTION("binary") {
    CHECK(w.code(make_frame(2, "a")) == 1003);
  }
  SECTION("too long") {
    CHECK(w.code(make_frame(1, std::string(65'537, 'x'))) == 1009);
  }
  SECTION("too long in fragments") {
    CHECK(w.code(make_frame(1, std::string(40'000, 'x'), false)) == 0);
    CHECK(w.code(make_frame(0, std::string(40'000, 'x'))) == 1009);
  }
  SECTION("a length with the top bit") {
    CHECK(w.code(make_frame(1, "", true, true, ~0ull)) == 1009);
  }
}

TEST_CASE("fragments of a past message do not count", "[http]") {
  frame_world w;
  for (int i = 0; i < 5; ++i) {
    CHECK(w.code(make_frame(1, std::string(30'000, 'x'), false)) == 0);
    CHECK(w.code(make_frame(0, std::string(30'000, 'x'))) == 0);
  }
}

TEST_CASE("too many frames are a violation, rest brings new ones", "[http]") {
  frame_world w;
  const auto frame = make_frame(1, "a");
  for (int i = 0; i < 200; ++i)
    REQUIRE(w.code(frame) == 0);
  w.now += std::chrono::seconds{1};
  for (int i = 0; i < 50; ++i)
    REQUIRE(w.code(frame) == 0);
  CHECK(w.code(frame) == 1008);
}
