/// What every ledger promises about reports for the Panel and about what the
/// Panel says of servers, checked alike on the fake and on SQLite.
#pragma once

#include "tests/contracts/backup_session.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace alula::contracts {

using delivered_how = jobs::record_delivery::outcome;

inline jobs::tell_panel sample_report(int subject, int number = 1) {
  return {.subject = "backup:" + sample_backup(subject).to_string(),
          .method = "POST",
          .path = "/backups/" + sample_backup(subject).to_string(),
          .body = R"({"number":)" + std::to_string(number) + "}"};
}

/// A session of a node with a Panel, and verbs about its reports.
class outbox_session : public backup_session {
public:
  using backup_session::backup_session;

  void tell(int subject, int number = 1) {
    REQUIRE(amend({sample_report(subject, number)}));
  }
  void settle(std::int64_t report, delivered_how is, std::string why = {},
              jobs::time_ms next_at = 0) {
    const int answer = why.empty() ? 204 : 503;
    const auto settled = amend(
        {jobs::record_delivery{report, is, answer, std::move(why), next_at}});
    REQUIRE(settled);
  }
  std::vector<jobs::report>
  list(jobs::report_group which = jobs::report_group::all) {
    return reader().list_reports(which, 0, 1'000).value().items;
  }
  /// Bodies of what is due, in order.
  std::vector<std::string> due(std::size_t limit = 100) {
    std::vector<std::string> bodies;
    const auto due_now = reader().list_due_reports(now(), limit).value();
    for (const auto& r : due_now)
      bodies.push_back(r.body);
    return bodies;
  }
  std::vector<std::string> heard(std::string_view prefix = "report.") {
    std::vector<std::string> types;
    for (const auto& e : journal().events())
      if (e.type.starts_with(prefix))
        types.push_back(e.type);
    return types;
  }
};

inline std::string numbered(int number) {
  return R"({"number":)" + std::to_string(number) + "}";
}

using bodies = std::vector<std::string>;

inline void ledger_keeps_reports(world_maker make) {
  const auto world = make();

  SECTION("a report is committed with the step whose outcome it tells") {
    world->set_panel(true);
    outbox_session s{*world};
    auto job = s.start(s.must_ask(s.first, {}));
    job = s.finish_step(job, {sample_report(1)});
    const auto all = s.list();
    REQUIRE(all.size() == 1);
    const auto& r = all.front();
    CHECK(r.job == job.id);
    CHECK(r.server == s.first.uuid);
    CHECK(r.subject == "backup:" + sample_backup(1).to_string());
    CHECK(r.method == "POST");
    CHECK(r.path == "/backups/" + sample_backup(1).to_string());
    CHECK(r.body == numbered(1));
    CHECK(r.state == jobs::report_state::waiting);
    CHECK(r.tries == 0);
    CHECK(r.created_at == s.now());
    CHECK(r.next_at == s.now());
    CHECK(s.due() == bodies{numbered(1)});
    const auto events = s.journal().events();
    const auto queued =
        std::ranges::find(events, "report.queued", &jobs::event::type);
    REQUIRE(queued != events.end());
    CHECK(queued->job == job.id);
    CHECK(queued->job_version == job.version);
    CHECK(queued->data.find(r.subject) != std::string::npos);
  }

  SECTION("the record of a job stays until the Panel knows what came of it") {
    world->set_panel(true);
    outbox_session s{*world};
    const auto job = s.run_to_end(s.must_ask(s.first, {}),
                                  {sample_report(1), sample_report(1, 2)});
    const auto other = s.run_to_end(s.must_ask(s.first, {}));
    CHECK(s.forget(other.id));
    const auto refused = s.forget(job.id);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::job_needed);
    const auto all = s.list();
    s.settle(all[0].row, delivered_how::delivered);
    CHECK_FALSE(s.forget(job.id)); // the one behind waits now
    s.settle(all[1].row, delivered_how::dead, "no");
    CHECK(s.forget(job.id));
  }

  SECTION("an activity holds no record, and is told without it") {
    world->set_panel(true);
    outbox_session s{*world};
    const auto job = s.run_to_end(s.must_ask(
        s.first,
        {jobs::tell_panel{"activity:x", "POST", "/activity", numbered(1)}}));
    CHECK(s.forget(job.id));
    CHECK(s.due() == bodies{numbered(1)});
    s.settle(s.list().at(0).row, delivered_how::delivered);
    CHECK(s.due().empty());
  }

  SECTION("a refused save leaves no report") {
    world->set_panel(true);
    outbox_session s{*world};
    const auto job = s.start(s.must_ask(s.first, {}));
    CHECK_FALSE(
        s.happen(job, jobs::happened::step_done{},
                 {sample_report(1),
                  jobs::publish_backup{sample_backup(9), sample_facts()}}));
    CHECK(s.list().empty());
    CHECK(s.heard().empty());
  }

  SECTION("a node without a Panel keeps none") {
    world->set_panel(false);
    outbox_session s{*world};
    s.finish_step(s.start(s.must_ask(s.first, {})), {sample_report(1)});
    s.tell(2);
    CHECK(s.list().empty());
    CHECK(s.heard().empty());
  }

  SECTION("a report without a subject or with an odd path is refused") {
    world->set_panel(true);
    outbox_session s{*world};
    auto odd = sample_report(1);
    odd.subject.clear();
    CHECK_FALSE(s.amend({odd}));
    odd = sample_report(1);
    odd.path = "backups";
    CHECK_FALSE(s.amend({odd}));
    CHECK(s.list().empty());
  }
}

inline void ledger_orders_reports(world_maker make) {
  const auto world = make();
  world->set_panel(true);
  outbox_session s{*world};

  SECTION("of one subject only the first is due, the end calls up the next") {
    s.tell(1, 1);
    s.tell(1, 2);
    s.tell(1, 3);
    s.tell(2, 4);
    CHECK(s.due() == bodies{numbered(1), numbered(4)});
    const auto all = s.list();
    CHECK(all[1].state == jobs::report_state::behind);
    s.settle(all[1].row, delivered_how::delivered); // not its turn
    CHECK(s.list()[1].state == jobs::report_state::behind);
    s.settle(all[0].row, delivered_how::delivered);
    CHECK(s.due() == bodies{numbered(2), numbered(4)});
    s.settle(all[1].row, delivered_how::dead, "no");
    s.settle(all[2].row, delivered_how::delivered);
    CHECK(s.due() == bodies{numbered(4)});
    s.tell(1, 5);
    CHECK(s.due() == bodies{numbered(4), numbered(5)});
  }

  SECTION("one that is put off is due at its time, and holds up its subject") {
    s.tell(1, 1);
    s.tell(1, 2);
    const auto row = s.list().front().row;
    s.settle(row, delivered_how::again, "busy", s.now() + 500);
    CHECK(s.due().empty());
    CHECK(s.reader().next_report_at(s.now()).value() == s.now() + 500);
    const auto put_off = s.list().front();
    CHECK(put_off.tries == 1);
    CHECK(put_off.http_status == 503);
    CHECK(put_off.error == "busy");
    CHECK(put_off.tried_at == s.now());
    world->clock.advance(std::chrono::milliseconds{500});
    CHECK(s.due() == bodies{numbered(1)});
    CHECK(s.reader().next_report_at(s.now()).value() == 0);
    s.settle(row, delivered_how::delivered);
    CHECK(s.due() == bodies{numbered(2)});
  }

  SECTION("the longest due comes first, and no more than asked for") {
    s.tell(1, 1);
    world->clock.advance(std::chrono::milliseconds{5});
    s.tell(2, 2);
    s.tell(3, 3);
    CHECK(s.due(1) == bodies{numbered(1)});
    CHECK(s.due(2).size() == 2);
  }

  SECTION("one that has ended is not touched any more") {
    s.tell(1);
    const auto row = s.list().front().row;
    s.settle(row, delivered_how::delivered);
    const auto ended = s.list().front();
    CHECK(ended.state == jobs::report_state::delivered);
    CHECK(ended.ended_at == s.now());
    CHECK(ended.http_status == 204);
    s.settle(row, delivered_how::dead, "no");
    s.settle(row, delivered_how::again, "no", 1);
    s.settle(row + 77, delivered_how::delivered);
    CHECK(s.list().front().state == jobs::report_state::delivered);
    CHECK(s.list().front().tries == 1);
    CHECK(s.heard()
          == std::vector<std::string>{"report.queued", "report.delivered"});
  }

  SECTION("a moot one has ended and says why, and the next is called up") {
    s.tell(1, 1);
    s.tell(1, 2);
    const auto row = s.list().front().row;
    s.settle(row, delivered_how::moot, "no such backup");
    const auto ended = s.list().front();
    CHECK(ended.state == jobs::report_state::moot);
    CHECK(ended.error == "no such backup");
    CHECK(ended.ended_at == s.now());
    CHECK(s.heard().back() == "report.moot");
    CHECK(s.due() == bodies{numbered(2)});
    CHECK(s.list(jobs::report_group::unsettled).size() == 1);
    CHECK(s.reader().count_reports().value().dead == 0);
    s.settle(row, delivered_how::dead, "no");
    CHECK(s.list().front().state == jobs::report_state::moot);
  }

  SECTION("the end of a report is an event of the job it is of") {
    auto job = s.start(s.must_ask(s.first, {}));
    job = s.finish_step(job, {sample_report(1)});
    s.settle(s.list().front().row, delivered_how::dead);
    const auto last = s.journal().events().back();
    CHECK(last.type == "report.dead");
    CHECK(last.job == job.id);
    CHECK(last.server == s.first.uuid);
    CHECK(s.list().front().error == "given up");
    // Told again, it is still the job's.
    REQUIRE(s.amend({sample_report(1)}));
    CHECK(s.list().back().job == job.id);
    CHECK(s.list().back().server == s.first.uuid);
  }
}

inline void ledger_lists_reports(world_maker make) {
  const auto world = make();
  world->set_panel(true);
  outbox_session s{*world};
  for (int i = 1; i <= 4; ++i) {
    s.tell(i, i);
    world->clock.advance(std::chrono::milliseconds{10});
  }
  s.tell(2, 5);
  const auto all = s.list();
  REQUIRE(all.size() == 5);
  s.settle(all[0].row, delivered_how::delivered);
  s.settle(all[2].row, delivered_how::dead, "no");
  const auto rows = [&](jobs::report_group which) {
    std::vector<std::int64_t> out;
    for (const auto& r : s.list(which))
      out.push_back(r.row - all[0].row);
    return out;
  };
  using numbers = std::vector<std::int64_t>;

  SECTION("by what became of them") {
    CHECK(rows(jobs::report_group::all) == numbers{0, 1, 2, 3, 4});
    CHECK(rows(jobs::report_group::open) == numbers{1, 3, 4});
    CHECK(rows(jobs::report_group::dead) == numbers{2});
    CHECK(rows(jobs::report_group::unsettled) == numbers{1, 2, 3, 4});
  }
  SECTION("page by page") {
    const auto page =
        s.reader().list_reports(jobs::report_group::unsettled, 0, 3).value();
    REQUIRE(page.items.size() == 3);
    CHECK(page.next_after == all[3].row);
    const auto next =
        s.reader()
            .list_reports(jobs::report_group::unsettled, page.next_after, 3)
            .value();
    REQUIRE(next.items.size() == 1);
    CHECK(next.items.front().row == all[4].row);
    CHECK(next.next_after == 0);
  }
  SECTION("one that is told again is dead no more, and keeps its place") {
    s.tell(3, 3);
    CHECK(rows(jobs::report_group::dead).empty());
    CHECK(rows(jobs::report_group::unsettled) == numbers{1, 3, 4, 5});
    CHECK(s.list()[2].state == jobs::report_state::dead);
    CHECK(s.reader().count_reports().value().dead == 0);
    CHECK(s.list().back().state == jobs::report_state::waiting);
  }
  SECTION("other words about the same are no repetition") {
    s.tell(3, 4);
    CHECK(rows(jobs::report_group::dead) == numbers{2});
  }
  SECTION("in figures") {
    const auto figures = s.reader().count_reports().value();
    CHECK(figures.open == 3);
    CHECK(figures.dead == 1);
    CHECK(figures.oldest_open_at == all[1].created_at);
  }
}

inline void ledger_notes_what_the_panel_knows(world_maker make) {
  const auto world = make();
  world->set_panel(true);
  outbox_session s{*world};

  SECTION("a backup shows that the Panel waits, and then knows") {
    const auto job =
        s.must_ask(s.first, {jobs::register_backup{sample_backup(1)}});
    s.run_to_end(job, {jobs::publish_backup{sample_backup(1), sample_facts()},
                       sample_report(1)});
    CHECK(s.record()->report == jobs::report_state::waiting);
    CHECK(s.record()->told_at == 0);
    world->clock.advance(std::chrono::milliseconds{70});
    s.settle(s.list().back().row, delivered_how::delivered);
    CHECK(s.record()->report == jobs::report_state::delivered);
    CHECK(s.record()->told_at == s.now());
  }

  SECTION("a Panel that has no such backup knows nothing of it") {
    const auto job =
        s.must_ask(s.first, {jobs::register_backup{sample_backup(1)}});
    s.run_to_end(job, {jobs::publish_backup{sample_backup(1), sample_facts()},
                       sample_report(1)});
    s.settle(s.list().back().row, delivered_how::moot);
    CHECK(s.record()->report == jobs::report_state::moot);
    CHECK(s.record()->told_at == 0);
  }

  SECTION("what was told of an earlier try says nothing of the backup") {
    s.tell(1);
    world->clock.advance(std::chrono::milliseconds{70});
    s.make(s.first);
    s.settle(s.list().back().row, delivered_how::delivered);
    CHECK(s.record()->told_at == 0);
  }

  SECTION("a backup nobody told of has no report") {
    s.make(s.first);
    CHECK_FALSE(s.record()->report);
  }

  SECTION("what it says of a server is kept, and the listener hears of it") {
    REQUIRE(
        s.amend({jobs::set_server_config{s.first.uuid, R"({"a":1})", true}}));
    const auto server = s.server(s.first.uuid);
    CHECK(server.config == R"({"a":1})");
    CHECK(server.suspended);
    CHECK(s.amend({jobs::set_server_config{sample_server(7), "{}", true}}));
  }

  SECTION("a server it does not know is quarantined until it knows it") {
    REQUIRE(s.amend({jobs::quarantine_server{s.first.uuid}}));
    const auto since = s.now();
    CHECK(s.server(s.first.uuid).quarantined_at == since);
    CHECK(s.server(s.first.uuid).state == jobs::server_state::active);
    world->clock.advance(std::chrono::milliseconds{9});
    REQUIRE(s.amend({jobs::quarantine_server{s.first.uuid}}));
    CHECK(s.server(s.first.uuid).quarantined_at == since);
    SECTION("by a word") {
      REQUIRE(s.amend({jobs::quarantine_server{s.first.uuid, false}}));
    }
    SECTION("by its configuration") {
      REQUIRE(s.amend({jobs::set_server_config{s.first.uuid, "{}", false}}));
    }
    CHECK(s.server(s.first.uuid).quarantined_at == 0);
  }

  SECTION("a server that is being deleted stays suspended") {
    s.must_ask(s.first, {jobs::begin_delete{}});
    REQUIRE(s.amend({jobs::set_server_config{s.first.uuid, "{}", false}}));
    CHECK(s.server(s.first.uuid).suspended);
    CHECK(s.server(s.first.uuid).state == jobs::server_state::deleting);
  }
}

} // namespace alula::contracts
