/// What every jobs::ledger promises about the servers that jobs create and
/// change. Called from a TEST_CASE, which runs it once per section with a fresh
/// world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <string>

namespace alula::contracts {

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

} // namespace alula::contracts
