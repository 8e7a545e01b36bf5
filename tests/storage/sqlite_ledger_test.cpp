#include "storage/sqlite_ledger.hpp"
#include "tests/contracts/accept_ledger_contract.hpp"
#include "tests/contracts/pool_ledger_contract.hpp"
#include "tests/contracts/restart_ledger_contract.hpp"
#include "tests/contracts/save_ledger_contract.hpp"
#include "tests/contracts/server_ledger_contract.hpp"
#include "tests/contracts/trash_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <stdexcept>
#include <vector>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;

TEST_CASE("sqlite_ledger accepts jobs") {
  contracts::ledger_accepts_jobs(make_sqlite_world);
}

TEST_CASE("sqlite_ledger remembers requests") {
  contracts::ledger_remembers_requests(make_sqlite_world);
}

TEST_CASE("sqlite_ledger saves jobs") {
  contracts::ledger_saves_jobs(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps lanes and locks") {
  contracts::ledger_keeps_order(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps servers") {
  contracts::ledger_keeps_servers(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps the trash") {
  contracts::ledger_keeps_trash(make_sqlite_world);
}

TEST_CASE("sqlite_ledger restores a server as suspended as it was") {
  contracts::ledger_restores_suspension(make_sqlite_world);
}

TEST_CASE("sqlite_ledger survives restarts") {
  contracts::ledger_survives_restarts(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps pauses") {
  contracts::ledger_keeps_pauses(make_sqlite_world);
}

// -- what SQLite adds ---------------------------------------------------------

namespace {

using accept_answer = jobs::result<jobs::accepted>;

/// Holds the ledger's thread inside a callback, so that calls pile up.
class held_ledger {
public:
  explicit held_ledger(ledger_session& session) {
    session.ledger().accept(session.draft(), [this](accept_answer) {
      entered_.set_value();
      go_on_.get_future().wait();
    });
    entered_.get_future().wait();
  }
  void let_go() { go_on_.set_value(); }

private:
  std::promise<void> entered_, go_on_;
};

} // namespace

TEST_CASE("calls that wait together share one commit") {
  sqlite_world world;
  ledger_session session{world};
  held_ledger held{session};
  const auto before = session.journal().commits();
  constexpr int calls = 200;
  std::promise<void> all;
  int left = calls;
  for (int i = 0; i < calls; ++i)
    session.ledger().accept(session.draft(), [&](accept_answer) {
      if (--left == 0)
        all.set_value();
    });
  held.let_go();
  REQUIRE(all.get_future().wait_for(std::chrono::seconds{120})
          == std::future_status::ready);
  CHECK(session.journal().commits() == before + 1);
  CHECK(session.journal().events().size() == calls + 1);
}

TEST_CASE("a group is as large as it is set to be") {
  sqlite_world world;
  world.settings.group = 10;
  ledger_session session{world};
  held_ledger held{session};
  const auto before = session.journal().commits();
  std::promise<void> all;
  int left = 100;
  for (int i = 0; i < 100; ++i)
    session.ledger().accept(session.draft(), [&](accept_answer) {
      if (--left == 0)
        all.set_value();
    });
  held.let_go();
  all.get_future().wait();
  CHECK(session.journal().commits() == before + 10);
}

TEST_CASE("a refused call takes nothing of its group with it") {
  sqlite_world world;
  ledger_session session{world};
  const auto uuid = contracts::sample_server();
  const auto creation = [&] {
    auto what = session.draft();
    what.changes = {jobs::register_server{uuid, "{}", false}};
    return what;
  };
  held_ledger held{session};
  const auto before = session.journal().commits();
  std::vector<bool> outcomes;
  std::promise<void> all;
  const auto note = [&](const accept_answer& got) {
    outcomes.push_back(got.has_value());
    if (outcomes.size() == 4)
      all.set_value();
  };
  session.ledger().accept(session.draft(), note);
  session.ledger().accept(creation(), note);
  session.ledger().accept(creation(), note); // refused: the uuid lives
  session.ledger().accept(session.draft(), note);
  held.let_go();
  all.get_future().wait();
  CHECK(outcomes == std::vector<bool>{true, true, false, true});
  CHECK(session.journal().commits() == before + 1);
  CHECK(count_in(world.file, "SELECT count(*) FROM jobs") == 4);
  CHECK(count_in(world.file, "SELECT count(*) FROM servers") == 1);
}

TEST_CASE("too many waiting accepts are refused, saves never are") {
  sqlite_world world;
  world.settings.max_waiting = 4;
  ledger_session session{world};
  const auto job = session.must_accept(session.draft());
  held_ledger held{session};
  int taken = 0, refused = 0;
  for (int i = 0; i < 6; ++i)
    session.ledger().accept(session.draft(), [&](const accept_answer& got) {
      if (got)
        ++taken;
      else if (got.error().code == jobs::fault_code::rate_limited)
        ++refused;
    });
  CHECK(refused == 2);
  std::promise<bool> saved;
  auto decided = jobs::decide(
      job, jobs::happened::step_started{session.found().boot}, 1, {});
  session.ledger().save({decided->after, decided->events, {}, {}},
                        [&](const auto& got) { saved.set_value(!!got); });
  held.let_go();
  CHECK(saved.get_future().get());
  CHECK(taken == 4);
}

TEST_CASE("a callback that throws does not end the ledger") {
  sqlite_world world;
  ledger_session session{world};
  session.ledger().accept(
      session.draft(), [](accept_answer) { throw std::runtime_error{"test"}; });
  session.must_accept(session.draft());
}

TEST_CASE("calls in line are written before the end, later ones refused") {
  sqlite_world world;
  ledger_session session{world};
  held_ledger held{session};
  std::atomic<int> written = 0;
  for (int i = 0; i < 50; ++i)
    session.ledger().accept(session.draft(), [&](const accept_answer& got) {
      written += got ? 1 : 0;
    });
  held.let_go();
  session.end();
  CHECK(written == 50);
  const auto late = session.accept(session.draft());
  REQUIRE_FALSE(late);
  CHECK(late.error().code == jobs::fault_code::shutting_down);
  session.end();
}

TEST_CASE("a clean end leaves no log behind") {
  sqlite_world world;
  {
    ledger_session session{world};
    session.must_accept(session.draft());
    session.end();
  }
  const auto log = world.place / "alula.db-wal";
  CHECK(
      (!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0));
}

TEST_CASE("an idempotency key lasts a day, and as long as its job") {
  sqlite_world world;
  ledger_session session{world};
  const auto request = [&](std::string fingerprint) {
    auto what = session.draft();
    what.key = jobs::idempotency{"panel", "k", std::move(fingerprint)};
    return what;
  };
  const auto job = session.must_accept(request("f1"));
  world.clock.advance(std::chrono::hours{48});
  CHECK(session.accept(request("f1"))->outcome
        == jobs::accept_outcome::replayed);
  session.run_to_end(job);
  const auto next = session.accept(request("f2"));
  REQUIRE(next);
  CHECK(next->outcome == jobs::accept_outcome::created);
  world.clock.advance(std::chrono::hours{23});
  session.run_to_end(next->job);
  CHECK(session.accept(request("f2"))->outcome
        == jobs::accept_outcome::replayed);
}

TEST_CASE("progress is written once per interval, the newest wins") {
  sqlite_world world;
  SECTION("not before its time") {
    world.settings.progress_interval = std::chrono::hours{1};
    ledger_session session{world};
    const auto job = session.start(session.must_accept(session.draft()));
    session.ledger().save_progress(job.row, {.done = 1});
    session.must_accept(session.draft());
    CHECK(count_in(world.file, "SELECT count(*) FROM job_progress") == 0);
    session.ledger().save_progress(job.row, {.done = 2});
    session.end();
    CHECK(count_in(world.file, "SELECT done FROM job_progress") == 2);
  }
  SECTION("with what else is written when it is due") {
    world.settings.progress_interval = std::chrono::milliseconds{0};
    ledger_session session{world};
    const auto job = session.start(session.must_accept(session.draft()));
    session.ledger().save_progress(job.row, {.done = 3, .unit = "entries"});
    session.must_accept(session.draft());
    CHECK(count_in(world.file, "SELECT done FROM job_progress") == 3);
  }
}

TEST_CASE("a record that still answers for a server is not forgotten") {
  sqlite_world world;
  ledger_session session{world};
  contracts::deletion del{session};
  del.give_up();
  const auto refused = session.forget(del.job.id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == jobs::fault_code::job_needed);
}

TEST_CASE("a boot wakes a delete whose files were brought back") {
  sqlite_world world;
  ledger_session session{world};
  contracts::deletion del{session};
  del.detach();
  const auto window = session.now() + 3'600'000;
  del.job = session.must_happen(
      session.start(del.job),
      jobs::happened::step_waits{"Retained", "test", window});
  const auto run_at_after_boot = [&] {
    session.end();
    ledger_session next{world};
    REQUIRE(next.found().jobs.size() == 1);
    const auto at = next.found().jobs[0].run_at;
    next.end();
    return at;
  };
  SECTION("not one whose files are still there") {
    CHECK(run_at_after_boot() == window);
  }
  SECTION("after a restore") {
    session.run_to_end(session.must_accept(del.undelete()),
                       {jobs::restore_server{del.job.id}});
    CHECK(run_at_after_boot() == 0);
  }
}
