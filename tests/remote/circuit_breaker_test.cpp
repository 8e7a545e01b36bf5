#include "remote/circuit_breaker.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <thread>

using namespace alula::remote;
using alula::jobs::fault_code;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// Pauses far beyond a test's length, so that only what is meant to ends them.
circuit_settings patient() {
  return {.patience = 10s,
          .first_pause = 1h,
          .longest_pause = 8h,
          .silence = 3,
          .remembered = 4};
}

circuit_settings hasty() {
  auto settings = patient();
  settings.patience = 50ms;
  return settings;
}

void hang(circuit_breaker& circuits, std::string_view key) {
  auto pass = circuits.enter(key, {});
  REQUIRE(pass);
  pass->hung();
}

fault_code refusal(circuit_breaker& circuits, std::string_view key) {
  const auto pass = circuits.enter(key, {});
  REQUIRE_FALSE(pass);
  CHECK_FALSE(pass.error().what.empty());
  return pass.error().code;
}

} // namespace

TEST_CASE("calls about one key take turns and none is refused", "[remote]") {
  circuit_breaker circuits{patient()};
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  {
    std::latch go{8};
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        go.arrive_and_wait();
        for (int i = 0; i < 200; ++i) {
          auto pass = circuits.enter("a", {});
          if (!pass)
            continue;
          most = std::max(most.load(), ++inside);
          pass->answered();
          --inside;
          ++done;
        }
      });
  }
  CHECK(done == 8 * 200);
  CHECK(most == 1);
}

TEST_CASE("a call that takes long holds one worker", "[remote]") {
  circuit_breaker circuits{hasty()};
  auto hanging = circuits.enter("a", {});
  REQUIRE(hanging);

  std::atomic<int> refused = 0;
  const auto begin = steady_clock::now();
  {
    std::vector<std::jthread> threads;
    threads.reserve(6);
    for (int t = 0; t < 6; ++t)
      threads.emplace_back([&] {
        const auto pass = circuits.enter("a", {});
        if (!pass && pass.error().code == fault_code::container_busy)
          ++refused;
      });
  }
  CHECK(refused == 6);
  CHECK(steady_clock::now() - begin < 20s);

  SECTION("who comes later is refused at once") {
    CHECK(refusal(circuits, "a") == fault_code::container_busy);
  }
  SECTION("other keys are not concerned") {
    CHECK(circuits.enter("b", {}));
    CHECK(circuits.enter("", {}));
  }
}

TEST_CASE("a key that hung is left alone for a while", "[remote]") {
  circuit_breaker circuits{patient()};
  hang(circuits, "a");
  CHECK(refusal(circuits, "a") == fault_code::docker_unavailable);
  CHECK(circuits.unresponsive() == std::vector<std::string>{"a"});
  REQUIRE(circuits.silence_of("a"));
  CHECK(circuits.silence_of("a")->calls == 1);
  CHECK(circuits.silence_of("a")->lasted >= 0ms);
  CHECK_FALSE(circuits.silence_of("b"));
  CHECK(circuits.enter("b", {}));
}

TEST_CASE("after the pause one call tries, and its answer closes the circuit",
          "[remote]") {
  auto settings = hasty();
  settings.first_pause = 1ms;
  settings.longest_pause = 1ms;
  circuit_breaker circuits{settings};
  hang(circuits, "a");
  const auto give_up = steady_clock::now() + 10s;
  std::optional<alula::jobs::result<circuit_breaker::pass>> pass;
  do
    pass.emplace(circuits.enter("a", {}));
  while (!*pass && steady_clock::now() < give_up);
  REQUIRE(*pass);
  CHECK(refusal(circuits, "a") == fault_code::container_busy);
  (*pass)->answered();
  pass.reset();
  CHECK(circuits.unresponsive().empty());
  CHECK(circuits.enter("a", {}));
}

TEST_CASE("the pause doubles up to its limit", "[remote]") {
  auto settings = patient();
  settings.first_pause = 4ms;
  settings.longest_pause = 20ms;
  settings.silence = 1'000;
  circuit_breaker circuits{settings};
  const auto pause_of = [&] {
    hang(circuits, "a");
    const auto begin = steady_clock::now();
    while (!circuits.enter("a", {}))
      REQUIRE(steady_clock::now() - begin < 10s);
    return steady_clock::now() - begin;
  };
  CHECK(pause_of() >= 3ms);
  CHECK(pause_of() >= 7ms);
  CHECK(pause_of() >= 15ms);
  CHECK(pause_of() >= 19ms);
}

TEST_CASE("a call that was told to stop leaves no trace", "[remote]") {
  circuit_breaker circuits{patient()};
  { REQUIRE(circuits.enter("a", {})); }
  CHECK(circuits.unresponsive().empty());
  CHECK(circuits.enter("a", {}));
}

TEST_CASE("when nobody answers, all keys go one at a time", "[remote]") {
  auto settings = hasty();
  settings.first_pause = 1ms;
  settings.longest_pause = 1h;
  circuit_breaker circuits{settings};
  hang(circuits, "a");
  hang(circuits, "b");
  CHECK(circuits.enter("x", {}));
  hang(circuits, "");

  auto trying = circuits.enter("d", {});
  REQUIRE(trying);
  CHECK(refusal(circuits, "e") == fault_code::docker_unavailable);
  CHECK(refusal(circuits, "") == fault_code::docker_unavailable);

  SECTION("until an answer comes, even in the middle of a long call") {
    trying->answered();
    CHECK(circuits.enter("e", {}));
    CHECK(circuits.enter("", {}));
    CHECK(circuits.enter("a", {}));
    CHECK(circuits.unresponsive().empty());
  }
}

TEST_CASE("who waits for a turn can be stopped", "[remote]") {
  circuit_breaker circuits{patient()};
  const auto first = circuits.enter("a", {});
  REQUIRE(first);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return circuits.enter("a", stop.get_token()).error().code;
  });
  const auto begin = steady_clock::now();
  stop.request_stop();
  CHECK(waiting.get() == fault_code::interrupted);
  CHECK(steady_clock::now() - begin < 20s);
}

TEST_CASE("a bounded number of unresponsive keys is remembered", "[remote]") {
  auto settings = patient();
  settings.silence = 1'000;
  circuit_breaker circuits{settings};
  for (const auto* key : {"a", "b", "c", "d", "e", "f"})
    hang(circuits, key);
  CHECK(circuits.unresponsive()
        == std::vector<std::string>{"c", "d", "e", "f"});
}
