#include "tests/actors/desk_world.hpp"

#include <future>
#include <stdexcept>

using namespace alula;
using namespace alula::actors_test;
using jobs::fault_code;

TEST_CASE("the desk answers every question, from threads of its own",
          "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  answers heard;
  w.ask_all(heard.hear());
  REQUIRE(heard.wait_for("answer", desk_world::questions));
  CHECK(heard.refused == 0);
  for (const auto& name : heard.threads)
    CHECK((name == "alula-desk" || name == "alula-replies"));
}

TEST_CASE("an archive dropped into the directory is on record once it is asked "
          "for",
          "[actors]") {
  desk_world w;
  SECTION("of its server") {
    w.put(1, server_number(1), false);
    const auto found = w.find(1, server_number(1));
    REQUIRE(found);
    CHECK(found->server == server_number(1));
    CHECK(found->server_lives);
    CHECK(found->has_manifest);
  }
  SECTION("of another program") {
    w.put(1, {}, false);
    const auto found = w.find(1, server_number(1));
    REQUIRE(found);
    CHECK(found->server.empty());
    CHECK_FALSE(found->has_manifest);
  }
  CHECK(w.store->backups.size() == 1);
  CHECK(w.find(1)->row == 1);
}

TEST_CASE("what is known of an archive is looked at no more", "[actors]") {
  desk_world w;
  w.put(1, server_number(1), false);
  REQUIRE(w.find(1));
  REQUIRE(w.find(1));
  CHECK(w.archives.count("inspect") == 1); // the first time
}

TEST_CASE("an archive that was still being written is shown as it is now",
          "[actors]") {
  desk_world w;
  w.put(1, {}, false);
  const auto begun = w.find(1, server_number(1));
  REQUIRE(begun);
  w.archives.now += 1;
  const auto whole = w.archives.put(backup(1), {}, {{"a", "a longer text"}});
  REQUIRE(whole.size != begun->facts.size);
  SECTION("it can be looked at") {
    const auto now = w.find(1, server_number(1));
    REQUIRE(now);
    CHECK(now->row == begun->row);
    CHECK(now->facts.size == whole.size);
    CHECK(now->completed_at == w.archives.now);
  }
  SECTION("or not: it is told what is on record") {
    w.archives.fail_next(
        "inspect", jobs::fault{.code = fault_code::io_error, .what = "no"});
    const auto now = w.find(1, server_number(1));
    REQUIRE(now);
    CHECK(now->facts.size == begun->facts.size);
  }
}

TEST_CASE("a backup of another server is not found", "[actors]") {
  desk_world w;
  const bool recorded = GENERATE(true, false);
  w.put(1, server_number(2), recorded);
  const auto found = w.find(1, server_number(1));
  REQUIRE_FALSE(found);
  CHECK(found.error().code == fault_code::backup_not_found);
  CHECK(w.find(1)); // of any server
  CHECK(w.find(2).error().code == fault_code::backup_not_found);
}

TEST_CASE("what can be taken back is what nobody has and nothing has replaced",
          "[actors]") {
  desk_world w;
  const auto keep = [&w](int number, bool claimed, jobs::time_ms until) {
    const auto restore = jobs::make_job_id(number);
    w.store->replaced[restore].tree = {.replaced_by = restore,
                                       .server = server_number(1),
                                       .claimed = claimed,
                                       .keep_until = until};
    return restore;
  };
  const auto good = keep(1, false, 7);
  const std::vector<jobs::job_id> asked{
      keep(2, true, 7), good, keep(3, false, 0), jobs::make_job_id(4)};
  const auto trees = answer_of<std::vector<jobs::replaced_tree>>(
      [&](auto done) { w.desk.find_undoable(asked, std::move(done)); });
  REQUIRE(trees);
  REQUIRE(trees->size() == 1);
  CHECK(trees->at(0).replaced_by == good);
}

TEST_CASE("usage counts what is there, by server", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  w.put(2, server_number(1));
  w.put(3, server_number(2));
  w.put(4, server_number(2));
  w.store->backups.at(backup(2)).record.completed_at = 50;
  w.store->backups.at(backup(1)).record.completed_at = 90;
  w.store->backups.at(backup(1)).record.damage = "x";
  w.store->backups.at(backup(4)).record.lost_at = 7;
  REQUIRE(w.archives.reserve(jobs::make_job_id(1), {.bytes = 1'000}));
  const auto usage = answer_of<jobs::backup_usage>(
      [&](auto done) { w.desk.usage(std::move(done)); });
  REQUIRE(usage);
  CHECK(usage->backups == 3);
  CHECK(usage->disk.reserved == 1'000);
  REQUIRE(usage->servers.size() == 2);
  CHECK(usage->servers[0].server == server_number(1));
  CHECK(usage->servers[0].backups == 2);
  CHECK(usage->servers[0].newest_at == 50); // the newer one is damaged
  CHECK(usage->servers[0].server_lives);
  CHECK_FALSE(usage->servers[1].server_lives);
  CHECK(usage->bytes == usage->servers[0].bytes + usage->servers[1].bytes);
  CHECK(usage->local_bytes == usage->bytes);
}

TEST_CASE("usage tells what of it lies in the backup directory", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  w.put(2, server_number(1));
  std::int64_t far = 0;
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(backup(2)).record;
    b.is_local = false;
    b.places = {{"panel", "", "", b.facts.size, 1}};
    far = b.facts.size;
  }
  const auto usage = answer_of<jobs::backup_usage>(
      [&](auto done) { w.desk.usage(std::move(done)); });
  REQUIRE(usage);
  REQUIRE(far > 0);
  CHECK(usage->backups == 2);
  CHECK(usage->local_bytes == usage->bytes - far);
  CHECK(usage->servers.at(0).local_bytes == usage->local_bytes);
}

TEST_CASE("what the Panel misses is no good backup", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  auto& b = w.store->backups.at(backup(1)).record;
  b.is_local = false;
  b.told_at = 1;
  b.completed_at = 50;
  b.places = {{"panel", "", "", b.facts.size, 1}};
  const auto newest = [&] {
    return answer_of<jobs::backup_usage>(
               [&](auto done) { w.desk.usage(std::move(done)); })
        ->servers.at(0)
        .newest_at;
  };
  CHECK(newest() == 50);
  b.places[0].missed_at = 60;
  CHECK(newest() == 0);
}

TEST_CASE("usage tells since when a readable backup was not verified",
          "[actors]") {
  desk_world w;
  for (int i = 1; i <= 3; ++i)
    w.put(i, server_number(1));
  const auto oldest = [&] {
    return answer_of<jobs::backup_usage>(
               [&](auto done) { w.desk.usage(std::move(done)); })
        ->oldest_read_at;
  };
  w.store->backups.at(backup(1)).record.completed_at = 10;
  w.store->backups.at(backup(1)).record.verified_at = 80;
  w.store->backups.at(backup(2)).record.completed_at = 70; // and never
  auto& panels = w.store->backups.at(backup(3)).record;
  panels.completed_at = 5;
  panels.is_local = false;
  panels.places = {{"panel", "", "", panels.facts.size, 1}};
  CHECK(oldest() == 70);
  w.store->backups.at(backup(2)).record.verified_at = 90;
  CHECK(oldest() == 80);
}

TEST_CASE("usage looks at the other disks of the node", "[actors]") {
  desk_world w;
  actors::reading_desk desk{
      {},
      w.archives,
      w.queries,
      w.ledger,
      nullptr,
      {{"volumes", [] { return jobs::disk_space{.free = 5, .total = 9}; }},
       {"ledger", []() -> jobs::result<jobs::disk_space> {
          return jobs::fault{.code = fault_code::io_error, .what = "broken"};
        }}}};
  const auto usage = answer_of<jobs::backup_usage>(
      [&](auto done) { desk.usage(std::move(done)); });
  REQUIRE(usage);
  REQUIRE(usage->places.size() == 1); // one that cannot say is left out
  CHECK(usage->places[0].holds == "volumes");
  CHECK(usage->places[0].disk.free == 5);
}

TEST_CASE("a backup is pinned, and one that is not there is not", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  CHECK(w.pin(1));
  CHECK(w.find(1)->pinned);
  CHECK(w.pin(1, false));
  CHECK_FALSE(w.find(1)->pinned);
  CHECK(w.pin(9).error().code == fault_code::backup_not_found);
}

TEST_CASE("a token is burnt once", "[actors]") {
  desk_world w;
  const auto burn = [&] {
    return answer_of<bool>(
               [&](auto done) { w.desk.burn_token("t", 9, std::move(done)); })
        .value();
  };
  CHECK(burn());
  CHECK_FALSE(burn());
}

TEST_CASE("a question that throws is answered", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  std::promise<void> ran;
  const auto answer = answer_of<jobs::browse_page>([&](auto done) {
    const jobs::log_scope whose{"request", "r-of-a-reader"};
    CHECK(w.desk.run([&ran] {
      ran.set_value();
      throw std::runtime_error{"a test"};
    }));
    ran.get_future().wait();
    w.desk.browse(backup(1), "", "", 10, std::move(done));
  });
  CHECK(answer);
  CHECK(log_books().lines.wait_for(
      "task-threw thread=alula-contents what=\"a test\" "
      "request=r-of-a-reader"));
}

TEST_CASE("what is said while a backup is looked for has the request's id",
          "[actors]") {
  desk_world w;
  w.archives.before_inspect = [] {
    jobs::log(jobs::log_level::info, "looked-for-a-backup");
  };
  const jobs::log_scope whose{"request", "r-of-a-finder"};
  CHECK_FALSE(w.find(1));
  CHECK(
      log_books().lines.wait_for("looked-for-a-backup request=r-of-a-finder"));
}
