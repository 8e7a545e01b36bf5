/// What every jobs::ledger promises about the jobs it saves, and about the
/// lanes and locks that keep them apart. Called from a TEST_CASE, which runs it
/// once per section with a fresh world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::contracts {

inline void ledger_saves_jobs(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto queued = session.must_accept(session.draft());

  SECTION("a saved record is what the listener and the caller get") {
    const auto running = session.start(queued);
    CHECK(running.state == jobs::job_state::running);
    CHECK(running.version == 2);
    CHECK(session.journal().jobs().back().version == 2);
    CHECK(session.journal().jobs().back().steps[0].state
          == jobs::step_state::started);
    const auto events = session.journal().events();
    CHECK(events.size() == 3);
    CHECK(events.back().job_version == 2);
  }

  SECTION("a job runs to its end") {
    const auto ended = session.run_to_end(queued);
    CHECK(ended.state == jobs::job_state::succeeded);
    CHECK(session.journal().events().back().type == "job.succeeded");
  }

  SECTION("a save on top of another version is refused") {
    session.start(queued);
    const auto lost = session.happen(
        queued, jobs::happened::step_started{session.found().boot});
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == jobs::fault_code::internal);
  }

  SECTION("a refused save leaves no event and no change") {
    const auto running = session.start(queued);
    const auto heard = session.journal().events().size();
    auto skipped = running;
    skipped.version += 2;
    REQUIRE_FALSE(session.save({.after = skipped,
                                .events = {{"job.step", "{}"}},
                                .changes = {},
                                .locks = {}}));
    CHECK(session.journal().events().size() == heard);
    CHECK(session.finish_step(running).version == 3);
  }

  SECTION("an unknown job cannot be saved") {
    auto unknown = queued;
    unknown.row = 4711;
    unknown.version = 2;
    CHECK_FALSE(session.save(
        {.after = unknown, .events = {}, .changes = {}, .locks = {}}));
  }

  SECTION("a job that has ended cannot be saved") {
    auto ended = session.run_to_end(queued);
    ended.version += 1;
    CHECK_FALSE(session.save(
        {.after = ended, .events = {}, .changes = {}, .locks = {}}));
  }

  SECTION("a job cannot run for a boot that is not this one") {
    CHECK_FALSE(session.happen(
        queued, jobs::happened::step_started{session.found().boot + 1}));
    CHECK_FALSE(session.happen(
        queued, jobs::happened::step_started{session.found().boot - 1}));
  }

  SECTION("only ended jobs are forgotten") {
    const auto live = session.forget(queued.id);
    REQUIRE_FALSE(live);
    CHECK(live.error().code == jobs::fault_code::job_not_ended);
    session.run_to_end(queued);
    CHECK(session.forget(queued.id));
    CHECK(session.journal().forgotten_ids()
          == std::vector<jobs::job_id>{queued.id});
    const auto gone = session.forget(queued.id);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == jobs::fault_code::job_not_found);
  }

  SECTION("progress is taken without an answer, also of unknown jobs") {
    session.ledger().save_progress(
        queued.row, {.done = 1, .unit = "entries", .message = "one"});
    session.ledger().save_progress(
        4711, {.done = 1, .unit = "entries", .message = "one"});
    CHECK(session.start(queued).version == 2);
  }
}

inline void ledger_keeps_order(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto server = session.add_server(sample_server());
  const auto plain = sample_kind();
  const auto x = [](std::string name) {
    return std::vector<jobs::lock_request>{{std::move(name), true}};
  };
  const auto s = [](std::string name) {
    return std::vector<jobs::lock_request>{{std::move(name), false}};
  };
  const auto started = jobs::happened::step_started{session.found().boot};
  const auto row = std::to_string(server.row);

  SECTION("the lane is the server's, with the suffix of the kind") {
    CHECK(session.must_accept(session.draft(plain, server)).lane
          == "server:" + row);
    CHECK(session
              .must_accept(
                  session.draft(sample_kind("sample.side", "side"), server))
              .lane
          == "server:" + row + ":side");
  }

  SECTION("one job owns a lane, and is named to the next") {
    const auto first =
        session.start(session.must_accept(session.draft(plain, server)));
    const auto second = session.must_accept(session.draft(plain, server));
    const auto refused = session.happen(second, started);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_locked);
    CHECK(refused.error().in_the_way == first.id.view());
    session.run_to_end(first);
    CHECK(session.happen(second, started));
  }

  SECTION("a waiting and a parked job keep their lane") {
    const auto first =
        session.start(session.must_accept(session.draft(plain, server)));
    const auto second = session.must_accept(session.draft(plain, server));
    const auto waiting = session.must_happen(
        first, jobs::happened::step_waits{"Waiting", "for a test",
                                          session.now() + 1000});
    CHECK_FALSE(session.happen(second, started));
    session.must_happen(
        waiting, jobs::happened::unrunnable{
                     {.code = jobs::fault_code::internal, .what = "test"}});
    CHECK_FALSE(session.happen(second, started));
  }

  SECTION("lanes of one server, and jobs of none, run side by side") {
    session.start(session.must_accept(session.draft(plain, server)));
    session.start(session.must_accept(
        session.draft(sample_kind("sample.side", "side"), server)));
    session.start(session.must_accept(session.draft()));
    session.start(session.must_accept(session.draft()));
  }

  SECTION("an exclusive lock is held by one job until it ends") {
    const auto first =
        session.start(session.must_accept(session.draft()), x("backup:1"));
    const auto second = session.must_accept(session.draft());
    const auto refused = session.happen(second, started, {}, x("backup:1"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_locked);
    CHECK(refused.error().in_the_way == first.id.view());
    CHECK_FALSE(session.happen(second, started, {}, s("backup:1")));
    session.run_to_end(first);
    CHECK(session.happen(second, started, {}, x("backup:1")));
  }

  SECTION("shared locks are held together and keep an exclusive one out") {
    const auto first =
        session.start(session.must_accept(session.draft()), s("backup:1"));
    const auto second =
        session.start(session.must_accept(session.draft()), s("backup:1"));
    const auto third = session.must_accept(session.draft());
    CHECK_FALSE(session.happen(third, started, {}, x("backup:1")));
    session.run_to_end(first);
    CHECK_FALSE(session.happen(third, started, {}, x("backup:1")));
    session.run_to_end(second);
    CHECK(session.happen(third, started, {}, x("backup:1")));
  }

  SECTION("locks are taken all or none") {
    session.start(session.must_accept(session.draft()), x("b"));
    const auto second = session.must_accept(session.draft());
    CHECK_FALSE(
        session.happen(second, started, {}, {{"a", true}, {"b", true}}));
    session.start(session.must_accept(session.draft()), x("a"));
  }

  SECTION("a lock taken twice is one lock, and can become exclusive") {
    const auto first =
        session.start(session.must_accept(session.draft()), s("a"));
    session.must_happen(first, jobs::happened::delayed{"Waiting", "test"}, {},
                        x("a"));
    const auto second = session.must_accept(session.draft());
    CHECK_FALSE(session.happen(second, started, {}, s("a")));
  }

  SECTION("locks can be taken with the accept and outlast a restart") {
    auto first = session.draft();
    first.locks = x("a");
    const auto holder = session.must_accept(first);
    auto second = session.draft();
    second.locks = s("a");
    const auto refused = session.accept(second);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_locked);
    CHECK(refused.error().in_the_way == holder.id.view());
    session.end();
    ledger_session next{*world};
    CHECK_FALSE(next.accept(second));
    next.cancel(holder);
    CHECK(next.accept(second));
  }
}

} // namespace alula::contracts
