#include "tests/actors/backup_node.hpp"

#include <algorithm>

using namespace alula;
using namespace alula::actors_test;
using jobs::fault_code;
using jobs::job_state;

TEST_CASE("a backup is made, listed, restored and taken back", "[actors]") {
  backup_node w;
  w.boot();
  const auto made =
      w.end_of(w.submit(jobs::create_backup, 1, w.create_body(1)));
  REQUIRE(made.state == job_state::succeeded);
  const auto listed =
      w.queries.list_backups({.server = server_number(1)}, 0, 10).value();
  REQUIRE(listed.items.size() == 1);
  CHECK(listed.items[0].state == jobs::backup_state::ready);

  const auto restored =
      w.end_of(w.submit(jobs::restore_backup, 1, w.restore_body(1)));
  REQUIRE(restored.state == job_state::succeeded);
  CHECK(w.volumes.trash.contains(restored.id.to_string()));
  CHECK(w.engine->find_server(server_number(1))->state
        == jobs::server_state::active);

  const auto undone = w.end_of(
      w.submit(jobs::undo_restore, 1, w.about("restore", restored.id.view())));
  REQUIRE(undone.state == job_state::succeeded);
  CHECK(w.volumes.live.at(server_number(1)).files == 3);
  CHECK_FALSE(w.volumes.trash.contains(restored.id.to_string()));
}

TEST_CASE("two backups of one server stand in line, those of two run at once",
          "[actors]") {
  backup_node w;
  w.boot();
  w.archives.hold("write");
  const auto first = w.submit(jobs::create_backup, 1, w.create_body(1));
  const auto second = w.submit(jobs::create_backup, 1, w.create_body(2));
  const auto other = w.submit(jobs::create_backup, 2, w.create_body(3));
  REQUIRE(w.archives.wait_until_held("write", 2));
  CHECK(w.now(second).state == job_state::queued);
  CHECK(w.now(other).state == job_state::running);
  CHECK(w.archives.count("measure") == 2);
  w.archives.let_go("write");
  CHECK(w.end_of(first).state == job_state::succeeded);
  CHECK(w.end_of(second).state == job_state::succeeded);
  CHECK(w.end_of(other).state == job_state::succeeded);
}

TEST_CASE("clients hear of a job that is cancelled while it stands in line",
          "[actors]") {
  backup_node w;
  w.put_backup(9, 1);
  w.boot();
  const auto heard = [&w](const std::string& event) {
    const auto line = "announce " + server_number(1).to_string() + ' ' + event;
    const auto calls = w.audience.calls();
    return std::ranges::count_if(
        calls, [&](const auto& call) { return call.starts_with(line); });
  };
  SECTION("a backup") {
    w.archives.hold("write");
    const auto first = w.submit(jobs::create_backup, 1, w.create_body(1));
    REQUIRE(w.archives.wait_until_held("write"));
    const auto second = w.submit(jobs::create_backup, 1, w.create_body(2));
    REQUIRE(w.cancel(second));
    const auto uuid = w.backup(2).to_string();
    CHECK(w.end_of(second).started_at == 0);
    CHECK(heard("backup completed:" + uuid) == 1);
    CHECK(heard("backup completed {") == 1);
    w.archives.let_go("write");
    w.end_of(first);
  }
  SECTION("a restore") {
    REQUIRE(w.pause("lifecycle"));
    const auto waiting = w.submit(jobs::restore_backup, 1, w.restore_body(9));
    REQUIRE(w.cancel(waiting));
    CHECK(w.end_of(waiting).started_at == 0);
    CHECK(heard("backup restore completed") == 1);
    REQUIRE(w.resume("lifecycle"));
  }
}

TEST_CASE("a restore while a backup runs is refused, naming the job",
          "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.hold("write");
  const auto busy = w.submit(jobs::create_backup, 1, w.create_body(2));
  REQUIRE(w.archives.wait_until_held("write"));
  const auto refused = w.ask(jobs::restore_backup, 1, w.restore_body(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::server_locked);
  CHECK(refused.error().in_the_way == busy.to_string());
  CHECK(w.engine->find_server(server_number(1))->state
        == jobs::server_state::active);
  w.archives.let_go("write");
  w.end_of(busy);
  CHECK(w.end_of(w.submit(jobs::restore_backup, 1, w.restore_body(1))).state
        == job_state::succeeded);
}

TEST_CASE("deleting a server cancels its backup first, and waits for it",
          "[actors]") {
  backup_node w;
  w.boot();
  w.archives.hold("write");
  const auto backup = w.submit(jobs::create_backup, 1, w.create_body(1));
  REQUIRE(w.archives.wait_until_held("write"));
  const auto deletion = w.submit(jobs::delete_server, 1);
  CHECK(w.end_of(backup).state == job_state::cancelled);
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK_FALSE(w.record(1));
  CHECK(w.archives.unfinished.empty());
  CHECK(w.archives.reserved.empty());
  const auto deleted = w.now(deletion);
  CHECK(deleted.find_step("detach_volume")->started_at
        >= w.now(backup).finished_at);
}

TEST_CASE("a restore past its pivot is finished before its server goes",
          "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.volumes.fail_next("replace",
                      {.code = fault_code::container_busy, .what = "busy"}, 1);
  const auto restore = w.submit(jobs::restore_backup, 1, w.restore_body(1));
  w.until(restore, job_state::retry_wait);
  const auto deletion = w.submit(jobs::delete_server, 1);
  CHECK_FALSE(w.cancel(restore));
  w.pass_until(std::chrono::seconds{30},
               [&] { return w.now(deletion).is_done(); });
  CHECK(w.now(restore).state == job_state::succeeded);
  CHECK(w.now(deletion).state == job_state::succeeded);
  CHECK(w.volumes.live.count(server_number(1)) == 0);
}

TEST_CASE("a server goes with its backups when that is asked for", "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.put_backup(2, 2);
  w.boot();
  const auto deletion =
      w.submit(jobs::delete_server, 1, R"({"backups":"delete"})");
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK_FALSE(w.record(1));
  CHECK_FALSE(w.archives.is_published(w.backup(1)));
  CHECK(w.record(2));
}

TEST_CASE("a download of a backup that is on its way out keeps no deleted "
          "server running",
          "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.put_backup(2, 1, w.clock.at);
  w.boot();
  auto download = w.archives.open(w.backup(1)).value();
  const bool is_rotated = GENERATE(false, true);
  const auto removal =
      is_rotated
          ? w.submit(jobs::rotate_backups, 1, R"({"policy":{"keep_last":1}})")
          : w.submit(jobs::delete_backup, 1,
                     w.about("backup", w.backup(1).view()));
  w.until_reason(removal, "BackupInUse");
  const auto deletion =
      w.submit(jobs::delete_server, 1, R"({"backups":"delete"})");
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK_FALSE(w.containers.has("c1"));
  CHECK_FALSE(w.record(2));
  // What is downloaded is left to the job that was at it.
  CHECK(w.record(1)->owner_job == removal);
  CHECK_FALSE(w.now(removal).is_done());
  download.file.close();
  w.pass_until(std::chrono::seconds{30},
               [&] { return w.now(removal).is_done(); });
  CHECK(w.now(removal).state == job_state::succeeded);
  CHECK_FALSE(w.record(1));
  CHECK_FALSE(w.archives.is_published(w.backup(1)));
}

TEST_CASE(
    "a removal of a backup that is parked is given up to the delete of its "
    "server, which removes it",
    "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.fail_next("remove",
                       {.code = fault_code::internal, .what = "read-only"});
  const auto removal =
      w.submit(jobs::delete_backup, 1, w.about("backup", w.backup(1).view()));
  w.pass_until(std::chrono::seconds{30},
               [&] { return w.now(removal).state == job_state::parked; });
  const auto deletion =
      w.submit(jobs::delete_server, 1, R"({"backups":"delete"})");
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK(w.now(removal).is_done());
  CHECK_FALSE(w.record(1));
  CHECK_FALSE(w.archives.is_published(w.backup(1)));
}

TEST_CASE(
    "a rotation that has chosen nothing yet is cancelled by the delete of "
    "its server",
    "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.hold("verify");
  const auto rotation =
      w.submit(jobs::rotate_backups, 1, R"({"policy":{"keep_last":1}})");
  REQUIRE(w.archives.wait_until_held("verify"));
  const auto deletion = w.submit(jobs::delete_server, 1);
  CHECK(w.end_of(rotation).state == job_state::cancelled);
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK(w.record(1)->state == jobs::backup_state::ready);
}

TEST_CASE("a backup that is being made is deleted by cancelling its job",
          "[actors]") {
  backup_node w;
  w.boot();
  w.archives.hold("write");
  const auto making = w.submit(jobs::create_backup, 1, w.create_body(1));
  REQUIRE(w.archives.wait_until_held("write"));
  const auto body = w.about("backup", w.backup(1).view());
  const auto refused = w.ask(jobs::delete_backup, 1, body);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_in_use);
  REQUIRE(refused.error().in_the_way == making.to_string());
  REQUIRE(w.cancel(making));
  CHECK(w.end_of(making).state == job_state::cancelled);
  CHECK_FALSE(w.record(1));
  CHECK(w.archives.unfinished.empty());
  // And there is nothing left to delete.
  const auto again = w.ask(jobs::delete_backup, 1, body);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == fault_code::backup_not_found);
}

TEST_CASE("an index that is under way is cancelled", "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.hold("index");
  const auto job =
      w.submit(jobs::index_backup, 1, w.about("backup", w.backup(1).view()));
  REQUIRE(w.archives.wait_until_held("index"));
  REQUIRE(w.cancel(job));
  CHECK(w.end_of(job).state == job_state::cancelled);
}

TEST_CASE("a backup goes on after a crash, and is made once", "[actors]") {
  backup_node w;
  w.boot();
  w.archives.hold("write");
  const auto id = w.submit(jobs::create_backup, 1, w.create_body(1));
  REQUIRE(w.archives.wait_until_held("write"));
  w.ledger->crash();
  w.archives.let_go("write");
  w.crash();
  w.archives.reserved.clear(); // was held in memory
  w.boot();
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.record(1)->state == jobs::backup_state::ready);
  CHECK(w.archives.reserved.empty());
}

TEST_CASE("a failed job of no server is tried again as a new one", "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.fail_next("verify",
                       {.code = fault_code::docker_refused, .what = "no"});
  const auto body = w.about("backup", w.backup(1).view());
  const auto failed = w.end_of(w.submit(jobs::verify_backup, 0, body));
  REQUIRE(failed.state == job_state::failed);
  const auto again = w.retry(failed.id);
  if (!again)
    FAIL(again.error().what);
  CHECK(again->job->record().retry_of == failed.id);
  CHECK(w.end_of(again->job->record().id).state == job_state::succeeded);
}

TEST_CASE("a failed restore is not tried again from a backup on its way out",
          "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.put_backup(2, 1, w.clock.at);
  w.boot();
  w.archives.fail_next("extract",
                       {.code = fault_code::archive_refused, .what = "no"});
  const auto failed =
      w.end_of(w.submit(jobs::restore_backup, 1, w.restore_body(1)));
  REQUIRE(failed.state == job_state::failed);
  const auto download = w.archives.open(w.backup(1)).value();
  const auto rotation =
      w.submit(jobs::rotate_backups, 1, R"({"policy":{"keep_last":1}})");
  w.until_reason(rotation, "BackupInUse");
  const auto refused = w.retry(failed.id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_in_use);
  CHECK(refused.error().in_the_way == rotation.to_string());
  CHECK(w.engine->find_server(server_number(1))->state
        == jobs::server_state::active);
}

TEST_CASE("a failed backup and a failed restore are tried again by their "
          "inputs",
          "[actors]") {
  backup_node w;
  w.put_backup(1, 1);
  w.boot();
  w.archives.fail_next("write",
                       {.code = fault_code::docker_refused, .what = "no"});
  w.archives.fail_next("extract",
                       {.code = fault_code::archive_refused, .what = "no"});
  for (const auto& [kind, body] :
       {std::pair{&jobs::create_backup, w.create_body(2)},
        std::pair{&jobs::restore_backup, w.restore_body(1)}}) {
    const auto failed = w.end_of(w.submit(*kind, 1, body));
    REQUIRE(failed.state == job_state::failed);
    const auto again = w.retry(failed.id);
    REQUIRE(again);
    CHECK(again->job->record().input == failed.input);
    CHECK(w.end_of(again->job->record().id).state == job_state::succeeded);
  }
}
