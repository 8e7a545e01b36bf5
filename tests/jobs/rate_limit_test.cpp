#include "jobs/rate_limit.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using alula::jobs::rate_limit;
using alula::jobs::shared_rate;
using namespace std::chrono_literals;

namespace {
const auto t0 = std::chrono::steady_clock::time_point{} + 1h;
} // namespace

TEST_CASE("without a limit nothing waits", "[rate_limit]") {
  rate_limit none{0};
  CHECK(none.take(1'000'000'000'000, t0) == 0s);
}

TEST_CASE("one second's worth passes at once, the rest at the rate",
          "[rate_limit]") {
  rate_limit limit{1000};
  CHECK(limit.take(1000, t0) == 0s);
  CHECK(limit.take(500, t0) == 500ms);
  CHECK(limit.take(500, t0) == 1s);
}

TEST_CASE("a pause fills the bucket, but never beyond a second",
          "[rate_limit]") {
  rate_limit limit{1000};
  CHECK(limit.take(2000, t0) == 1s);
  CHECK(limit.take(1000, t0 + 1h) == 0s);
  CHECK(limit.take(1000, t0 + 1h) == 1s);
}

TEST_CASE("a wait ends when asked to stop", "[rate_limit]") {
  rate_limit limit{1};
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(limit.pass(1'000'000, stop.get_token()));
}

namespace {

/// Time that passes when somebody waits, and only then.
struct waited_time {
  shared_rate at(std::uint64_t bytes_per_second) {
    return shared_rate{
        bytes_per_second, [this] { return t0 + passed; },
        [this](std::chrono::nanoseconds wait, const std::stop_token&) {
          passed += wait;
          return true;
        }};
  }
  std::chrono::nanoseconds passed{0};
};

} // namespace

TEST_CASE("those who share a rate are together no faster than one",
          "[rate_limit]") {
  waited_time time;
  auto rate = time.at(1000);
  // The first second's worth is there at once, whoever takes it.
  for (int i = 0; i < 10; ++i)
    CHECK(rate.pass(100, {}));
  CHECK(time.passed == 0s);
  for (int i = 0; i < 50; ++i)
    CHECK(rate.pass(100, {}));
  CHECK(time.passed == 5s);
}

TEST_CASE("who comes to a shared rate waits behind those before",
          "[rate_limit]") {
  std::vector<std::chrono::nanoseconds> waits;
  shared_rate rate{1000, [] { return t0; },
                   [&](std::chrono::nanoseconds wait, const std::stop_token&) {
                     waits.push_back(wait);
                     return true;
                   }};
  for (int i = 0; i < 4; ++i)
    rate.pass(1000, {});
  CHECK(waits == std::vector<std::chrono::nanoseconds>{0s, 1s, 2s, 3s});
}

TEST_CASE("a shared rate counts what several threads send", "[rate_limit]") {
  std::atomic<std::int64_t> longest{0};
  shared_rate rate{
      1000, [] { return t0; },
      [&](std::chrono::nanoseconds wait, const std::stop_token&) {
        auto seen = longest.load();
        while (seen < wait.count()
               && !longest.compare_exchange_weak(seen, wait.count())) {
        }
        return true;
      }};
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      for (int n = 0; n < 100; ++n)
        rate.pass(100, {});
    });
  for (auto& one : all)
    one.join();
  // 40,000 bytes, of which the first second's worth is free.
  CHECK(std::chrono::nanoseconds{longest.load()} == 39s);
}

TEST_CASE("a wait for a shared rate ends when asked to stop", "[rate_limit]") {
  shared_rate rate{1};
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(rate.pass(1'000'000, stop.get_token()));
}
