/// What every jobs::ledger promises about deletes, the trash and the way back.
/// Called from a TEST_CASE, which runs it once per section with a fresh world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <string>
#include <vector>

namespace alula::contracts {

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
  /// Parked by a failing disk, then abandoned.
  void give_up() {
    job = session.must_happen(
        session.start(job),
        jobs::happened::step_failed{
            {.code = jobs::fault_code::io_error, .what = "test"},
            {jobs::error_class::permanent, {}}});
    REQUIRE(job.state == jobs::job_state::parked);
    job = session.must_happen(job, jobs::happened::abandoned{"test"});
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

  SECTION("a uuid that lives again is not undeleted") {
    del.detach();
    const auto next = session.add_server(del.uuid);
    const auto refused = session.accept(del.undelete());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_exists);
    CHECK(session.server(del.uuid).row == next.row);
    del.begin_purge(true);
  }

  SECTION("an undelete keeps the uuid until it ends") {
    del.detach();
    const auto undo = session.start(session.must_accept(del.undelete()));
    auto what = session.draft(sample_kind("sample.create"));
    what.changes = {jobs::register_server{del.uuid, "{}", false}};
    const auto refused = session.accept(what);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_exists);
    CHECK(refused.error().in_the_way == undo.id.view());
    CHECK(session.accept(session.draft()));

    SECTION("with the server, which then has it") {
      session.run_to_end(undo, {jobs::restore_server{del.job.id}});
      CHECK_FALSE(session.accept(what));
    }
    SECTION("without, and then it is free") {
      auto undone = session.cancel(undo);
      undone = session.must_happen(
          undone, jobs::happened::step_started{session.found().boot});
      session.must_happen(undone, jobs::happened::undo_done{},
                          {jobs::release_trash{del.job.id}});
      CHECK(session.accept(what));
    }
  }

  SECTION("of two volumes of one uuid, one is undeleted at a time") {
    del.detach();
    const auto again = session.add_server(del.uuid);
    auto request = session.draft(sample_kind("sample.delete"), again);
    request.changes = {jobs::begin_delete{}};
    auto second = session.start(session.must_accept(request));
    second = session.finish_step(
        second,
        {jobs::put_in_trash{second.id.to_string(), session.now() + 1000},
         jobs::forget_server{}});
    const auto first = session.must_accept(del.undelete());
    auto undelete =
        session.draft(sample_kind("sample.undelete", "trash"), again);
    undelete.changes = {jobs::claim_trash{second.id}};
    const auto refused = session.accept(undelete);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::server_exists);
    CHECK(refused.error().in_the_way == first.id.view());
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

  SECTION("what a delete that was given up has left can be adopted") {
    const auto adopt = [&] {
      auto what = session.draft(sample_kind("sample.purge", "purge"));
      what.changes = {jobs::adopt_trash{del.job.id}};
      return what;
    };
    del.detach();
    const auto early = session.accept(adopt());
    REQUIRE_FALSE(early);
    CHECK(early.error().code == jobs::fault_code::trash_not_found);
    del.give_up();
    auto purge = session.must_accept(adopt());
    CHECK(purge.server_row == del.server.row);
    CHECK(purge.server == del.uuid);
    CHECK(purge.lane == "server:" + std::to_string(del.server.row) + ":purge");
    CHECK(purge.run_at == session.now() + 1000);

    SECTION("and purged") {
      purge = session.start(purge);
      purge = session.finish_step(purge, {jobs::begin_purge{del.job.id}});
      purge = session.start(purge);
      session.finish_step(purge, {jobs::end_purge{del.job.id}});
      CHECK(session.forget(del.job.id));
    }
    SECTION("and restored until then") {
      session.run_to_end(session.must_accept(del.undelete()),
                         {jobs::restore_server{del.job.id}});
      CHECK(session.server(del.uuid).state == jobs::server_state::active);
    }
    SECTION("and is found by every boot until it is gone") {
      session.end();
      ledger_session next{*world};
      CHECK(next.found().left_trash == std::vector{del.job.id});
    }
  }

  SECTION("trash that its delete purges itself was not left") {
    del.detach();
    session.end();
    ledger_session next{*world};
    CHECK(next.found().left_trash.empty());
  }

  SECTION("another delete takes over from one that was given up") {
    del.give_up();
    REQUIRE(del.job.state == jobs::job_state::failed);
    CHECK(session.server(del.uuid).state == jobs::server_state::deleting);
    const auto next = session.must_accept(del.request());
    CHECK(session.server(del.uuid).owner_job == next.row);
  }

  SECTION("a retry takes over from the delete that was given up") {
    del.give_up();
    auto again = del.request();
    again.job.retry_of = del.job.id;

    SECTION("and goes on with the delete") {
      const auto next = session.must_accept(again);
      CHECK(session.server(del.uuid).owner_job == next.row);
      CHECK(session.server(del.uuid).state == jobs::server_state::deleting);
      const auto another = session.accept(del.request());
      REQUIRE_FALSE(another);
      CHECK(another.error().code == jobs::fault_code::server_locked);
      CHECK(another.error().in_the_way == next.id.view());
      session.run_to_end(next, {jobs::forget_server{}});
      CHECK(session.server(del.uuid).state == jobs::server_state::deleted);
    }
    SECTION("also when it does not ask for it") {
      again.changes.clear();
      const auto next = session.must_accept(again);
      CHECK(session.server(del.uuid).owner_job == next.row);
    }
    SECTION("unless another one was first") {
      const auto other = session.must_accept(del.request());
      const auto late = session.accept(again);
      REQUIRE_FALSE(late);
      CHECK(late.error().code == jobs::fault_code::server_locked);
      CHECK(late.error().in_the_way == other.id.view());
    }
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

} // namespace alula::contracts
