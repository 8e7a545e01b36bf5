/// What every jobs::ledger promises to find again after an end or a crash.
/// Called from a TEST_CASE, which runs it once per section with a fresh world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <chrono>
#include <cstdint>
#include <set>

namespace alula::contracts {

inline void ledger_survives_restarts(world_maker make_world) {
  const auto world = make_world();
  const auto uuid = sample_server();

  SECTION("a clean end is remembered, a crash is told from it") {
    std::int64_t boot = 0;
    {
      ledger_session session{*world};
      boot = session.found().boot;
      session.end();
    }
    {
      ledger_session session{*world};
      CHECK(session.found().previous_was_clean);
      CHECK(session.found().boot > boot);
    }
    ledger_session session{*world};
    CHECK_FALSE(session.found().previous_was_clean);
  }

  SECTION("jobs, steps and servers are found as they were acknowledged") {
    jobs::job_record running, queued, ended;
    std::int64_t last_seq = 0;
    {
      ledger_session session{*world};
      session.add_server(uuid);
      auto what = session.draft(sample_kind(), session.server(uuid));
      what.job.dedup_key = "sample:1";
      what.job.input = R"({"a":[1,2]})";
      running = session.start(session.must_accept(what));
      running = session.must_happen(
          running, jobs::happened::step_done{R"({"b":2})", ""});
      running = session.start(running);
      queued = session.must_accept(session.draft());
      ended = session.run_to_end(session.must_accept(session.draft()));
      last_seq = session.journal().events().back().seq;
    }
    ledger_session session{*world};
    REQUIRE(session.found().servers.size() == 1);
    CHECK(session.found().servers[0].uuid == uuid);
    CHECK(session.found().servers[0].state == jobs::server_state::active);
    CHECK(session.found().last_event_seq == last_seq);
    REQUIRE(session.found().jobs.size() == 2);
    const auto& back = session.found().jobs[0];
    CHECK(back.id == running.id);
    CHECK(back.version == running.version);
    CHECK(back.state == jobs::job_state::running);
    CHECK(back.boot == running.boot);
    CHECK(back.input == running.input);
    CHECK(back.dedup_key == running.dedup_key);
    CHECK(back.lane == running.lane);
    CHECK(back.server == uuid);
    CHECK(back.created_at == running.created_at);
    CHECK(back.started_at == running.started_at);
    REQUIRE(back.steps.size() == 3);
    CHECK(back.steps[0].state == jobs::step_state::done);
    CHECK(back.steps[0].output == R"({"b":2})");
    CHECK(back.steps[0].finished_at == running.steps[0].finished_at);
    CHECK(back.steps[1].state == jobs::step_state::started);
    CHECK(back.steps[1].cls == jobs::step_class::pivot);
    CHECK(session.found().jobs[1].id == queued.id);
  }

  SECTION("a job of an older boot goes on only after it was adopted") {
    jobs::job_record running;
    {
      ledger_session session{*world};
      running = session.start(session.must_accept(session.draft()));
    }
    ledger_session session{*world};
    CHECK_FALSE(session.happen(running, jobs::happened::step_done{}));
    CHECK_FALSE(session.happen(running, jobs::happened::interrupted{}));
    const auto adopted = session.must_happen(
        running, jobs::happened::adopted{session.found().boot});
    CHECK(adopted.boot == session.found().boot);
    CHECK(adopted.crashes == 1);
    CHECK(session.run_to_end(session.finish_step(adopted)).is_done());
  }

  SECTION("a boot that ended on purpose is told from one that died") {
    std::int64_t died = 0, announced = 0;
    jobs::job_record job;
    {
      ledger_session session{*world};
      died = session.found().boot;
      job = session.start(session.must_accept(session.draft()));
    }
    {
      ledger_session session{*world};
      CHECK(session.found().ended_boots.empty());
      announced = session.found().boot;
      job = session.must_happen(job, jobs::happened::adopted{announced});
      session.ledger().ending();
      session.must_accept(session.draft()); // it goes on until it ends
    }
    {
      ledger_session session{*world};
      CHECK_FALSE(session.found().previous_was_clean);
      CHECK(session.found().ended_boots == std::set<std::int64_t>{announced});
      job = session.must_happen(
          job, jobs::happened::adopted{session.found().boot, false});
      CHECK(job.crashes == 1);
      session.end();
    }
    ledger_session session{*world};
    CHECK(session.found().ended_boots.contains(job.boot));
    CHECK(died < announced);
  }

  SECTION("how far a step had come when the process died is kept") {
    jobs::job_record job;
    {
      ledger_session session{*world};
      job = session.start(session.must_accept(session.draft()));
    }
    {
      ledger_session session{*world};
      job = session.must_happen(
          job, jobs::happened::adopted{session.found().boot, true, 4'711});
    }
    ledger_session session{*world};
    CHECK(session.found().jobs.at(0).steps[0].reached == 4'711);
    CHECK(session.found().jobs.at(0).steps[0].crashes == 1);
  }

  SECTION("a job that crashed too often is parked at its adoption") {
    jobs::job_record job;
    for (int boot = 0; boot <= jobs::max_crashes_in_one_step; ++boot) {
      ledger_session session{*world};
      job = boot == 0 ? session.start(session.must_accept(session.draft()))
                      : session.must_happen(
                          session.found().jobs.at(0),
                          jobs::happened::adopted{session.found().boot});
    }
    CHECK(job.state == jobs::job_state::parked);
    REQUIRE(job.error);
    CHECK(job.error->code == jobs::fault_code::crashed);
  }

  SECTION("faults of jobs and steps come back as they were") {
    const jobs::fault why{.code = jobs::fault_code::docker_unavailable,
                          .what = "no answer \"in time\"",
                          .where = "inspect"};
    {
      ledger_session session{*world};
      auto what = session.draft();
      what.job.past_pivot = true;
      const auto job = session.start(session.must_accept(what));
      session.must_happen(job, jobs::happened::step_failed{
                                   why, {jobs::error_class::permanent, {}}});
    }
    ledger_session session{*world};
    REQUIRE(session.found().jobs.size() == 1);
    const auto& back = session.found().jobs[0];
    CHECK(back.state == jobs::job_state::parked);
    REQUIRE(back.error);
    CHECK(*back.error == why);
    REQUIRE(back.steps[0].error);
    CHECK(*back.steps[0].error == why);
    CHECK(back.reason == "Parked");
    CHECK(back.past_pivot);
  }

  SECTION("since when a job waits outlasts a crash and a planned end") {
    using namespace jobs::happened;
    const step_failed away{
        {.code = jobs::fault_code::docker_unavailable, .what = "away"},
        {jobs::error_class::busy, std::chrono::milliseconds{5}}};
    const step_failed other{
        {.code = jobs::fault_code::store_unavailable, .what = "away, too"},
        {jobs::error_class::busy, std::chrono::milliseconds{5}}};
    const auto later = [&world] {
      world->clock.advance(std::chrono::milliseconds{1'000});
    };
    const auto since = world->clock.now();
    {
      ledger_session session{*world};
      auto job = session.start(session.must_accept(session.draft()));
      job = session.must_happen(job, away);
      CHECK(job.waiting_since == since);
      later();
      session.start(job);
    }
    later();
    {
      ledger_session session{*world};
      auto job = session.found().jobs.at(0);
      CHECK(job.waiting_since == 0); // it was trying
      CHECK(job.held_by == "DockerUnavailable");
      job = session.must_happen(job, adopted{session.found().boot});
      job = session.must_happen(session.start(job), away);
      CHECK(job.waiting_since == since);
      later();
      job = session.must_happen(session.start(job), interrupted{});
      CHECK(job.waiting_since == session.now());
      session.end();
    }
    {
      ledger_session session{*world};
      auto job = session.found().jobs.at(0);
      CHECK(job.waiting_since == session.now());
      later();
      job = session.must_happen(session.start(job), away);
      CHECK(job.waiting_since == since);
    }
    {
      ledger_session session{*world};
      auto job = session.found().jobs.at(0);
      CHECK(job.waiting_since == since);
      CHECK(job.held_since == since);
      later();
      job = session.must_happen(session.start(job), other);
      CHECK(job.waiting_since == session.now());
      CHECK(job.held_since == since);
    }
    ledger_session session{*world};
    auto job = session.found().jobs.at(0);
    CHECK(job.held_by == "StoreUnavailable");
    CHECK(job.held_by_since == job.waiting_since);
    CHECK(job.held_by_since > since);
    CHECK(job.held_since == since);
    job = session.run_to_end(job);
    CHECK(job.waiting_since == 0);
    CHECK(job.held_since == 0);
  }

  SECTION("event numbers go on where they were") {
    std::int64_t last_seq = 0;
    {
      ledger_session session{*world};
      session.must_accept(session.draft());
      last_seq = session.journal().events().back().seq;
      session.end();
    }
    ledger_session session{*world};
    session.must_accept(session.draft());
    CHECK(session.journal().events().front().seq > last_seq);
  }
}

} // namespace alula::contracts
