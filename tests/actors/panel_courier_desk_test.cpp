// What the courier is asked beside its work.
#include "tests/actors/courier_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::report_state;
using verdict = jobs::delivery::verdict;

TEST_CASE("a report leaves though too many ask what waits", "[actors]") {
  courier_world w;
  w.start();
  gate door;
  std::promise<void> in_list;
  w.courier->list(jobs::report_group::all, 0, 1, [&](const auto&) {
    in_list.set_value();
    door.pass({}, true);
  });
  REQUIRE(in_list.get_future().wait_for(patience) == std::future_status::ready);
  std::atomic<int> refused = 0;
  while (refused == 0)
    w.courier->list(jobs::report_group::all, 0, 1, [&](const auto& page) {
      if (!page)
        ++refused;
    });
  w.tell("a", 1);
  door.open();
  w.eventually([&] {
    w.pass(1s);
    return w.report(1).state == report_state::delivered;
  });
}

TEST_CASE("a report leaves although readers had filled the queue", "[actors]") {
  courier_world w;
  w.panel.hold();
  w.tell("a", 1);
  w.start();
  REQUIRE(w.panel.wait_for("POST /a 1"));
  std::promise<void> reading, go_on;
  w.courier->list(jobs::report_group::all, 0, 1, [&](const auto&) {
    reading.set_value();
    go_on.get_future().wait();
  });
  reading.get_future().wait();
  const auto here = std::this_thread::get_id();
  std::atomic<bool> full{false};
  while (!full)
    w.courier->list(jobs::report_group::all, 0, 1, [&](const auto&) {
      full = full || std::this_thread::get_id() == here;
    });
  // What comes of the first one asks for a look that finds no place.
  w.panel.let_go();
  w.until(1, report_state::delivered);
  w.tell("a", 2);
  go_on.set_value();
  w.eventually([&] {
    w.pass(1'000ms);
    return w.report(2).state == report_state::delivered;
  });
}

TEST_CASE("it knows how many wait, and since when", "[actors]") {
  courier_world w;
  w.panel.answer_next(verdict::refused);
  w.panel.answer_next(verdict::retry, 1, 404);
  w.carrying.threads = 1;
  w.tell("a", 1);
  w.tell("b", 2);
  w.start();
  w.until_tried(2, 1);
  w.eventually([&] {
    const auto f = w.courier->figures();
    return f.open == 1 && f.dead == 1
           && f.oldest_open_at == w.report(2).created_at;
  });
  std::promise<jobs::result<jobs::report_page>> listed;
  w.courier->list(jobs::report_group::unsettled, 0, 10,
                  [&](auto page) { listed.set_value(std::move(page)); });
  CHECK(listed.get_future().get()->items.size() == 2);
}

namespace {

jobs::result<jobs::report> repeated(courier_world& w, std::int64_t row) {
  std::promise<jobs::result<jobs::report>> told;
  w.courier->repeat(
      row, [&](jobs::result<jobs::report> r) { told.set_value(std::move(r)); });
  return told.get_future().get();
}

} // namespace

TEST_CASE("a dead report is told again when somebody asks for it", "[actors]") {
  courier_world w;
  w.panel.answer_next(verdict::refused, 1, 422);
  w.tell("a", 1);
  w.start();
  w.eventually([&] { return w.report(1).state == report_state::dead; });
  const auto again = repeated(w, 1);
  REQUIRE(again);
  CHECK(again->row == 2);
  CHECK(again->path == "/a");
  w.eventually([&] { return w.report(2).state == report_state::delivered; });
  CHECK(w.report(1).state == report_state::dead);
  CHECK(repeated(w, 1).error().code == jobs::fault_code::not_parked);
  CHECK(repeated(w, 2).error().code == jobs::fault_code::not_parked);
  CHECK(repeated(w, 9).error().code == jobs::fault_code::route_not_found);
}
