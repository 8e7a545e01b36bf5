#include "jobs/system_objects.hpp"
#include "tests/actors/chore_world.hpp"
#include "tests/doubles/fake_system_objects.hpp"
#include "tests/doubles/hung_list.hpp"

#include <functional>

using namespace alula;
using namespace alula::actors_test;

TEST_CASE("a chore that cannot read comes back to it", "[actors]") {
  chore_world w;
  w.chores_settings.scan_every = 0min; // whose end would look as well
  const auto comes_back = [&](auto holds) {
    w.pass_until(1min, [&] {
      w.doing->look();
      return holds();
    });
  };
  SECTION("which trees are due") {
    w.put_replaced(w.clock.at - 1);
    w.reading.fail("due", 3);
    w.start();
    comes_back([&] { return w.replaced_left() == 0; });
  }
  SECTION("when the next tree is due") {
    w.put_replaced(w.clock.at + in_ms(3h));
    w.reading.fail("due", 1);
    w.start();
    comes_back([&] { return w.replaced_left() == 0; });
  }
  SECTION("its schedule") {
    w.chores_settings.scan_every = 2h;
    w.reading.fail("schedules", 1);
    w.start();
    comes_back([&] { return w.next("backup.scan") != 0; });
  }
  SECTION("which containers there are") {
    w.chores_settings.containers = &w.containers;
    const auto told = log_book().count("container-left");
    const auto unread = log_book().count("containers-not-audited");
    w.containers.put("c1", server_number(99).to_string());
    w.containers.set_down(true);
    w.start();
    REQUIRE(log_book().wait_for("containers-not-audited", unread + 1));
    w.containers.set_down(false);
    comes_back([&] { return log_book().count("container-left") > told; });
  }
}

TEST_CASE("a tree whose removal was given up is asked for again", "[actors]") {
  chore_world w;
  w.chores_settings.scan_every = 0min;
  w.put_replaced(w.clock.at - 1);
  w.volumes.fail_next("purge",
                      {.code = jobs::fault_code::docker_refused, .what = "no"});
  w.start();
  w.eventually(
      [&] { return w.jobs_of("restore.remove_replaced").size() == 1; });
  const auto first = w.jobs_of("restore.remove_replaced")[0].id;
  w.until(first, jobs::job_state::failed);
  w.pass_until(10min, [&] {
    w.doing->look();
    return w.replaced_left() == 0;
  });
}

TEST_CASE("a start looks through the backup directory", "[actors]") {
  chore_world w;
  w.archives.now -= 3'600'000; // long written
  w.archives.put(w.backup(1), {}, {{"a", "b"}});
  w.start();
  w.jobs_ended("backup.scan", 1);
  CHECK(w.record(1));
}

TEST_CASE("a start looks for containers whose servers are gone", "[actors]") {
  chore_world w;
  w.chores_settings.containers = &w.containers;
  const auto told = log_book().count("container-left");
  w.containers.put("c1", server_number(99).to_string());
  w.start();
  REQUIRE(log_book().wait_for("container-left", told + 1));
  CHECK(w.containers.has("c1"));

  const auto unread = log_book().count("containers-not-audited");
  w.containers.set_down(true);
  w.start();
  REQUIRE(log_book().wait_for("containers-not-audited", unread + 1));
}

TEST_CASE("a stop ends a look for containers that dockerd does not answer",
          "[actors]") {
  jobs::hung_list list;
  chore_world w;
  w.chores_settings.containers = &w.containers;
  w.containers.before_list = std::ref(list);
  w.start();
  REQUIRE(list.is_asked());
  w.doing->stop();
  CHECK(list.was_stopped());
}

TEST_CASE("a start clears up after uploads of systems if there is anything",
          "[actors]") {
  doubles::fake_system_objects objects;
  jobs::incoming_bodies bodies;
  jobs::system_parts parts{objects, bodies};
  chore_world w;
  w.ports.systems = &parts;
  w.chores_settings.systems = &objects;
  const bool has_any = GENERATE(true, false);
  if (has_any)
    objects.parts["0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg"] = "half";
  w.start();
  w.jobs_ended("backup.scan", 1); // which is asked for behind it
  w.jobs_ended("system.backup.sweep", has_any ? 1 : 0);
  CHECK(objects.is_empty());
}

TEST_CASE("an upload that is given up is cleared up behind", "[actors]") {
  const std::string id = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg";
  doubles::fake_system_objects objects;
  jobs::incoming_bodies bodies;
  jobs::system_parts parts{objects, bodies};
  chore_world w;
  w.ports.systems = &parts;
  {
    const std::scoped_lock lock{w.store->mutex};
    w.store->systems["s1"] = {.id = "s1"};
  }
  w.start();
  // Nobody sends its body, and what is left of it cannot be removed.
  objects.parts[id] = "half";
  std::atomic<bool> is_broken{true};
  objects.before = [&](std::string_view call) -> jobs::status {
    if (call == "remove" && is_broken)
      return jobs::fault{.code = jobs::fault_code::docker_refused,
                         .what = "it does not go"};
    return {};
  };
  const auto upload = w.submit(jobs::receive_system_backup, 0,
                               nlohmann::json{{"id", id},
                                              {"system", "s1"},
                                              {"size", 4},
                                              {"filename", "a.gpg"},
                                              {"mimetype", "text/plain"},
                                              {"uploader", "192.0.2.1"},
                                              {"count", 10},
                                              {"bytes", 100},
                                              {"most", 0}}
                                   .dump());
  w.until(upload, jobs::job_state::parked);
  CHECK(w.queries.find_system_backup(id).value());
  is_broken = false;
  REQUIRE(w.abandon(upload));
  w.jobs_ended("system.backup.sweep", 1);
  CHECK(objects.is_empty());
  CHECK_FALSE(w.queries.find_system_backup(id).value());
}

TEST_CASE("the backup that was not looked at for longest is verified",
          "[actors]") {
  chore_world w;
  w.put_backup(1, 1, 30);
  w.put_backup(2, 1, 10);
  w.put_backup(3, 2, 20);
  w.chores_settings.verify_every = 1h;
  w.start_overdue("backup.verify");
  w.jobs_ended("backup.verify", 1);
  CHECK(w.record(2)->verified_at == w.clock.at);
  w.eventually([&] { return w.next("backup.verify") > w.clock.at; });
  w.pass(1h);
  w.jobs_ended("backup.verify", 2);
  CHECK(w.record(3)->verified_at == w.clock.at);
}

TEST_CASE("a backup that cannot be read does not keep the others waiting",
          "[actors]") {
  chore_world w;
  w.put_backup(1, 1, 10);
  w.put_backup(2, 1, 20);
  w.archives.fail_next(
      "verify", {.code = jobs::fault_code::docker_refused, .what = "no"});
  w.chores_settings.verify_every = 1h;
  w.start_overdue("backup.verify");
  w.jobs_ended("backup.verify", 1);
  CHECK(w.record(1)->verified_at == 10);
  w.eventually([&] { return w.next("backup.verify") > w.clock.at; });
  w.pass(1h);
  w.jobs_ended("backup.verify", 2);
  CHECK(w.record(2)->verified_at == w.clock.at);
}

TEST_CASE(
    "a delete of backups that is given up leaves what is still there, and "
    "a look for what is not",
    "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.put_backup(2, 1);
  w.start();
  w.jobs_ended("backup.scan", 1);
  w.archives.fail_next("remove", {.code = jobs::fault_code::docker_refused,
                                  .what = "it does not go"});
  const auto deletion =
      w.submit(jobs::delete_server, 1, R"({"backups":"delete"})");
  w.until(deletion, jobs::job_state::parked);
  CHECK(w.record(1)->state == jobs::backup_state::deleting);
  CHECK(w.record(2)->state == jobs::backup_state::deleting);
  {
    // It was gone when the other did not go.
    const std::scoped_lock lock{w.archives.mutex};
    w.archives.published.erase(w.backup(2));
  }
  REQUIRE(w.abandon(deletion));
  w.jobs_ended("backup.scan", 2);
  CHECK(w.record(1)->state == jobs::backup_state::ready);
  CHECK(w.record(1)->lost_at == 0);
  CHECK(w.record(2)->state == jobs::backup_state::ready);
  CHECK(w.record(2)->lost_at != 0);
  SECTION("nobody deletes them but who is asked to") {
    w.start();
    w.jobs_ended("backup.scan", 3);
    w.jobs_ended("backup.delete", 0);
    const auto asked =
        w.submit(jobs::delete_backup, 0, w.about("backup", w.backup(1).view()));
    CHECK(w.end_of(asked).state == jobs::job_state::succeeded);
    CHECK_FALSE(w.record(1));
  }
}

TEST_CASE("servers are rotated by the policy of the node, or by their own",
          "[actors]") {
  chore_world w;
  for (int i = 1; i <= 3; ++i)
    w.put_backup(i, 1);
  w.put_backup(4, 2);
  w.put_backup(5, 2);
  const bool has_own = GENERATE(false, true);
  w.chores_settings.rotate_every = 1h;
  w.chores_settings.policy.keep_last = 1;
  if (has_own) // which keeps everything
    w.set_rotation(2, "{}");
  w.start_overdue("backup.rotate");
  w.jobs_ended("backup.rotate", has_own ? 1 : 2);
  CHECK_FALSE(w.record(1));
  CHECK_FALSE(w.record(2));
  CHECK(w.record(3));
  CHECK(bool{w.record(4)} == has_own);
  CHECK(w.record(5));
}

TEST_CASE("without a rotation of the node, servers are rotated by their own",
          "[actors]") {
  chore_world w;
  for (int i = 1; i <= 2; ++i)
    w.put_backup(i, 1);
  for (int i = 3; i <= 4; ++i)
    w.put_backup(i, 2);
  w.chores_settings.policy.keep_last = 1; // not asked for
  w.set_rotation(1, R"({"keep_last":1})");
  w.start();
  w.eventually([&] { return w.next("backup.rotate") != 0; });
  CHECK(w.next("backup.rotate") == w.clock.at + in_ms(24h));
  w.jobs_ended("backup.scan", 1);
  w.pass(24h);
  w.jobs_ended("backup.rotate", 1);
  CHECK_FALSE(w.record(1));
  CHECK(w.record(2));
  CHECK(w.record(3));
}

TEST_CASE("replaced trees are removed when they are due, and once",
          "[actors]") {
  chore_world w;
  w.put_replaced(w.clock.at - 1);
  w.put_replaced(w.clock.at + in_ms(2h));
  w.start();
  w.eventually([&] { return w.replaced_left() == 1; });
  w.jobs_ended("restore.remove_replaced", 1);
  w.jobs_ended("backup.scan", 1);
  w.pass(1h);
  w.jobs_ended("restore.remove_replaced", 1);
  w.pass_until(10min, [&] {
    w.doing->look();
    return w.replaced_left() == 0;
  });
  w.jobs_ended("restore.remove_replaced", 2);
  CHECK(w.volumes.trash.empty());
}

TEST_CASE("more due trees than are asked for at once all go", "[actors]") {
  chore_world w;
  for (int i = 0; i < 230; ++i)
    w.put_replaced(w.clock.at - 1);
  w.start();
  w.eventually([&] { return w.replaced_left() == 0; });
  w.jobs_ended("restore.remove_replaced", 230);
}

TEST_CASE("the tree of a new restore is removed when its time has come",
          "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.start();
  w.jobs_ended("backup.scan", 1);
  const auto id = w.submit(jobs::restore_backup, 1, w.restore_body(1));
  REQUIRE(w.end_of(id).state == jobs::job_state::succeeded);
  CHECK(w.replaced_left() == 1);
  w.pass_until(1h, [&] {
    w.doing->look();
    return w.replaced_left() == 0;
  });
  w.jobs_ended("restore.remove_replaced", 1);
}

TEST_CASE("what a failed restore has half removed for room goes at once",
          "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.put_replaced(w.clock.at + in_ms(24h));
  w.start();
  w.jobs_ended("backup.scan", 1);
  {
    const std::lock_guard guard{w.volumes.mutex};
    w.volumes.trash.begin()->second.bytes = 1 << 20;
    w.volumes.free_space = 100;
  }
  w.volumes.fail_next("purge",
                      {.code = jobs::fault_code::docker_refused, .what = "no"});
  const auto id = w.submit(jobs::restore_backup, 1, w.restore_body(1));
  REQUIRE(w.end_of(id).state == jobs::job_state::failed);
  w.eventually([&] { return w.replaced_left() == 0; });
  w.jobs_ended("restore.remove_replaced", 1);
}

TEST_CASE("nothing is asked for after a stop", "[actors]") {
  chore_world w;
  w.put_backup(1, 1);
  w.put_replaced(w.clock.at + in_ms(1h));
  w.chores_settings.verify_every = 1h;
  w.start();
  w.jobs_ended("backup.scan", 1);
  w.doing->stop();
  w.pass(48h);
  // A job of somebody else, and with it an event.
  w.end_of(w.submit(jobs::create_backup, 2, w.create_body(7)));
  w.doing->stop();
  CHECK(w.jobs_of("backup.scan").size() == 1);
  CHECK(w.jobs_of("backup.verify").empty());
  CHECK(w.jobs_of("restore.remove_replaced").empty());
}
