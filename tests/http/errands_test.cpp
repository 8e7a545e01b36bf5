#include "http/errands.hpp"
#include "jobs/log.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using alula::http::errands;
using namespace std::chrono_literals;

namespace {

/// Holds the thread until it is let go.
struct gate {
  std::promise<void> entered, opened;
  void pass() {
    entered.set_value();
    opened.get_future().wait();
  }
};

} // namespace

TEST_CASE("errands run in their order, on a thread of their own", "[http]") {
  errands later;
  std::promise<std::thread::id> where;
  std::vector<int> seen;
  REQUIRE(later.run([&] { seen.push_back(1); }));
  REQUIRE(later.run([&] {
    seen.push_back(2);
    where.set_value(std::this_thread::get_id());
  }));
  auto ran = where.get_future();
  REQUIRE(ran.wait_for(10s) == std::future_status::ready);
  CHECK(ran.get() != std::this_thread::get_id());
  CHECK(seen == std::vector{1, 2});
}

TEST_CASE("an errand that throws does not stop those behind it", "[http]") {
  errands later;
  std::promise<void> ran;
  REQUIRE(later.run([] { throw std::runtime_error("no"); }));
  REQUIRE(later.run([&] { ran.set_value(); }));
  CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
}

TEST_CASE("the log says of which request an errand was", "[http]") {
  std::vector<std::string> lines;
  alula::jobs::set_log_sink([&](alula::jobs::log_level, std::string_view event,
                                std::string_view fields) {
    lines.push_back(std::string{event} + " " + std::string{fields});
  });
  {
    errands later;
    std::promise<void> ran;
    {
      const alula::jobs::log_scope whose{"request", "r1"};
      REQUIRE(later.run([] { throw std::runtime_error("no"); }));
    }
    REQUIRE(later.run([] { throw std::runtime_error("neither"); }));
    REQUIRE(later.run([&] { ran.set_value(); }));
    CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
  }
  alula::jobs::set_log_sink({});
  CHECK(lines
        == std::vector<std::string>{"errand-failed what=no request=r1",
                                    "errand-failed what=neither"});
}

TEST_CASE("no more errands are taken than may wait", "[http]") {
  gate held;
  errands later{2};
  REQUIRE(later.run([&] { held.pass(); }));
  REQUIRE(held.entered.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(later.run([] {}));
  CHECK(later.run([] {}));
  CHECK_FALSE(later.run([] {}));
  held.opened.set_value();
}

TEST_CASE("what has to be done is taken however many wait", "[http]") {
  gate held;
  std::promise<void> ran;
  errands later{1};
  REQUIRE(later.run([&] { held.pass(); }));
  REQUIRE(held.entered.get_future().wait_for(10s) == std::future_status::ready);
  REQUIRE(later.run([] {}));
  REQUIRE_FALSE(later.run([] {}));
  later.run_always([&] { ran.set_value(); });
  held.opened.set_value();
  CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
}

TEST_CASE("errands that wait are dropped at the end", "[http]") {
  gate held;
  bool ran = false;
  std::thread opener;
  {
    errands later;
    REQUIRE(later.run([&] { held.pass(); }));
    REQUIRE(held.entered.get_future().wait_for(10s)
            == std::future_status::ready);
    auto dropped = std::make_shared<std::promise<void>>();
    auto gone = dropped->get_future();
    REQUIRE(later.run([&ran, dropped = std::move(dropped)] { ran = true; }));
    // The promise breaks when the destructor has emptied the line.
    opener = std::thread{[&held, gone = std::move(gone)]() mutable {
      gone.wait();
      held.opened.set_value();
    }};
  }
  opener.join();
  CHECK_FALSE(ran);
}

TEST_CASE("with several threads one slow errand holds up no other", "[http]") {
  gate held;
  errands later{16, 2};
  REQUIRE(later.run([&] { held.pass(); }));
  REQUIRE(held.entered.get_future().wait_for(10s) == std::future_status::ready);
  std::promise<void> ran;
  REQUIRE(later.run([&] { ran.set_value(); }));
  CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
  held.opened.set_value();
}
