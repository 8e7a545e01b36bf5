// A Panel that is away, or fails.
#include "tests/actors/courier_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::report_state;
using verdict = jobs::delivery::verdict;

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
