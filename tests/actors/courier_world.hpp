/// A courier over a ledger in memory and a Panel that a test holds.
#pragma once

#include "actors/panel_courier.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/doubles/fake_panel.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string>

namespace alula::actors_test {

struct courier_world : engine_world {
  courier_world() {
    store->tells_panel = true;
    carrying.random = [] { return 0.5; };
    boot();
  }
  ~courier_world() {
    panel.let_go();
    courier.reset();
  }
  void start() {
    courier = std::make_unique<actors::panel_courier>(
        carrying, *engine, queries, *ledger, panel, clock, settings.uptime);
    courier->start();
  }
  /// As kill -9 does.
  void restart() {
    ledger->crash();
    courier.reset();
    crash();
    boot();
    start();
  }
  void pass(std::chrono::milliseconds time) {
    engine_world::pass(time);
    if (courier)
      courier->look();
  }
  void tell(const std::string& subject, int number) {
    std::promise<void> done;
    ledger->amend({jobs::tell_panel{subject, "POST", "/" + subject,
                                    std::to_string(number)}},
                  [&](const jobs::status& s) {
                    CHECK(s.has_value());
                    done.set_value();
                  });
    done.get_future().wait();
  }
  jobs::report report(std::int64_t row) {
    const std::scoped_lock lock{store->mutex};
    return store->reports.at(row);
  }
  template<class Condition>
  void eventually(Condition holds) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > limit)
        FAIL("it never came true");
      log_book().wait_for_more(std::chrono::milliseconds{5});
    }
  }
  void until(std::int64_t row, jobs::report_state state) {
    eventually([&] { return report(row).state == state; });
  }
  void until_tried(std::int64_t row, int tries) {
    eventually([&] { return report(row).tries >= tries; });
    CHECK(report(row).tries == tries);
  }

  jobs::fake_panel panel;
  actors::courier_settings carrying;
  std::unique_ptr<actors::panel_courier> courier;
};

inline jobs::fault no_panel_there() {
  return {.code = jobs::fault_code::panel_unavailable, .what = "away"};
}

} // namespace alula::actors_test
