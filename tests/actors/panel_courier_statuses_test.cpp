// States of containers: hints beside the reports of outcomes.
#include "jobs/container_status.hpp"
#include "tests/actors/courier_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::process_state;
using jobs::report_state;
using verdict = jobs::delivery::verdict;

namespace {

struct status_world : courier_world {
  status_world() {
    carrying.tells_statuses = true;
    carrying.status_threads = 1;
  }
  void tell_status(int server, process_state before, process_state now) {
    std::promise<void> done;
    ledger->amend({jobs::report_of({server_number(server), before, now})},
                  [&](const jobs::status& s) {
                    CHECK(s.has_value());
                    done.set_value();
                  });
    done.get_future().wait();
  }
  void tell_start(int server) {
    tell_status(server, process_state::offline, process_state::starting);
  }
  static std::string path(int server) {
    return "POST /servers/" + server_number(server).to_string()
           + "/container/status";
  }
  static std::string call(int server, const std::string& before,
                          const std::string& now) {
    return path(server) + R"( {"data":{"previous_state":")" + before
           + R"(","new_state":")" + now + R"("}})";
  }
  bool has(std::int64_t row) {
    const std::scoped_lock lock{store->mutex};
    return store->reports.contains(row);
  }
};

} // namespace

TEST_CASE("a state of a container is told as it is on disk", "[actors]") {
  status_world w;
  w.start();
  w.tell_start(1);
  w.until(1, report_state::delivered);
  CHECK(w.panel.calls() == std::vector{w.call(1, "offline", "starting")});
}

TEST_CASE("no state is told a Panel that is not said to have the call",
          "[actors]") {
  status_world w;
  w.carrying.tells_statuses = false;
  w.tell_start(1); // left by a process that told them
  w.start();
  w.until(1, report_state::moot);
  CHECK_THAT(w.report(1).error, Catch::Contains("panel.container_status"));
  CHECK(w.panel.calls().empty());
}

TEST_CASE("a state gives way to a newer one while it waits", "[actors]") {
  status_world w;
  w.tell_start(1);
  w.tell_status(1, process_state::starting, process_state::running);
  CHECK_FALSE(w.has(1));
  w.start();
  w.until(2, report_state::delivered);
  CHECK(w.panel.calls() == std::vector{w.call(1, "starting", "running")});
}

TEST_CASE("a newer state leaves when the one that is under way has come back",
          "[actors]") {
  status_world w;
  w.carrying.status_threads = 2;
  w.panel.hold();
  w.start();
  w.tell_start(1);
  REQUIRE(w.panel.wait_for("POST"));
  w.tell_status(1, process_state::starting, process_state::running);
  w.panel.let_go();
  w.until(2, report_state::delivered);
  CHECK(w.panel.calls()
        == std::vector{w.call(1, "offline", "starting"),
                       w.call(1, "starting", "running")});
  CHECK(w.panel.most_at_once() == 1);
}

TEST_CASE("a state that was taken up and not sent gives way as well",
          "[actors]") {
  status_world w;
  w.panel.hold();
  w.tell_start(1);
  w.tell_start(2);
  w.start();
  REQUIRE(w.panel.wait_for(w.path(1))); // the only thread has the first
  w.tell_status(2, process_state::starting, process_state::running);
  w.panel.let_go();
  w.until(3, report_state::delivered);
  CHECK(w.panel.calls()
        == std::vector{w.call(1, "offline", "starting"),
                       w.call(2, "starting", "running")});
}

TEST_CASE("results leave while states keep their threads busy", "[actors]") {
  status_world w;
  w.panel.hold();
  for (int i = 1; i <= 3; ++i)
    w.tell_start(i);
  w.start();
  REQUIRE(w.panel.wait_for(w.path(1)));
  w.tell("a", 1);
  REQUIRE(w.panel.wait_for("POST /a"));
  w.panel.let_go();
  w.until(4, report_state::delivered);
  w.until(3, report_state::delivered);
}

TEST_CASE("a Panel without the call settles each state at once, and is told of "
          "once",
          "[actors]") {
  status_world w;
  const auto said = log_book().count("container-status-refused");
  w.panel.answer_next(verdict::retry, 2, 404);
  w.tell_start(1);
  w.tell_start(2);
  w.start();
  w.until(1, report_state::moot);
  w.until(2, report_state::moot);
  CHECK(w.report(1).tries == 1);
  CHECK(w.report(1).http_status == 404);
  CHECK(log_book().count("container-status-refused") == said + 1);
  // It holds up nobody, and raises no alarm.
  w.tell("a", 1);
  w.until(3, report_state::delivered);
  w.eventually([&] {
    const auto f = w.courier->figures();
    return f.open == 0 && f.dead == 0;
  });
}

TEST_CASE("what the Panel says of one server is no matter for the log",
          "[actors]") {
  status_world w;
  const auto said = log_book().count("container-status-refused");
  w.panel.answer_next(verdict::unknown, 1, 404);
  w.panel.answer_next(verdict::retry, 1, 403);
  w.tell_start(1);
  w.tell_start(2);
  w.start();
  w.until(1, report_state::moot);
  w.until(2, report_state::moot);
  CHECK(log_book().count("container-status-refused") == said);
}

TEST_CASE("a Panel that has none of five servers is told of as one without the "
          "call",
          "[actors]") {
  status_world w;
  const auto said = log_book().count("container-status-refused");
  std::size_t more = 1;
  SECTION("once") {
    w.panel.answer_next(verdict::unknown, 6, 404);
  }
  SECTION("unless it has taken a state before") {
    w.panel.answer_next(verdict::delivered, 1, 204);
    w.panel.answer_next(verdict::unknown, 5, 404);
    more = 0;
  }
  for (int i = 1; i <= 6; ++i)
    w.tell_start(i);
  w.start();
  w.until(6, report_state::moot);
  CHECK(log_book().count("container-status-refused") == said + more);
}

TEST_CASE("four servers that the Panel does not have are gone there",
          "[actors]") {
  status_world w;
  const auto said = log_book().count("container-status-refused");
  w.panel.answer_next(verdict::unknown, 6, 404);
  w.start();
  for (int i = 1; i <= 4; ++i) {
    w.tell_start(i);
    w.until(i, report_state::moot);
  }
  // A further one of the same server says no more.
  w.tell_status(4, process_state::starting, process_state::running);
  w.until(5, report_state::moot);
  CHECK(log_book().count("container-status-refused") == said);
}

TEST_CASE("a state that the Panel fails at is told later, and pauses no result",
          "[actors]") {
  status_world w;
  const auto warnings = log_book().count("panel-unreachable");
  w.panel.answer_next(verdict::retry, 1, 500);
  w.tell_start(1);
  w.tell_start(2);
  w.start();
  w.until_tried(1, 1);
  w.tell("a", 1);
  w.until(3, report_state::delivered);  // without a pause
  CHECK(w.panel.count(w.path(2)) == 0); // that state has one
  w.pass(500ms);
  w.until(2, report_state::delivered);
  w.until(1, report_state::delivered);
  CHECK(log_book().count("panel-unreachable") == warnings);
}

TEST_CASE("a state whose delivery threw is told later, and the others are told",
          "[actors]") {
  status_world w;
  w.panel.throw_next();
  w.tell_start(1);
  w.tell_start(2);
  w.start();
  w.until(2, report_state::delivered);
  w.pass_until(500ms, [&] {
    w.courier->look();
    return w.report(1).state == report_state::delivered;
  });
  CHECK(w.panel.count(w.path(1)) == 2);
}

TEST_CASE("states wait while results find the Panel away", "[actors]") {
  status_world w;
  w.panel.fail(no_panel_there());
  w.tell("a", 1);
  w.start();
  w.until_tried(1, 1);
  w.tell_start(1);
  w.courier->look();
  w.tell("b", 2); // and has to wait, too
  CHECK(w.panel.count(w.path(1)) == 0);
  w.panel.fail(std::nullopt);
  w.pass_until(500ms, [&] {
    w.courier->look();
    return w.report(2).state == report_state::delivered
           && w.report(3).state == report_state::delivered;
  });
}

TEST_CASE("a state that is older than the Panel remembers one is not told",
          "[actors]") {
  status_world w;
  w.tell_start(1);
  w.clock.at += std::chrono::milliseconds{1h}.count();
  w.tell_start(2);
  w.start();
  w.until(1, report_state::moot);
  w.until(2, report_state::delivered);
  CHECK(w.panel.calls() == std::vector{w.call(2, "offline", "starting")});
}

TEST_CASE("more states than are taken up at once all leave", "[actors]") {
  status_world w;
  w.carrying.statuses_at_once = 2;
  for (int i = 1; i <= 7; ++i)
    w.tell_start(i);
  w.start();
  for (int i = 1; i <= 7; ++i)
    w.until(i, report_state::delivered);
  CHECK(w.panel.count("POST") == 7);
}
