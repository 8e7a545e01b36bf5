#include "storage/sqlite_queries.hpp"
#include "tests/contracts/trash_ledger_contract.hpp"
#include "tests/storage/history.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;
using contracts::sample_kind;
using jobs::job_state;

namespace {

using ids = std::vector<jobs::job_id>;

} // namespace

TEST_CASE("a job is found as it was saved") {
  history h;
  const auto found = h.queries.find_job(h.running.id);
  REQUIRE(found);
  REQUIRE(*found);
  const auto& job = **found;
  CHECK(job.row == h.running.row);
  CHECK(job.version == h.running.version);
  CHECK(job.state == job_state::running);
  CHECK(job.server == h.server.uuid);
  CHECK(job.lane == h.running.lane);
  REQUIRE(job.steps.size() == 3);
  CHECK(job.steps[0].state == jobs::step_state::started);
  const auto unknown = h.queries.find_job(jobs::make_job_id(1));
  REQUIRE(unknown);
  CHECK_FALSE(*unknown);
}

TEST_CASE("jobs are listed newest first, by any filter") {
  history h;
  jobs::job_filter filter;

  SECTION("all") {
    const auto all = h.list(filter);
    CHECK(all.size() == 5);
    CHECK(all[0] == h.succeeded.id);
    CHECK(all[3] == h.queued.id);
  }
  SECTION("by id") {
    filter.ids = {h.queued.id, h.running.id, jobs::make_job_id(1)};
    CHECK(h.list(filter) == ids{h.running.id, h.queued.id});
  }
  SECTION("by server") {
    filter.server = h.server.uuid;
    CHECK(h.list(filter).size() == 2);
    CHECK(h.list(filter)[0] == h.running.id);
    filter.server = contracts::sample_server(2);
    CHECK(h.list(filter).empty());
  }
  SECTION("by how the id of the job or the uuid of its server begins") {
    filter.begins = h.queued.id.to_string();
    CHECK(h.list(filter) == ids{h.queued.id});
    filter.begins = h.server.uuid.to_string().substr(0, 8);
    REQUIRE(h.list(filter).size() == 2);
    CHECK(h.list(filter)[0] == h.running.id);
    CHECK(h.list(filter, 0, 1) == ids{h.running.id});
    CHECK(h.list(filter, h.running.row).size() == 1);
    filter.done = true;
    CHECK(h.list(filter).size() == 1);
    filter.begins = "ffffffff";
    CHECK(h.list(filter).empty());
  }
  SECTION("by kind and by the beginning of a kind") {
    filter.kind = "sample.two";
    CHECK(h.list(filter) == ids{h.running.id, h.cancelled.id});
    filter.kind = "sample.*";
    CHECK(h.list(filter).size() == 4);
    CHECK(h.list(filter, 0, 2) == ids{h.running.id, h.cancelled.id});
    filter.kind = "sample";
    CHECK(h.list(filter).empty());
    filter.kind = "sampl.*";
    CHECK(h.list(filter).empty());
  }
  SECTION("by state") {
    filter.states = {job_state::running, job_state::queued};
    CHECK(h.list(filter) == ids{h.running.id, h.queued.id});
    filter.states = {job_state::cancelled, job_state::failed};
    CHECK(h.list(filter) == ids{h.cancelled.id});
    filter.states = {job_state::succeeded, job_state::queued};
    CHECK(h.list(filter).size() == 3);
    filter.states = {job_state::cancelled, job_state::running,
                     job_state::queued};
    CHECK(h.list(filter) == ids{h.running.id, h.cancelled.id, h.queued.id});
    CHECK(h.list(filter, 0, 2) == ids{h.running.id, h.cancelled.id});
    CHECK(h.list(filter, h.running.row) == ids{h.cancelled.id, h.queued.id});
    filter.done = true;
    CHECK(h.list(filter) == ids{h.cancelled.id});
    filter.states = {job_state::running};
    CHECK(h.list(filter).empty());
  }
  SECTION("a parked one once, although it lives and is in trouble") {
    const auto parked = h.session.must_happen(
        h.running, jobs::happened::unrunnable{{.what = "unknown"}});
    filter.states = {job_state::parked, job_state::queued, job_state::failed};
    CHECK(h.list(filter) == ids{parked.id, h.queued.id});
  }
  SECTION("by being done") {
    filter.done = false;
    CHECK(h.list(filter) == ids{h.running.id, h.queued.id});
    filter.done = true;
    CHECK(h.list(filter).size() == 3);
  }
  SECTION("by age") {
    filter.created_after = h.middle;
    CHECK(h.list(filter) == ids{h.succeeded.id, h.running.id});
    filter.kind = "sample.*";
    CHECK(h.list(filter) == ids{h.running.id});
    filter.kind.clear();
    filter.created_after = h.session.now();
    CHECK(h.list(filter).empty());
    // A clock that was put back hides nothing.
    filter.created_after = h.middle;
    h.world.clock.advance(-std::chrono::seconds{15});
    h.session.must_accept(h.session.draft());
    CHECK(h.list(filter) == ids{h.succeeded.id, h.running.id});
  }
  SECTION("by several at once") {
    filter.kind = "sample.*";
    filter.created_after = h.middle;
    CHECK(h.list(filter) == ids{h.running.id});
    filter.done = true;
    CHECK(h.list(filter).empty());
    filter = {.kind = "sample.one", .done = false};
    CHECK(h.list(filter) == ids{h.queued.id});
    filter = {.server = h.server.uuid, .states = {job_state::running}};
    CHECK(h.list(filter) == ids{h.running.id});
  }
}

TEST_CASE("pages follow each other without gap or repetition") {
  history h;
  for (const auto* kind : {"", "sample.*"}) {
    ids seen;
    std::int64_t before = 0;
    do {
      const auto page = h.queries.list_jobs({.kind = kind}, before, 2);
      REQUIRE(page);
      CHECK(page->items.size() <= 2);
      for (const auto& job : page->items)
        seen.push_back(job.id);
      before = page->next_before;
    } while (before != 0);
    CHECK(seen == h.list({.kind = kind}));
  }
}

TEST_CASE("the trash is listed while there is something in it") {
  sqlite_world world;
  ledger_session session{world};
  sqlite_queries queries{world.file, world.clock};
  contracts::deletion del{session};
  CHECK(queries.list_trash()->empty());
  del.detach();
  const auto held = queries.list_trash();
  REQUIRE(held);
  REQUIRE(held->size() == 1);
  const auto& entry = held->front();
  CHECK(entry.deleted_by == del.job.id);
  CHECK(entry.server == del.uuid);
  CHECK(entry.server_row == del.server.row);
  CHECK(entry.server_name == "castle");
  CHECK(entry.name == del.job.id.view());
  CHECK(entry.state == "held");
  CHECK(entry.detached_at == session.now());
  CHECK(entry.purge_after == session.now() + 1000);

  SECTION("until it is purged") {
    del.begin_purge(true);
    CHECK(queries.list_trash()->front().state == "purging");
    del.end_purge();
    CHECK(queries.list_trash()->empty());
  }
  SECTION("until it is restored") {
    const auto undo = session.must_accept(del.undelete());
    CHECK(queries.list_trash()->front().state == "restoring");
    session.run_to_end(undo, {jobs::restore_server{del.job.id}});
    CHECK(queries.list_trash()->empty());
  }
}

TEST_CASE("a key leads to its job as long as accept would follow it") {
  sqlite_world world;
  world.settings.keys_kept = std::chrono::hours{1};
  world.settings.prune_interval = std::chrono::hours{1}; // nothing is pruned
  ledger_session session{world};
  sqlite_queries queries{world.file, world.clock};
  const jobs::idempotency key{"panel", "k1", "f1"};
  auto request = session.draft();
  request.key = key;
  CHECK_FALSE(queries.find_by_key(key)->has_value());
  const auto job = session.must_accept(request);
  CHECK(queries.find_by_key(key)->value().id == job.id);
  const auto other = queries.find_by_key({"panel", "k1", "f2"});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == jobs::fault_code::idempotency_mismatch);
  CHECK_FALSE(queries.find_by_key({"other", "k1", "f1"})->has_value());

  SECTION("while its job lives, however old it is") {
    world.clock.advance(std::chrono::hours{2});
    CHECK(queries.find_by_key(key)->value().id == job.id);
  }
  SECTION("and for its time after that") {
    session.run_to_end(job);
    CHECK(queries.find_by_key(key)->value().id == job.id);
    world.clock.advance(std::chrono::hours{2});
    CHECK_FALSE(queries.find_by_key(key)->has_value());
    CHECK(queries.find_by_key({"panel", "k1", "f2"}));
  }
  SECTION("also when its record was forgotten") {
    session.run_to_end(job);
    REQUIRE(session.forget(job.id));
    const auto gone = queries.find_by_key(key);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == jobs::fault_code::job_expired);
    world.clock.advance(std::chrono::hours{2});
    CHECK_FALSE(queries.find_by_key(key)->has_value());
  }
}

TEST_CASE("written progress is found") {
  sqlite_world world;
  world.settings.progress_interval = std::chrono::milliseconds{0};
  ledger_session session{world};
  sqlite_queries queries{world.file, world.clock};
  const auto job = session.must_accept(session.draft());
  CHECK_FALSE(*queries.find_progress(job.row));
  session.ledger().save_progress(job.row, {.done = 5,
                                           .total = 10,
                                           .unit = "entries",
                                           .message = "half",
                                           .rate = 2.5,
                                           .updated_at = 7});
  session.must_accept(session.draft());
  const auto found = queries.find_progress(job.row);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->done == 5);
  CHECK((*found)->total == 10);
  CHECK((*found)->unit == "entries");
  CHECK((*found)->message == "half");
  CHECK((*found)->rate == 2.5);
  CHECK((*found)->updated_at == 7);
}

TEST_CASE("many threads share few connections while the ledger writes") {
  history h;
  sqlite_queries queries{h.world.file, h.world.clock, 2};
  std::atomic<int> failures = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const auto found = queries.find_job(h.running.id);
        const auto page = queries.list_jobs({}, 0, 20);
        failures += !found || !*found || !page ? 1 : 0;
      }
    });
  for (int i = 0; i < 200; ++i)
    h.session.must_accept(h.session.draft());
  stop = true;
  for (auto& reader : readers)
    reader.join();
  CHECK(failures == 0);
}

TEST_CASE("without a ledger reading fails and says where") {
  temporary_place place;
  doubles::fake_clock clock;
  sqlite_queries queries{place / "alula.db", clock};
  for (int i = 0; i < 6; ++i) { // more often than there are connections
    const auto found = queries.find_job(jobs::make_job_id(1));
    REQUIRE_FALSE(found);
    CHECK(found.error().code == jobs::fault_code::journal_unavailable);
    CHECK_THAT(found.error().what, Catch::Contains("alula.db"));
  }
}
