// What becomes of a deleted server's files when their delete is given up.
#include "jobs/catalog.hpp"
#include "tests/actors/engine_world.hpp"

#include <algorithm>
#include <mutex>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

namespace {

const jobs::fault for_good{.code = fault_code::docker_refused, .what = "no"};

struct trash_world : engine_world {
  trash_world() {
    add_server(1);
    volumes.put(server_number(1), {.files = 3, .bytes = 30});
  }
  trash_world& start() {
    boot(jobs::standard_catalog());
    return *this;
  }
  bool is_purged() {
    const std::scoped_lock lock{volumes.mutex, store->mutex};
    return volumes.trash.empty() && store->trash.empty();
  }
  /// The live job that purges what this one has left.
  jobs::job_id purge_of(const jobs::job_id& deleted_by) {
    const auto key = "trash.purge:" + deleted_by.to_string();
    std::optional<jobs::job_id> found;
    pass_until(0ms, [&] {
      const std::scoped_lock lock{store->mutex};
      if (const auto row = store->natural_key.find(key);
          row != store->natural_key.end())
        found = store->jobs.at(row->second).id;
      return found.has_value();
    });
    return *found;
  }
  /// A delete that was given up because its purge failed, and so did the purge
  /// that followed.
  jobs::job_id give_up() {
    volumes.fail_next("purge", for_good, 2);
    start();
    const auto deletion = submit(jobs::delete_server, 1);
    until(deletion, job_state::parked);
    REQUIRE(abandon(deletion));
    const auto purge = purge_of(deletion);
    until(purge, job_state::parked);
    REQUIRE(abandon(purge));
    return deletion;
  }
  /// A delete whose files are kept for an hour.
  jobs::job_id retain() {
    ports.undelete_window = 1h;
    start();
    const auto deletion = submit(jobs::delete_server, 1);
    until_reason(deletion, "Retained");
    return deletion;
  }
  jobs::job_id undelete(const jobs::job_id& deletion) {
    auto what = request(jobs::undelete_server);
    what.subject = deletion;
    const auto taken = ask(what);
    REQUIRE(taken);
    return taken->job->record().id;
  }
  /// An undelete that is parked after it has moved the files: its step and its
  /// undo fail, and nobody knows what the first has done.
  jobs::job_id park_undelete(const jobs::job_id& deletion) {
    volumes.fail_next("reattach", for_good);
    volumes.fail_next("is_in_trash", for_good);
    const auto parked = undelete(deletion);
    until(parked, job_state::parked);
    const std::scoped_lock lock{volumes.mutex};
    const auto moved = volumes.trash.extract(deletion.to_string());
    volumes.live[server_number(1)] = moved.mapped();
    return parked;
  }
  /// And nobody has a claim on them any more.
  void until_back_in_trash(const jobs::job_id& deletion) {
    pass_until(0ms, [&] {
      const std::scoped_lock lock{volumes.mutex, store->mutex};
      return volumes.live.empty()
             && volumes.trash.contains(deletion.to_string())
             && store->trash.at(deletion).entry.state == "held";
    });
  }
};

} // namespace

TEST_CASE("an abandoned delete leaves its files to a purge", "[actors]") {
  trash_world w;
  w.volumes.fail_next("purge", for_good);
  w.start();
  const auto deletion = w.submit(jobs::delete_server, 1);
  w.until(deletion, job_state::parked);
  CHECK_FALSE(w.is_purged());
  REQUIRE(w.abandon(deletion));
  w.pass_until(0ms, [&] { return w.is_purged(); });
  CHECK(w.now(deletion).state == job_state::failed);
}

TEST_CASE("left files are purged when their undelete window is over",
          "[actors]") {
  trash_world w;
  w.ports.undelete_window = 1h;
  w.volumes.fail_next("is_in_trash", for_good);
  w.start();
  const auto deletion = w.submit(jobs::delete_server, 1);
  w.until(deletion, job_state::parked);
  REQUIRE(w.abandon(deletion));
  const auto purge = w.purge_of(deletion);
  CHECK(w.now(purge).run_at >= w.clock.now() + 3'600'000);
  CHECK_FALSE(w.is_purged());
  w.pass_until(10min, [&] { return w.is_purged(); });
}

TEST_CASE("every boot takes up trash that nobody owns", "[actors]") {
  trash_world w;
  w.give_up();
  CHECK_FALSE(w.is_purged());
  w.crash();
  w.start();
  w.pass_until(0ms, [&] { return w.is_purged(); });
}

TEST_CASE("a boot tells of trash that nobody answers for, and leaves it",
          "[actors]") {
  trash_world w;
  const auto told = log_book().count("trash-unrecorded");
  const auto name = jobs::make_job_id(w.clock.now()).to_string();
  w.volumes.trash[name] = {.files = 1, .bytes = 1};
  w.start();
  REQUIRE(log_book().wait_for("trash-unrecorded", told + 1));
  CHECK(w.volumes.trash.contains(name));
}

TEST_CASE("a failed delete is tried again from its trash", "[actors]") {
  trash_world w;
  const auto deletion = w.give_up();
  const auto again = w.retry(deletion);
  REQUIRE(again);
  CHECK(again->job->record().kind == "trash.purge");
  CHECK(w.end_of(again->job->record().id).state == job_state::succeeded);
  CHECK(w.is_purged());
}

TEST_CASE("a delete that was given up after its rename keeps nobody from "
          "deleting the server",
          "[actors]") {
  trash_world w;
  w.start();
  w.volumes.fail_next("detach", for_good);
  const auto first = w.submit(jobs::delete_server, 1);
  w.until(first, job_state::parked);
  REQUIRE(w.abandon(first));
  const auto second = w.submit(jobs::delete_server, 1);
  CHECK(w.end_of(second).state == job_state::succeeded);
  w.pass_until(0ms, [&] { return w.is_purged(); });
}

TEST_CASE("every boot takes up files that only their name speaks of",
          "[actors]") {
  trash_world w;
  w.volumes.fail_next("detach", for_good);
  w.start();
  const auto deletion = w.submit(jobs::delete_server, 1);
  w.until(deletion, job_state::parked);
  w.crash();
  // The rename had come, its commit had not, and after the job was given up
  // nobody came to say who purges the files.
  {
    const std::scoped_lock lock{w.volumes.mutex};
    w.volumes.trash[deletion.to_string()] = {.files = 3, .bytes = 30};
    w.volumes.live.clear();
  }
  w.give_up_in_ledger(deletion);
  w.start();
  w.pass_until(0ms, [&] { return w.is_purged(); });
}

TEST_CASE("a boot does not look at files that are retained", "[actors]") {
  trash_world w;
  w.ports.undelete_window = 1h;
  w.add_server(2);
  w.start();
  const auto first = w.submit(jobs::delete_server, 1);
  w.until_reason(first, "Retained");
  const auto looks = [&] {
    const auto calls = w.volumes.calls();
    return std::ranges::count(calls, "is_in_trash " + first.to_string());
  };
  CHECK(looks() == 1);
  w.crash();
  w.start();
  // Another job has gone all the way meanwhile.
  const auto second = w.submit(jobs::delete_server, 2);
  w.end_of(second);
  CHECK(looks() == 1);
  CHECK(w.now(first).reason == "Retained");
  w.pass_until(10min, [&] { return w.is_purged(); });
}

TEST_CASE("files that an abandoned undelete has moved go back into the trash",
          "[actors]") {
  trash_world w;
  const auto deletion = w.retain();
  REQUIRE(w.abandon(w.park_undelete(deletion)));
  w.until_back_in_trash(deletion);
  // And with them goes what the delete has promised.
  w.pass_until(10min, [&] { return w.is_purged(); });
}

TEST_CASE("a boot puts files back into the trash when nobody else came to it",
          "[actors]") {
  trash_world w;
  const auto deletion = w.retain();
  const auto undelete = w.park_undelete(deletion);
  w.crash();
  w.give_up_in_ledger(undelete);
  w.start();
  w.until_back_in_trash(deletion);
  CHECK(w.end_of(w.undelete(deletion)).state == job_state::succeeded);
}

TEST_CASE("a boot leaves a volume alone that no undelete has put there",
          "[actors]") {
  trash_world w;
  const auto deletion = w.retain();
  w.crash();
  w.volumes.put(server_number(1), {.files = 1, .bytes = 1});
  const bool has_a_server = GENERATE(true, false);
  if (has_a_server) {
    w.volumes.trash.clear();
    w.store->servers[9].record = {.row = 9,
                                  .uuid = server_number(1),
                                  .state = jobs::server_state::active};
    w.store->live_server[server_number(1)] = 9;
    w.store->last_server = 9;
  }
  w.start();
  // Another job has gone all the way meanwhile.
  w.end_of(w.submit(jobs::delete_server, 2));
  const std::scoped_lock lock{w.volumes.mutex, w.store->mutex};
  CHECK(w.volumes.live.contains(server_number(1)));
  CHECK(w.store->trash.at(deletion).entry.state == "held");
  CHECK(std::ranges::none_of(w.store->jobs, [](const auto& job) {
    return job.second.kind == jobs::settle_undelete.name;
  }));
}

TEST_CASE("it is told when nobody may put in order what a job has left",
          "[actors]") {
  trash_world w;
  const auto undelete = w.park_undelete(w.retain());
  const auto told = log_book().count("leftovers-refused");
  {
    const std::scoped_lock lock{w.store->mutex};
    w.store->trash.clear();
  }
  REQUIRE(w.abandon(undelete));
  CHECK(log_book().wait_for("leftovers-refused", told + 1));
}

TEST_CASE("an undelete that failed and was rolled back is asked for anew",
          "[actors]") {
  trash_world w;
  const auto deletion = w.retain();
  w.volumes.fail_next("reattach", for_good);
  const auto failed = w.undelete(deletion);
  REQUIRE(w.end_of(failed).state == job_state::failed);
  const auto again = w.retry(failed);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == fault_code::not_parked);
  CHECK_THAT(again.error().what,
             Catch::Contains("its server is gone; send the request again"));
  CHECK(w.end_of(w.undelete(deletion)).state == job_state::succeeded);
}

TEST_CASE("an undelete that was given up is tried again by looking after its "
          "files",
          "[actors]") {
  trash_world w;
  const auto deletion = w.retain();
  const auto undelete = w.park_undelete(deletion);
  REQUIRE(w.abandon(undelete));
  w.until_back_in_trash(deletion);
  const auto again = w.retry(undelete);
  REQUIRE(again);
  const auto& settling = again->job->record();
  CHECK(settling.kind == "undelete.settle");
  CHECK(w.end_of(settling.id).state == job_state::succeeded);
}
