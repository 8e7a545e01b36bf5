#include "actors/panel_courier.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/doubles/fake_panel.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::report_state;
using verdict = jobs::delivery::verdict;
using strings = std::vector<std::string>;

namespace {

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
  void until(std::int64_t row, report_state state) {
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

jobs::fault no_panel_there() {
  return {.code = jobs::fault_code::panel_unavailable, .what = "away"};
}

} // namespace

TEST_CASE("what waited over a restart is told at the start", "[actors]") {
  courier_world w;
  w.tell("a", 1);
  w.start();
  w.until(1, report_state::delivered);
  CHECK(w.panel.calls() == strings{"POST /a 1"});
  CHECK(w.report(1).http_status == 204);
}

TEST_CASE("a report leaves as soon as it is on disk", "[actors]") {
  courier_world w;
  w.start();
  w.tell("a", 1);
  w.until(1, report_state::delivered);
}

TEST_CASE("a Panel that knows of no transfer is asked again while it may not "
          "have committed one",
          "[actors]") {
  courier_world w;
  const std::string path = "/servers/x/transfer/failure";
  w.panel.answer_next(verdict::delivered, 100, 409);
  std::promise<void> kept;
  w.ledger->amend({jobs::tell_panel{"server:x", "POST", path, "null"}},
                  [&](const jobs::status&) { kept.set_value(); });
  kept.get_future().wait();
  w.start();
  w.until_tried(1, 1);
  CHECK(w.report(1).state == report_state::waiting);
  // Then it was the other node that told it (trap 105).
  w.eventually([&] {
    w.pass(5s);
    return w.report(1).state == report_state::delivered;
  });
  CHECK(w.report(1).tries > 1);
  CHECK(w.report(1).http_status == 409);
}

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

TEST_CASE("of one subject one report is under way, of several several",
          "[actors]") {
  courier_world w;
  w.panel.hold();
  w.tell("a", 1);
  w.tell("a", 2);
  w.tell("b", 3);
  w.start();
  REQUIRE(w.panel.wait_for("POST", 2));
  CHECK(w.panel.count("POST /a") == 1);
  w.panel.let_go();
  w.until(2, report_state::delivered);
  CHECK(w.panel.count("POST /a") == 2);
  CHECK(w.panel.calls().back() == "POST /a 2");
  CHECK(w.panel.most_at_once() == 2);
}

TEST_CASE("no more are under way than there are threads", "[actors]") {
  courier_world w;
  w.carrying.threads = 2;
  w.panel.hold();
  for (int i = 1; i <= 6; ++i)
    w.tell("s" + std::to_string(i), i);
  w.start();
  REQUIRE(w.panel.wait_for("POST", 2));
  w.panel.let_go();
  w.until(6, report_state::delivered);
  CHECK(w.panel.most_at_once() == 2);
  CHECK(w.panel.count("POST") == 6);
}

TEST_CASE("a report that was not taken is tried later and later", "[actors]") {
  courier_world w;
  w.panel.answer_next(verdict::retry, 3, 404);
  w.tell("a", 1);
  w.tell("a", 2);
  w.start();
  w.until_tried(1, 1);
  CHECK(w.report(1).error == "because");
  CHECK(w.report(1).http_status == 404);
  CHECK(w.report(1).next_at - w.clock.now() == 500); // half of a second
  w.pass(500ms);
  w.until_tried(1, 2);
  CHECK(w.report(1).next_at - w.clock.now() == 1'000);
  w.pass(1'000ms);
  w.until_tried(1, 3);
  CHECK(w.panel.count("POST /a 2") == 0); // it keeps its place
  w.pass(2'000ms);
  w.until(2, report_state::delivered);
  CHECK(w.panel.calls()
        == strings{"POST /a 1", "POST /a 1", "POST /a 1", "POST /a 1",
                   "POST /a 2"});
}

TEST_CASE("another subject does not wait for one that is not taken",
          "[actors]") {
  courier_world w;
  w.panel.answer_next(verdict::retry, 1, 404);
  w.tell("a", 1);
  w.start();
  w.until_tried(1, 1);
  w.tell("b", 2);
  w.until(2, report_state::delivered);
  CHECK(w.report(1).state == report_state::waiting);
}

TEST_CASE("what the Panel refuses for good is given up at once, with an alarm",
          "[actors]") {
  courier_world w;
  const auto alarms = log_book().count("report-dead");
  w.panel.answer_next(verdict::refused, 1, 422);
  w.tell("a", 1);
  w.tell("a", 2);
  w.start();
  w.until(2, report_state::delivered);
  CHECK(w.report(1).state == report_state::dead);
  CHECK(w.report(1).error == "because");
  CHECK(log_book().count("report-dead") == alarms + 1);
}

TEST_CASE("the log says whose outcome a report tells", "[actors]") {
  courier_world w;
  const auto& lines = log_books().lines;
  const auto job = jobs::job_id::parse("5b1e9c1a-0f6e-4c7c-9d55-3a5b8c2e7f10");
  w.panel.answer_next(verdict::refused, 1, 422);
  w.tell("a", 1);
  w.tell("a", 2); // waits for the end of the first
  {
    const std::scoped_lock lock{w.store->mutex};
    for (auto& [row, report] : w.store->reports)
      report.job = *job;
  }
  w.start();
  w.eventually([&] {
    return w.report(1).state == report_state::dead
           && w.report(2).state == report_state::delivered;
  });
  CHECK(lines.wait_for("report-dead report=1 subject=a path=/a tries=1 "
                       "why=because job="
                       + job->to_string()));
  CHECK(lines.wait_for("report-delivered report=2 path=/a status=204 job="
                       + job->to_string()));
}

TEST_CASE("after days a report is given up, but only if it was tried often",
          "[actors]") {
  courier_world w;
  w.panel.answer_next(verdict::retry, 100, 404);
  w.tell("a", 1);
  w.clock.at += std::chrono::milliseconds{std::chrono::hours{24 * 8}}.count();
  w.start();
  for (int i = 1; i < w.carrying.least_tries; ++i) {
    w.until_tried(1, i);
    CHECK(w.report(1).state == report_state::waiting);
    w.pass(1h);
  }
  w.until(1, report_state::dead);
  CHECK(w.report(1).tries == w.carrying.least_tries);
}

TEST_CASE("what the Panel has no more is moot after an hour, and holds back "
          "nobody",
          "[actors]") {
  courier_world w;
  const auto alarms = log_book().count("report-dead");
  const auto told = log_book().count("report-moot");
  w.panel.answer_next(verdict::unknown, 1'000, 404);
  w.tell("gone", 1);
  w.start();
  const auto begun = w.clock.now();
  for (int tries = 1; w.report(1).state != report_state::moot; ++tries) {
    w.until_tried(1, tries);
    if (w.report(1).state == report_state::waiting)
      w.pass(std::chrono::milliseconds{w.report(1).next_at - w.clock.now()});
  }
  const std::chrono::milliseconds took{w.clock.now() - begun};
  CHECK(took >= 1h);
  CHECK(took <= 1h + w.carrying.cap);
  CHECK(w.report(1).http_status == 404);
  CHECK_THAT(w.report(1).error, Catch::EndsWith("(any more): because"));
  CHECK(log_book().wait_for("report-moot", told + 1));
  CHECK(std::ranges::any_of(log_books().lines.entries(), [](const auto& line) {
    return line.starts_with("report-moot report=1 subject=gone path=/gone ");
  }));
  CHECK(log_book().count("report-dead") == alarms);
  w.eventually([&] {
    const auto f = w.courier->figures();
    return f.open == 0 && f.dead == 0;
  });
}

TEST_CASE("what stands behind a moot report is told at once", "[actors]") {
  courier_world w;
  w.carrying.least_unknown = 1;
  w.panel.answer_next(verdict::unknown, 1, 404);
  w.tell("a", 1);
  w.tell("a", 2);
  w.clock.at += std::chrono::milliseconds{1h}.count();
  w.start();
  w.until(2, report_state::delivered);
  CHECK(w.report(1).state == report_state::moot);
}

TEST_CASE("an hour that the Panel was away makes no report moot", "[actors]") {
  courier_world w;
  w.tell("a", 1);
  w.clock.at += std::chrono::milliseconds{24h}.count();
  w.panel.answer_next(verdict::unknown, w.carrying.least_unknown - 1, 404);
  w.start();
  for (int i = 1; i < w.carrying.least_unknown; ++i) {
    w.until_tried(1, i);
    CHECK(w.report(1).state == report_state::waiting);
    w.pass(5min);
  }
  w.until(1, report_state::delivered); // it has it all the same
}

TEST_CASE("a 404 that is not of what the report names is never moot",
          "[actors]") {
  courier_world w;
  w.carrying.least_unknown = 1;
  w.panel.answer_next(verdict::retry, 20, 404);
  w.tell("a", 1);
  w.clock.at += std::chrono::milliseconds{24h}.count();
  w.start();
  for (int i = 1; i <= 20; ++i) {
    w.until_tried(1, i);
    CHECK(w.report(1).state == report_state::waiting);
    w.pass(1h);
  }
  w.until(1, report_state::delivered);
}

TEST_CASE("a Panel that is away is asked with one report, ever less often",
          "[actors]") {
  courier_world w;
  w.carrying.threads = 1; // the first finds out
  const auto warnings = log_book().count("panel-unreachable");
  w.panel.fail(no_panel_there());
  for (int i = 1; i <= 5; ++i)
    w.tell("s" + std::to_string(i), i);
  w.start();
  REQUIRE(w.panel.wait_for("POST", 1));
  w.until_tried(1, 1);
  CHECK(w.panel.count("POST") == 1);
  w.pass(500ms); // half of a second: the pause is over
  REQUIRE(w.panel.wait_for("POST", 2));
  w.until_tried(2, 1); // the one that waited longest
  w.pass(500ms);       // half of the pause
  w.tell("s6", 6);
  CHECK(w.panel.count("POST") == 2);
  w.pass(500ms);
  REQUIRE(w.panel.wait_for("POST", 3));
  CHECK(log_book().count("panel-unreachable") == warnings + 1);

  w.panel.fail(std::nullopt);
  w.pass_until(1s, [&] {
    w.courier->look();
    for (int i = 1; i <= 6; ++i)
      if (w.report(i).state != report_state::delivered)
        return false;
    return true;
  });
  CHECK(log_book().wait_for("panel-reachable"));
}

namespace {

/// `poison` has met a 500, and `good` was delivered after it.
void let_one_fail_and_another_through(courier_world& w) {
  w.carrying.threads = 1;
  w.panel.answer_next(verdict::retry, 1, 500);
  w.tell("poison", 1);
  w.start();
  w.until_tried(1, 1);
  w.panel.answer_next(verdict::delivered, 1, 204);
  w.panel.answer_next(verdict::retry, 100, 500);
  w.tell("good", 2);
  w.pass(500ms); // half of a second: the pause is over
  w.until(2, report_state::delivered);
}

} // namespace

TEST_CASE("a report that the Panel fails at again holds up nobody else",
          "[actors]") {
  courier_world w;
  const auto warnings = log_book().count("panel-unreachable");
  let_one_fail_and_another_through(w);
  w.until_tried(1, 2);
  w.panel.forget_answers();
  w.tell("other", 3);
  w.until(3, report_state::delivered); // without a pause
  CHECK(log_book().count("panel-unreachable") == warnings + 1);
}

TEST_CASE("a Panel that fails at everything is asked less often all the same",
          "[actors]") {
  courier_world w;
  const auto warnings = log_book().count("panel-unreachable");
  let_one_fail_and_another_through(w);
  for (int tries = 2; tries <= w.carrying.most_spared + 2; ++tries) {
    w.until_tried(1, tries);
    w.pass(std::chrono::milliseconds{w.report(1).next_at - w.clock.now()});
  }
  w.eventually(
      [&] { return log_book().count("panel-unreachable") == warnings + 2; });
}

TEST_CASE("a report that was under way when the process died is told again",
          "[actors]") {
  courier_world w;
  w.panel.hold();
  w.tell("a", 1);
  w.start();
  REQUIRE(w.panel.wait_for("POST /a 1", 1));
  w.restart();
  w.panel.let_go();
  w.until(1, report_state::delivered);
  CHECK(w.panel.count("POST /a 1") == 2);
}

TEST_CASE("a stop breaks off what is under way and notes nothing of it",
          "[actors]") {
  courier_world w;
  w.panel.hold();
  w.tell("a", 1);
  w.start();
  REQUIRE(w.panel.wait_for("POST"));
  w.courier->stop();
  CHECK(w.report(1).tries == 0);
  CHECK(w.report(1).state == report_state::waiting);
}

TEST_CASE("a node without a Panel tells nobody", "[actors]") {
  courier_world w;
  w.panel.configured = false;
  w.tell("a", 1);
  w.start();
  w.eventually([&] { return w.courier->figures().open == 1; });
  CHECK(w.panel.calls().empty());
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
