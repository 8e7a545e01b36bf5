// In which order reports leave, and that each does.
#include "tests/actors/courier_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::report_state;
using verdict = jobs::delivery::verdict;
using strings = std::vector<std::string>;

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

TEST_CASE("a report whose delivery threw is sent again", "[actors]") {
  courier_world w;
  w.panel.throw_next();
  w.start();
  w.tell("a", 1);
  REQUIRE(w.panel.wait_for("POST /a"));
  w.pass_until(500ms, [&] {
    w.courier->look();
    return w.report(1).state == report_state::delivered;
  });
  CHECK(w.panel.count("POST /a") == 2);
}

TEST_CASE("a node without a Panel tells nobody", "[actors]") {
  courier_world w;
  w.panel.configured = false;
  w.tell("a", 1);
  w.start();
  w.eventually([&] { return w.courier->figures().open == 1; });
  CHECK(w.panel.calls().empty());
}
