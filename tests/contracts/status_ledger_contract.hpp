/// What every ledger promises about the states of containers that the Panel is
/// told, checked alike on the fake and on SQLite.
#pragma once

#include "tests/contracts/outbox_ledger_contract.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace alula::contracts {

inline jobs::tell_panel sample_status(int server, int number) {
  const auto uuid = sample_backup(server).to_string();
  return {.subject = "container:" + uuid,
          .method = "POST",
          .path = "/servers/" + uuid + "/container/status",
          .body = R"({"number":)" + std::to_string(number) + "}"};
}

inline void ledger_keeps_the_newest_status(world_maker make) {
  const auto world = make();
  world->set_panel(true);
  outbox_session s{*world};
  const auto tell_status = [&](int server, int number) {
    REQUIRE(s.amend({sample_status(server, number)}));
  };
  const auto due = [&](std::size_t limit = 100) {
    bodies out;
    for (const auto& r : s.reader().list_due_statuses(s.now(), limit).value())
      out.push_back(r.body);
    std::ranges::sort(out);
    return out;
  };

  SECTION("one that waits gives way to the newer, and nobody is behind") {
    tell_status(1, 1);
    tell_status(2, 2);
    tell_status(1, 3);
    tell_status(1, 4);
    CHECK(due() == bodies{numbered(2), numbered(4)});
    const auto all = s.list();
    REQUIRE(all.size() == 2);
    for (const auto& r : all) {
      CHECK(r.state == jobs::report_state::waiting);
      CHECK(r.tries == 0);
    }
    using words = std::vector<std::string>;
    CHECK(s.heard()
          == words{"report.queued", "report.queued", "report.moot",
                   "report.queued", "report.moot", "report.queued"});
  }

  SECTION("one that was put off gives way too, and its end changes nothing") {
    tell_status(1, 1);
    const auto row = s.list().front().row;
    s.settle(row, delivered_how::again, "busy", s.now() + 500);
    CHECK(due().empty());
    CHECK(s.reader().next_report_at(s.now()).value() == s.now() + 500);
    tell_status(1, 2);
    CHECK(due() == bodies{numbered(2)});
    s.settle(row, delivered_how::delivered); // it was under way
    CHECK(due() == bodies{numbered(2)});
    CHECK(s.list().size() == 1);
  }

  SECTION("one that was told leaves with the next, so there is one of each") {
    tell_status(1, 1);
    s.settle(s.list().front().row, delivered_how::delivered);
    CHECK(due().empty());
    const auto told = s.reader().list_statuses().value();
    REQUIRE(told.size() == 1);
    CHECK(told.front().state == jobs::report_state::delivered);
    CHECK(told.front().body == numbered(1));
    tell_status(1, 2);
    CHECK(s.list().size() == 1);
    CHECK(s.reader().list_statuses().value().front().body == numbered(2));
  }

  SECTION("reports of other subjects are due without it, and counted alone") {
    tell_status(1, 1);
    world->clock.advance(std::chrono::milliseconds{10});
    s.tell(1, 7);
    s.tell(1, 8);
    CHECK(s.due() == bodies{numbered(7)});
    CHECK(due() == bodies{numbered(1)});
    CHECK(due(0).empty());
    CHECK(s.reader().list_statuses().value().size() == 1);
    const auto figures = s.reader().count_reports().value();
    CHECK(figures.open == 2);
    CHECK(figures.oldest_open_at == s.now());
    CHECK(s.list(jobs::report_group::open).size() == 3);
    CHECK(s.list(jobs::report_group::unsettled).size() == 2);
    tell_status(1, 2);
    CHECK(s.due() == bodies{numbered(7)});
    CHECK(s.list(jobs::report_group::open).size() == 3);
  }

  SECTION("a refused amend leaves the one that waited") {
    tell_status(1, 1);
    auto odd = sample_report(1);
    odd.subject.clear();
    CHECK_FALSE(s.amend({sample_status(1, 2), odd}));
    CHECK(due() == bodies{numbered(1)});
  }
}

} // namespace alula::contracts
