/// What every jobs::ledger promises about accepting jobs: what becomes of the
/// draft, who hears of it in which order, and which request is which job.
/// Called from a TEST_CASE, which runs it once per section with a fresh world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace alula::contracts {

inline void ledger_accepts_jobs(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};

  SECTION("a new ledger knows nothing and was not unclean") {
    CHECK(session.found().boot > 0);
    CHECK(session.found().previous_was_clean);
    CHECK(session.found().servers.empty());
    CHECK(session.found().jobs.empty());
    CHECK(session.found().last_event_seq == 0);
  }

  SECTION("an accepted job is queued with its row, lane and steps") {
    const auto asked = session.draft();
    const auto got = session.accept(asked);
    REQUIRE(got);
    CHECK(got->outcome == jobs::accept_outcome::created);
    CHECK(got->job.id == asked.job.id);
    CHECK(got->job.row > 0);
    CHECK(got->job.version == 1);
    CHECK(got->job.state == jobs::job_state::queued);
    CHECK(got->job.lane == "node");
    CHECK(got->job.steps.size() == 3);
  }

  SECTION("a step that the request does not need is skipped from the start") {
    auto asked = session.draft();
    asked.job.steps[1].state = jobs::step_state::skipped;
    asked.job.steps[1].finished_at = session.now();
    const auto got = session.accept(asked);
    REQUIRE(got);
    CHECK(got->job.steps[1].state == jobs::step_state::skipped);
    const auto ended = session.run_to_end(got->job);
    CHECK(ended.state == jobs::job_state::succeeded);
    CHECK(ended.steps[1].state == jobs::step_state::skipped);
    CHECK(ended.steps[1].started_at == 0);
  }

  SECTION("the listener hears of an accept, with its event") {
    const auto job = session.must_accept(session.draft());
    const auto events = session.journal().events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].type == "job.accepted");
    CHECK(events[0].seq > 0);
    CHECK(events[0].job == job.id);
    CHECK(events[0].job_row == job.row);
    CHECK(events[0].kind == job.kind);
    CHECK(events[0].job_version == 1);
    CHECK(events[0].at == session.now());
    REQUIRE(session.journal().jobs().size() == 1);
    CHECK(session.journal().jobs()[0].id == job.id);
  }

  SECTION("the listener hears of a commit before the caller does") {
    std::atomic<int> commits_then = -1;
    std::promise<void> called;
    session.ledger().accept(session.draft(), [&](auto) {
      commits_then = session.journal().commits();
      called.set_value();
    });
    REQUIRE(called.get_future().wait_for(std::chrono::seconds{120})
            == std::future_status::ready);
    CHECK(commits_then >= 1);
  }

  SECTION("callers are called back in the order of their calls") {
    constexpr int calls = 300;
    std::vector<int> order;
    std::promise<void> all;
    for (int i = 0; i < calls; ++i)
      session.ledger().accept(session.draft(), [&, i](auto) {
        order.push_back(i);
        if (order.size() == calls)
          all.set_value();
      });
    REQUIRE(all.get_future().wait_for(std::chrono::seconds{120})
            == std::future_status::ready);
    CHECK(std::ranges::is_sorted(order));
    const auto events = session.journal().events();
    CHECK(events.size() == calls);
    CHECK(std::ranges::is_sorted(events, {}, &jobs::event::seq));
  }

  SECTION("a live job with the same natural key is joined") {
    auto first = session.draft();
    first.job.dedup_key = "sample:1";
    auto second = session.draft();
    second.job.dedup_key = "sample:1";
    const auto job = session.must_accept(first);
    const auto joined = session.accept(second);
    REQUIRE(joined);
    CHECK(joined->outcome == jobs::accept_outcome::joined);
    CHECK(joined->job.id == job.id);
    CHECK(joined->job.steps.size() == 3);
    CHECK(session.journal().events().size() == 1);
  }

  SECTION("a natural key is free again when its job has ended") {
    auto first = session.draft();
    first.job.dedup_key = "sample:1";
    session.run_to_end(session.must_accept(first));
    auto second = session.draft();
    second.job.dedup_key = "sample:1";
    const auto got = session.accept(second);
    REQUIRE(got);
    CHECK(got->outcome == jobs::accept_outcome::created);
  }

  SECTION("two jobs of one id are refused") {
    const auto asked = session.draft();
    session.must_accept(asked);
    const auto again = session.accept(asked);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == jobs::fault_code::internal);
  }
}

inline void ledger_remembers_requests(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto request = [&](std::string principal, std::string key,
                           std::string fingerprint) {
    auto what = session.draft();
    what.key = jobs::idempotency{std::move(principal), std::move(key),
                                 std::move(fingerprint)};
    return what;
  };
  const auto first = session.must_accept(request("panel", "k1", "f1"));

  SECTION("the same request again is the same job") {
    const auto again = session.accept(request("panel", "k1", "f1"));
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
    CHECK(again->job.id == first.id);
    CHECK(session.journal().events().size() == 1);
  }

  SECTION("a replay shows the job as it is now, also when it has ended") {
    session.run_to_end(first);
    const auto again = session.accept(request("panel", "k1", "f1"));
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
    CHECK(again->job.state == jobs::job_state::succeeded);
  }

  SECTION("a key for another request is a mismatch") {
    const auto other = session.accept(request("panel", "k1", "f2"));
    REQUIRE_FALSE(other);
    CHECK(other.error().code == jobs::fault_code::idempotency_mismatch);
  }

  SECTION("another principal or another key is another request") {
    CHECK(session.must_accept(request("other", "k1", "f2")).id != first.id);
    CHECK(session.must_accept(request("panel", "k2", "f1")).id != first.id);
  }

  SECTION("a request without a key is not matched to one with") {
    CHECK(session.must_accept(session.draft()).id != first.id);
  }

  SECTION("a key that joined a job leads to that job ever after") {
    auto leader = session.draft();
    leader.job.dedup_key = "sample:1";
    const auto job = session.must_accept(leader);
    auto follower = request("panel", "k3", "f3");
    follower.job.dedup_key = "sample:1";
    const auto joined = session.accept(follower);
    REQUIRE(joined);
    CHECK(joined->outcome == jobs::accept_outcome::joined);
    session.run_to_end(job);
    const auto again = session.accept(follower);
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
    CHECK(again->job.id == job.id);
  }

  SECTION("a refused request does not use up its key") {
    const auto server = session.add_server(sample_server());
    auto refused = request("panel", "k4", "f4");
    refused.changes = {jobs::register_server{server.uuid, "{}", false}};
    REQUIRE_FALSE(session.accept(refused));
    const auto got = session.accept(request("panel", "k4", "f5"));
    REQUIRE(got);
    CHECK(got->outcome == jobs::accept_outcome::created);
  }

  SECTION("the job of a key that was forgotten has expired") {
    session.run_to_end(first);
    REQUIRE(session.forget(first.id));
    const auto again = session.accept(request("panel", "k1", "f1"));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == jobs::fault_code::job_expired);
  }

  SECTION("a request that changed a job leads to that job") {
    const auto other = session.must_accept(session.draft());
    auto started =
        jobs::decide(other, jobs::happened::step_started{session.found().boot},
                     session.now(), {});
    REQUIRE(started);
    jobs::save what{.after = started->after,
                    .events = started->events,
                    .changes = {},
                    .locks = {}};
    what.key = request("panel", "k6", "f6").key;
    REQUIRE(session.save(what));
    const auto again = session.accept(request("panel", "k6", "f6"));
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
    CHECK(again->job.id == other.id);
    CHECK_FALSE(session.accept(request("panel", "k6", "f7")));
  }

  SECTION("keys survive a restart") {
    session.end();
    ledger_session next{*world};
    const auto again = next.accept(request("panel", "k1", "f1"));
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
  }
}

} // namespace alula::contracts
