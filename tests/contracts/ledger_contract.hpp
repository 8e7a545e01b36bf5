/// What every implementation of jobs::ledger promises, checked alike on the
/// fake and on SQLite. One function per subject; each is called from a
/// TEST_CASE of its own, which runs it once per section with a fresh world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace alula::contracts {

using world_maker = std::unique_ptr<ledger_world> (*)();

// -- accept -------------------------------------------------------------------

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
    REQUIRE(called.get_future().wait_for(std::chrono::seconds{20})
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
    REQUIRE(all.get_future().wait_for(std::chrono::seconds{20})
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

// -- idempotency keys ---------------------------------------------------------

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

  SECTION("keys survive a restart") {
    session.end();
    ledger_session next{*world};
    const auto again = next.accept(request("panel", "k1", "f1"));
    REQUIRE(again);
    CHECK(again->outcome == jobs::accept_outcome::replayed);
  }
}

// -- save ---------------------------------------------------------------------

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
    CHECK(live.error().code == jobs::fault_code::server_locked);
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

// -- lanes and locks ----------------------------------------------------------

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

// -- servers ------------------------------------------------------------------

inline void ledger_keeps_servers(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto uuid = sample_server();
  const auto creation = [&](bool suspended = false) {
    auto what = session.draft(sample_kind("sample.create"));
    what.changes = {
        jobs::register_server{uuid, R"({"settings":{"a":1}})", suspended}};
    return what;
  };

  SECTION("a registered server is being created by its job") {
    const auto job = session.must_accept(creation());
    const auto made = session.server(uuid);
    CHECK(made.row > 0);
    CHECK(made.state == jobs::server_state::creating);
    CHECK(made.owner_job == job.row);
    CHECK(made.created_by == job.row);
    CHECK(made.config == R"({"settings":{"a":1}})");
    CHECK(made.created_at == session.now());
    CHECK(job.server_row == made.row);
    CHECK(job.server == uuid);
    CHECK(job.lane == "server:" + std::to_string(made.row));
    CHECK(session.journal().events().back().server == uuid);
  }

  SECTION("an activated server belongs to nobody") {
    const auto made = session.add_server(uuid, true);
    CHECK(made.state == jobs::server_state::active);
    CHECK(made.owner_job == 0);
    CHECK(made.suspended);
  }

  SECTION("a uuid that lives is not registered again") {
    session.must_accept(creation());
    const auto again = session.accept(creation());
    REQUIRE_FALSE(again);
    CHECK(again.error().code == jobs::fault_code::server_exists);
    CHECK(session.journal().servers().size() == 1);
  }

  SECTION("a discarded server frees its uuid") {
    auto job = session.start(session.must_accept(creation()));
    const auto first = session.server(uuid);
    job = session.must_happen(
        job, jobs::happened::cancel_requested{session.found().boot});
    job = session.must_happen(
        job, jobs::happened::step_started{session.found().boot});
    job = session.must_happen(job, jobs::happened::undo_done{},
                              {jobs::discard_server{}});
    CHECK(job.state == jobs::job_state::cancelled);
    CHECK(session.server(uuid).state == jobs::server_state::deleted);
    session.must_accept(creation());
    CHECK(session.server(uuid).row > first.row);
  }

  SECTION("a creation cancelled in the queue leaves no server behind") {
    session.cancel(session.must_accept(creation()));
    CHECK(session.server(uuid).state == jobs::server_state::deleted);
    session.must_accept(creation());
  }

  SECTION("a server knows its container") {
    session.add_server(uuid);
    auto job = session.draft(sample_kind(), session.server(uuid));
    session.run_to_end(session.must_accept(job),
                       {jobs::set_container{"0123abcd"}});
    CHECK(session.server(uuid).container_id == "0123abcd");
    job = session.draft(sample_kind(), session.server(uuid));
    session.run_to_end(session.must_accept(job), {jobs::set_container{""}});
    CHECK(session.server(uuid).container_id.empty());
  }
}

// -- deleting and the trash ---------------------------------------------------

/// A server that a job has begun to delete.
struct deletion {
  explicit deletion(ledger_session& on, bool suspended = false) : session(on) {
    server = session.add_server(uuid, suspended);
    job = session.must_accept(request());
  }
  jobs::acceptance request() const {
    auto what = session.draft(sample_kind("sample.delete"), server);
    what.job.past_pivot = true;
    what.changes = {jobs::begin_delete{}};
    return what;
  }
  /// The volume is in the trash and the uuid is free.
  void detach() {
    job = session.start(job);
    job = session.finish_step(
        job, {jobs::put_in_trash{job.id.to_string(), session.now() + 1000},
              jobs::forget_server{}});
  }
  jobs::acceptance undelete() const {
    auto what = session.draft(sample_kind("sample.undelete", "trash"), server);
    what.changes = {jobs::claim_trash{job.id}};
    return what;
  }
  void begin_purge(bool is_allowed) {
    job = session.start(job);
    const auto begun = session.happen(job, jobs::happened::step_done{},
                                      {jobs::begin_purge{job.id}});
    REQUIRE(begun.has_value() == is_allowed);
    if (begun)
      job = *begun;
    else
      CHECK(begun.error().code == jobs::fault_code::server_locked);
  }
  void end_purge() {
    job = session.start(job);
    job = session.finish_step(job, {jobs::end_purge{job.id}});
  }

  ledger_session& session;
  jobs::server_id uuid = sample_server();
  jobs::server_record server;
  jobs::job_record job;
};

inline void ledger_keeps_trash(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  deletion del{session};

  SECTION("a server that is being deleted is suspended and has an owner") {
    const auto now = session.server(del.uuid);
    CHECK(now.state == jobs::server_state::deleting);
    CHECK(now.suspended);
    CHECK(now.owner_job == del.job.row);
  }

  SECTION("nothing new is accepted for it; the job in the way is named") {
    for (const auto& request :
         {session.draft(sample_kind(), del.server), del.request(),
          session.draft(sample_kind("sample.side", "side"), del.server)}) {
      const auto refused = session.accept(request);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == jobs::fault_code::server_locked);
      CHECK(refused.error().in_the_way == del.job.id.view());
    }
  }

  SECTION("its uuid is free once it is forgotten") {
    del.detach();
    CHECK(session.server(del.uuid).state == jobs::server_state::deleted);
    CHECK(session.add_server(del.uuid).row > del.server.row);
    del.begin_purge(true);
    del.end_purge();
    CHECK(del.job.state == jobs::job_state::succeeded);
  }

  SECTION("its uuid is not free before") {
    auto what = session.draft();
    what.changes = {jobs::register_server{del.uuid, "{}", false}};
    const auto refused = session.accept(what);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_exists);
  }

  SECTION("nothing in the trash: nothing to undelete") {
    const auto refused = session.accept(del.undelete());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::trash_not_found);
  }

  SECTION("claimed trash is not purged until the claim is released") {
    del.detach();
    auto undo = session.must_accept(del.undelete());
    CHECK(undo.lane == "server:" + std::to_string(del.server.row) + ":trash");
    del.begin_purge(false);
    undo = session.start(undo);
    undo = session.cancel(undo);
    undo = session.must_happen(
        undo, jobs::happened::step_started{session.found().boot});
    session.must_happen(undo, jobs::happened::undo_done{},
                        {jobs::release_trash{del.job.id}});
    REQUIRE(session.happen(del.job, jobs::happened::step_done{},
                           {jobs::begin_purge{del.job.id}}));
  }

  SECTION("a claim ends with the job that made it") {
    del.detach();
    session.cancel(session.must_accept(del.undelete()));
    del.begin_purge(true);
  }

  SECTION("trash is claimed once") {
    del.detach();
    const auto first = session.must_accept(del.undelete());
    const auto second = session.accept(del.undelete());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == jobs::fault_code::server_locked);
    CHECK(second.error().in_the_way == first.id.view());
  }

  SECTION("it is too late to claim what is being purged") {
    del.detach();
    del.begin_purge(true);
    const auto late = session.accept(del.undelete());
    REQUIRE_FALSE(late);
    CHECK(late.error().code == jobs::fault_code::trash_not_found);
  }

  SECTION("a restored server is a new incarnation with the old settings") {
    del.detach();
    session.run_to_end(session.must_accept(del.undelete()),
                       {jobs::restore_server{del.job.id}});
    const auto back = session.server(del.uuid);
    CHECK(back.row > del.server.row);
    CHECK(back.state == jobs::server_state::active);
    CHECK(back.owner_job == 0);
    CHECK_FALSE(back.suspended);
    CHECK(back.config == del.server.config);
    CHECK(back.container_id.empty());
    // The delete takes note and ends.
    del.begin_purge(true);
    del.end_purge();
    CHECK(del.job.state == jobs::job_state::succeeded);
  }

  SECTION("a server is not restored over one that lives") {
    del.detach();
    const auto undo = session.start(session.must_accept(del.undelete()));
    session.add_server(del.uuid);
    const auto refused = session.happen(undo, jobs::happened::step_done{},
                                        {jobs::restore_server{del.job.id}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_exists);
  }

  SECTION("a delete takes over a server that is still being created") {
    const auto uuid = sample_server(2);
    auto creation = session.draft(sample_kind("sample.create"));
    creation.changes = {jobs::register_server{uuid, "{}", false}};
    auto creating = session.start(session.must_accept(creation));
    auto what =
        session.draft(sample_kind("sample.delete"), session.server(uuid));
    what.changes = {jobs::begin_delete{}};
    const auto deleting = session.must_accept(what);
    CHECK(session.server(uuid).owner_job == deleting.row);
    // The creation can still go either way; the server stays the delete's.
    creating = session.run_to_end(creating, {jobs::activate_server{}});
    CHECK(creating.state == jobs::job_state::succeeded);
    CHECK(session.server(uuid).state == jobs::server_state::deleting);
  }

  SECTION("another delete takes over from one that was given up") {
    auto job = session.start(del.job);
    job = session.must_happen(
        job, jobs::happened::step_failed{
                 {.code = jobs::fault_code::io_error, .what = "test"},
                 {jobs::error_class::permanent, {}}});
    REQUIRE(job.state == jobs::job_state::parked);
    job = session.must_happen(job, jobs::happened::abandoned{"test"});
    REQUIRE(job.state == jobs::job_state::failed);
    CHECK(session.server(del.uuid).state == jobs::server_state::deleting);
    const auto next = session.must_accept(del.request());
    CHECK(session.server(del.uuid).owner_job == next.row);
  }
}

inline void ledger_restores_suspension(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  deletion del{session, true};
  del.detach();
  session.run_to_end(session.must_accept(del.undelete()),
                     {jobs::restore_server{del.job.id}});
  CHECK(session.server(del.uuid).suspended);
}

// -- restarts -----------------------------------------------------------------

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
