#include "http/deadline_thread.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

using namespace alula::http;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

/// Notes when it was called, and answers what the test wants.
struct notebook {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<steady::time_point> calls;
  std::optional<steady::time_point> next;

  std::optional<steady::time_point> run(steady::time_point now) {
    const std::lock_guard lock{mutex};
    calls.push_back(now);
    changed.notify_all();
    return std::exchange(next, std::nullopt);
  }
  bool called(std::size_t times) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 10s, [&] { return calls.size() >= times; });
  }
};

} // namespace

TEST_CASE("what is due is run in time, and not before", "[http]") {
  notebook notes;
  const auto due = steady::now() + 30ms;
  notes.next = due;
  deadline_thread thread{[&](auto now) { return notes.run(now); }};
  REQUIRE(notes.called(2));
  CHECK(notes.calls[1] >= due);
}

TEST_CASE("nothing runs while nothing is due, until it is woken", "[http]") {
  notebook notes;
  deadline_thread thread{[&](auto now) { return notes.run(now); }};
  REQUIRE(notes.called(1));
  {
    std::unique_lock lock{notes.mutex};
    CHECK_FALSE(notes.changed.wait_for(lock, 30ms,
                                       [&] { return notes.calls.size() > 1; }));
  }
  thread.wake();
  CHECK(notes.called(2));
}

TEST_CASE("an earlier deadline than the one waited for", "[http]") {
  notebook notes;
  notes.next = steady::now() + 1h;
  deadline_thread thread{[&](auto now) { return notes.run(now); }};
  REQUIRE(notes.called(1));
  thread.wake();
  CHECK(notes.called(2));
}

TEST_CASE("a deadline far away does not hold up the end", "[http]") {
  notebook notes;
  notes.next = steady::now() + 1h;
  {
    deadline_thread thread{[&](auto now) { return notes.run(now); }};
    REQUIRE(notes.called(1));
  }
  CHECK(notes.calls.size() == 1); // ended, and the deadline was not run
}
