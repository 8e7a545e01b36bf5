/// What every ledger promises about the life of servers, checked alike on the
/// fake and on SQLite.
#pragma once

#include "tests/contracts/outbox_ledger_contract.hpp"

namespace alula::contracts {

inline void ledger_knows_the_life_of_servers(world_maker make) {
  const auto world = make();
  world->set_panel(true);
  outbox_session s{*world};
  const auto uuid = s.first.uuid;
  const auto known = [&] { return s.reader().find_server(uuid).value(); };

  SECTION("a server is wanted down until somebody wishes otherwise") {
    REQUIRE(known());
    CHECK_FALSE(known()->wanted_up);
    CHECK(known()->install == jobs::install_state::none);
    CHECK(known()->crashed_at == 0);
    REQUIRE(s.amend({jobs::want_power{.up = true, .server = uuid}}));
    CHECK(known()->wanted_up);
    CHECK(s.server(uuid).wanted_up);
    REQUIRE(s.amend({jobs::want_power{.up = false, .server = uuid}}));
    CHECK_FALSE(known()->wanted_up);
  }

  SECTION("a wish is committed with the accept of its job") {
    auto what = s.draft(sample_kind("sample.power"), s.first);
    what.changes = {jobs::want_power{.up = true}};
    s.must_accept(std::move(what));
    CHECK(known()->wanted_up);
  }

  SECTION("what a job is told of is committed with its accept") {
    auto what = s.draft(sample_kind("sample.power"), s.first);
    what.changes = {jobs::tell_panel{"activity:x", "POST", "/activity", "{}"}};
    const auto job = s.must_accept(std::move(what));
    const auto told = s.list();
    REQUIRE(told.size() == 1);
    CHECK(told[0].job == job.id);
    CHECK(told[0].server == uuid);
  }

  SECTION("a wish may yield to a start that waits") {
    const jobs::want_power yields{.server = uuid, .unless_start_waits = true};
    auto what = s.draft(sample_kind("server.power"), s.first);
    what.job.input = R"({"action":"start","cause":""})";
    what.changes = {jobs::want_power{.up = true}};
    const auto start = s.must_accept(std::move(what));
    REQUIRE(s.amend({yields}));
    CHECK(known()->wanted_up);
    s.cancel(start);
    REQUIRE(s.amend({yields}));
    CHECK_FALSE(known()->wanted_up);
    REQUIRE(s.amend({jobs::want_power{.up = true, .server = uuid}}));
    what = s.draft(sample_kind("server.power"), s.first);
    what.job.input = R"({"action":"start","cause":"crash"})";
    s.must_accept(std::move(what));
    REQUIRE(s.amend({yields}));
    CHECK_FALSE(known()->wanted_up);
  }

  SECTION("a wish may last once the server was installed") {
    const jobs::want_power fails{
        .up = false, .server = uuid, .unless_installed = true};
    REQUIRE(s.amend({jobs::want_power{.up = true, .server = uuid}}));
    REQUIRE(s.amend({fails}));
    CHECK_FALSE(known()->wanted_up);
    auto what = s.draft(sample_kind("sample.install"), s.first);
    what.changes = {jobs::begin_install{}, jobs::want_power{.up = true}};
    s.run_to_end(s.must_accept(std::move(what)), {jobs::end_install{true}});
    REQUIRE(s.amend({fails}));
    CHECK(known()->wanted_up);
  }

  SECTION("a server is in transfer from the accept of its job on") {
    CHECK_FALSE(known()->transferring);
    auto what = s.draft(sample_kind("sample.send"), s.first);
    what.changes = {jobs::set_transferring{.transferring = true}};
    const auto job = s.must_accept(std::move(what));
    CHECK(known()->transferring);
    CHECK(s.server(uuid).transferring);
    s.run_to_end(job, {jobs::set_transferring{.transferring = false}});
    CHECK_FALSE(known()->transferring);
  }

  SECTION("a server is registered in transfer, and an amend ends that") {
    auto what = s.draft(sample_kind("sample.receive"));
    what.changes = {
        jobs::register_server{sample_server(7), R"({"settings":{}})", false},
        jobs::set_transferring{.transferring = true}};
    s.must_accept(std::move(what));
    CHECK(s.server(sample_server(7)).transferring);
    REQUIRE(s.amend({jobs::set_transferring{.transferring = false,
                                            .server = sample_server(7)}}));
    CHECK_FALSE(s.server(sample_server(7)).transferring);
  }

  SECTION("a crash is remembered") {
    REQUIRE(s.amend({jobs::note_crash{uuid, 77, 137, true}}));
    CHECK(known()->crashed_at == 77);
    CHECK(known()->crash_exit_code == 137);
    CHECK(known()->crash_out_of_memory);
  }

  SECTION("an install is wanted, runs, and has gone well") {
    auto what = s.draft(sample_kind("sample.create"), s.first);
    s.run_to_end(s.must_accept(std::move(what)), {jobs::want_install{}});
    CHECK(known()->install == jobs::install_state::wanted);
    what = s.draft(sample_kind("sample.install"), s.first);
    what.changes = {jobs::begin_install{}};
    const auto job = s.must_accept(std::move(what));
    CHECK(known()->install == jobs::install_state::running);
    s.run_to_end(job, {jobs::end_install{true}});
    CHECK(known()->install == jobs::install_state::done);
    CHECK(known()->installed_at == s.now());
  }

  SECTION("an install may be asked for while the server is registered") {
    auto what = s.draft(sample_kind("sample.create"));
    what.changes = {
        jobs::register_server{sample_server(7), R"({"settings":{}})", false}};
    const auto made = s.start(s.must_accept(std::move(what)));
    what = s.draft(sample_kind("sample.install"), s.server(sample_server(7)));
    what.changes = {jobs::begin_install{}, jobs::want_power{.up = true}};
    const auto install = s.must_accept(std::move(what));
    CHECK_FALSE(
        s.happen(install, jobs::happened::step_started{s.found().boot}));
    s.run_to_end(s.finish_step(made), {jobs::activate_server{}});
    s.run_to_end(install, {jobs::end_install{true}});
    CHECK(s.server(sample_server(7)).install == jobs::install_state::done);
    CHECK(s.server(sample_server(7)).wanted_up);
  }

  SECTION("an install that fails does not forget the one before") {
    const auto install = [&](bool successful) {
      auto what = s.draft(sample_kind("sample.install"), s.first);
      what.changes = {jobs::begin_install{}};
      s.run_to_end(s.must_accept(std::move(what)),
                   {jobs::end_install{successful}});
    };
    install(true);
    const auto at = known()->installed_at;
    install(false);
    CHECK(known()->install == jobs::install_state::failed);
    CHECK(known()->installed_at == at);
  }

  SECTION("the end of an install that never began says nothing") {
    auto what = s.draft(sample_kind("sample.install"), s.first);
    s.run_to_end(s.must_accept(std::move(what)), {jobs::end_install{false}});
    CHECK(known()->install == jobs::install_state::none);
  }

  SECTION("one that was cancelled in line does not end what installs") {
    const auto accept = [&](const char* kind) {
      auto what = s.draft(sample_kind(kind), s.first);
      what.changes = {jobs::begin_install{}};
      return s.must_accept(std::move(what));
    };
    const auto cancel = [&](const jobs::job_record& job) {
      s.must_happen(job, jobs::happened::cancel_requested{s.found().boot},
                    {jobs::end_install{false, sample_report(1, 1)}});
    };
    const auto install = accept("server.install");
    const auto next = accept("server.reinstall");
    SECTION("nor is the Panel told of it: the end of the other tells") {
      cancel(next);
      CHECK(known()->install == jobs::install_state::running);
      CHECK(s.list().empty());
      s.run_to_end(install, {jobs::end_install{false, sample_report(1, 2)}});
      CHECK(known()->install == jobs::install_state::failed);
      CHECK(s.due() == bodies{numbered(2)});
    }
    SECTION("and says nothing after one that has gone well") {
      s.run_to_end(install, {jobs::end_install{true}});
      cancel(next);
      CHECK(known()->install == jobs::install_state::done);
      CHECK(s.list().empty());
    }
    SECTION("unless all that is left of the other is to say so") {
      auto told = s.finish_step(s.start(install));
      told = s.finish_step(s.start(told), {jobs::end_install{true}});
      REQUIRE(told.past_pivot);
      cancel(accept("server.reinstall"));
      CHECK(known()->install == jobs::install_state::running);
      cancel(next);
      CHECK(known()->install == jobs::install_state::failed);
      CHECK(s.due() == bodies{numbered(1)});
    }
  }

  SECTION(
      "one that begins after another has gone well ends as it goes itself") {
    const auto accept = [&](const char* kind) {
      auto what = s.draft(sample_kind(kind), s.first);
      what.changes = {jobs::begin_install{}};
      return s.must_accept(std::move(what));
    };
    const auto install = accept("server.install");
    const auto next = accept("server.reinstall");
    s.run_to_end(install, {jobs::end_install{true}});
    CHECK(known()->install == jobs::install_state::done);
    const auto begun = s.finish_step(s.start(next), {jobs::begin_install{}});
    CHECK(known()->install == jobs::install_state::running);
    s.run_to_end(begun, {jobs::end_install{false}});
    CHECK(known()->install == jobs::install_state::failed);
  }

  SECTION("a server has a rotation of its own until that is taken back") {
    CHECK(known()->rotation.empty());
    REQUIRE(s.amend({jobs::set_rotation{uuid, R"({"keep_last":3})"}}));
    CHECK(known()->rotation == R"({"keep_last":3})");
    CHECK(s.server(uuid).rotation == R"({"keep_last":3})");
    REQUIRE(s.amend({jobs::set_rotation{uuid, ""}}));
    CHECK(known()->rotation.empty());
  }

  SECTION("nobody rotates the backups of a server that does not live") {
    const auto set = s.amend({jobs::set_rotation{sample_server(99), "{}"}});
    REQUIRE_FALSE(set);
    CHECK(set.error().code == jobs::fault_code::server_not_found);
  }

  SECTION("nobody is found who does not live") {
    CHECK_FALSE(s.reader().find_server(sample_server(99)).value());
    CHECK(s.amend({jobs::want_power{.up = true, .server = sample_server(99)},
                   jobs::note_crash{sample_server(99), 1, 1, false}}));
  }
}

} // namespace alula::contracts
