// Asking the Panel which backups of its store it has deleted.
#include "tests/jobs/kinds/far_world.hpp"

#include <string>
#include <vector>

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

namespace {

constexpr time_ms a_day = 86'400'000;

struct asking : far_world {
  /// Only the Panel's store has it, and the Panel has taken the report.
  void leave(int number) {
    put_backup(number, 1);
    leave_to_panel(number);
    store->backups.at(backup(number)).record.told_at = 1;
  }
  json ask() {
    const auto job = run_to_end(ask_panel_for_backups, "", false);
    REQUIRE(job.state == job_state::succeeded);
    return json::parse(job.result);
  }
  std::size_t gone_of(const json& told) { return told.at("gone").size(); }
  std::size_t asked_for(int number) {
    return panel.count("knows " + backup(number).to_string());
  }
  const backup_place& place(int number) {
    return *store->backups.at(backup(number)).record.find_place(panel_place);
  }
};

} // namespace

TEST_CASE("the Panel is asked for backups only that it alone has and has taken",
          "[kinds][far]") {
  asking w;
  w.leave(1);
  w.put_backup(2, 1); // here
  w.leave(3);         // the Panel has not taken its report
  w.store->backups.at(w.backup(3)).record.told_at = 0;
  w.leave(4); // its local archive is still to go
  w.store->backups.at(w.backup(4)).record.is_local = true;
  w.store->backups.at(w.backup(4)).record.is_scratch = true;
  w.leave(5); // a store of ours has it too
  w.store->backups.at(w.backup(5))
      .record.places.push_back({"offsite", "k", "", 1, 1});
  CHECK(w.ask().at("asked") == 1);
  CHECK(w.panel.count("knows") == 1);
  CHECK(w.asked_for(1) == 1);
  // Asked for an upload it would begin one.
  CHECK(w.panel.count("plan") == 0);
}

TEST_CASE("a backup is gone when the Panel says so twice, a day apart",
          "[kinds][far]") {
  asking w;
  w.leave(1);
  w.panel.forget(w.backup(1));
  CHECK(w.gone_of(w.ask()) == 0);
  w.now += a_day - 1;
  CHECK(w.gone_of(w.ask()) == 0);
  w.now += 1;
  SECTION("and has not had it in between") {
    CHECK(w.ask().at("gone") == json{w.backup(1).view()});
  }
  SECTION("and not when it had it in between") {
    w.panel.forget(w.backup(1), false);
    CHECK(w.gone_of(w.ask()) == 0);
    w.panel.forget(w.backup(1));
    CHECK(w.gone_of(w.ask()) == 0);
    w.now += a_day;
    CHECK(w.gone_of(w.ask()) == 1);
  }
  CHECK(w.record(1)); // its delete is another job
}

TEST_CASE("a Panel that misses most of its backups is believed after a week",
          "[kinds][far]") {
  asking w;
  const int others = GENERATE(3, 4);
  for (int i = 1; i <= 4; ++i) {
    w.leave(i);
    w.panel.forget(w.backup(i));
  }
  for (int i = 1; i <= others; ++i)
    w.leave(4 + i);
  const bool is_suspect = others < 4;
  const auto first = w.ask();
  CHECK(w.gone_of(first) == 0);
  CHECK(first.at("doubtful") == is_suspect);
  w.now += a_day;
  CHECK(w.gone_of(w.ask()) == (is_suspect ? 0 : 4));
  w.now += 6 * a_day;
  CHECK(w.gone_of(w.ask()) == 4);
}

TEST_CASE("a Panel that is away has said nothing", "[kinds][far]") {
  asking w;
  for (int i = 1; i <= 5; ++i)
    w.leave(i);
  w.panel.forget(w.backup(1));
  w.panel.fail(
      fault{.code = fault_code::panel_unavailable, .what = "it does not hear"});
  const auto told = w.ask();
  CHECK(told.at("asked") == 0);
  CHECK(told.at("stopped_because") == "it does not hear");
  CHECK(w.panel.count("knows") == 3);
  for (int i = 1; i <= 5; ++i)
    CHECK(w.place(i).missed_at == 0);
}

TEST_CASE("a node without a Panel asks nobody", "[kinds][far]") {
  asking w;
  w.leave(1);
  w.panel.configured = false;
  CHECK(w.run_to_end(ask_panel_for_backups, "", false).state
        == job_state::succeeded);
  CHECK(w.panel.count("knows") == 0);
}

TEST_CASE("those are asked for first that were not for longest",
          "[kinds][far]") {
  asking w;
  for (int i = 1; i <= 120; ++i)
    w.leave(i);
  const auto count = [&] {
    std::size_t once = 0;
    for (int i = 1; i <= 120; ++i)
      once += w.asked_for(i) > 0 ? 1 : 0;
    return once;
  };
  CHECK(w.ask().at("asked") == 100);
  CHECK(count() == 100);
  w.now += a_day;
  w.ask();
  CHECK(count() == 120);
}

TEST_CASE("what the Panel misses is asked for sooner", "[kinds][far]") {
  asking w;
  w.leave(1);
  w.panel.forget(w.backup(1));
  w.ask();
  for (int i = 2; i <= 102; ++i) {
    w.leave(i);
    w.store->backups.at(w.backup(i)).record.places[0].asked_at = w.now - a_day;
  }
  w.now += a_day;
  w.ask();
  CHECK(w.asked_for(1) == 2);
}
