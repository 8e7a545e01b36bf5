// What becomes of a report that the Panel does not take.
#include "tests/actors/courier_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::report_state;
using verdict = jobs::delivery::verdict;

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
