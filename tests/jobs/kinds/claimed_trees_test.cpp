// What other restores have replaced makes room for one, when nothing else does.
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

namespace {

constexpr std::int64_t tree_bytes = 1 << 20;

/// Two older restores have replaced as much as the backup holds, and less than
/// that is free.
struct tight_world : restore_world {
  tight_world() {
    put_backup(1, 0, {{"big", std::string(tree_bytes, 'x')}});
    disk.free_space = 1 << 19;
  }
  job_id tree_of(int number) {
    const auto restore = *job_id::parse("0199c1de-0000-7000-8000-00000000000"
                                        + std::to_string(number));
    disk.trash[restore.to_string()] = {.files = 1, .bytes = tree_bytes};
    store->replaced[restore] = {.tree = {.replaced_by = restore,
                                         .server = id,
                                         .server_row = 99,
                                         .name = restore.to_string(),
                                         .keep_until = now + number}};
    return restore;
  }
  const job_id oldest = tree_of(1);
  const job_id newest = tree_of(2);

  bool lies(const job_id& tree) {
    return disk.trash.contains(tree.to_string());
  }
  /// As before anybody asked: it can be taken back.
  bool is_whole(const job_id& tree) {
    const auto at = store->replaced.find(tree);
    return lies(tree) && disk.trash.at(tree.to_string()).bytes == tree_bytes
           && at != store->replaced.end() && !at->second.tree.claimed
           && at->second.tree.keep_until != 0;
  }
  json named(const job_record& job) {
    return (job.result.empty() ? json::object() : json::parse(job.result))
        .value("undo_removed_for_room", json::array());
  }
  bool were_told(const std::string& words) {
    return std::ranges::any_of(clients.calls(), [&](const auto& line) {
      return line.find(words) != std::string::npos;
    });
  }
  job_record at(std::string_view step) {
    return go_on(restore_backup, must_ask(restore_backup, body_of(1)), step);
  }
  /// The archive lies elsewhere, and what is downloaded on the volumes' disk:
  /// for the archive alone there is no room either, and both trees make enough
  /// for all.
  void download_to_one_disk() {
    node.far = &far.places;
    far.offsite.wanted_part = 1 << 20;
    far_only(1);
    disk.device = backups.device = 7;
    disk.free_space = backups.disk_free = tree_bytes / 4;
    disk.before_batch = [this] { backups.disk_free += tree_bytes; };
  }
};

} // namespace

TEST_CASE("trees of older restores make room, the oldest first", "[kinds]") {
  tight_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK_FALSE(w.lies(w.oldest));
  CHECK_FALSE(w.store->replaced.contains(w.oldest));
  CHECK(w.is_whole(w.newest));
  CHECK(w.named(job) == json::array({w.oldest.view()}));
  CHECK(w.was_heard("measuring what older restores replaced"));
}

TEST_CASE("no tree goes when there is room, or would be none without all",
          "[kinds]") {
  tight_world w;
  SECTION("there is room") {
    w.disk.free_space = 4 * tree_bytes;
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::succeeded);
  }
  SECTION("there is, by the time it is needed") {
    auto job = w.at("extract");
    w.disk.free_space = 4 * tree_bytes;
    job = w.go_on(restore_backup, job);
    CHECK(job.state == job_state::succeeded);
    CHECK(w.named(job).empty());
  }
  SECTION("all of them would not do") {
    w.put_backup(1, 0, {{"big", std::string(4 << 20, 'x')}});
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::failed);
  }
  SECTION("all of them would not do any more when it is needed") {
    auto job = w.at("extract");
    w.disk.reserved.clear(); // as a restart does
    w.disk.reserved[w.oldest] = tree_bytes;
    job = w.go_on(restore_backup, job);
    CHECK(job.error->code == fault_code::no_room);
    CHECK(w.named(job).empty());
  }
  CHECK(w.is_whole(w.oldest));
  CHECK(w.is_whole(w.newest));
}

TEST_CASE("no tree goes before the archive is known to be good", "[kinds]") {
  tight_world w;
  job_record job;
  SECTION("a damaged one costs nobody an undo") {
    w.backups.published.at(w.backup(1)).is_damaged = true;
    job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(job.error->code == fault_code::backup_damaged);
  }
  SECTION("nor does one that is not where it should be") {
    w.download_to_one_disk();
    w.far.offsite.objects.clear();
    job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(job.error->code == fault_code::store_object_missing);
  }
  SECTION("nor does a cancel before that") {
    const std::string step =
        GENERATE("clear_room", "preflight", "verify", "extract");
    job = w.cancel(restore_backup, w.at(step));
  }
  CHECK(job.state != job_state::succeeded);
  CHECK(w.named(job).empty());
  CHECK_FALSE(w.were_told("cannot be taken back any more"));
  CHECK(w.is_whole(w.oldest));
  CHECK(w.is_whole(w.newest));
  CHECK(w.disk.reserved.empty());
}

TEST_CASE("what claimed trees will give is promised to nobody else",
          "[kinds]") {
  tight_world w;
  const auto job = w.at("stop");
  // What is free and what is to come is the job's, and no more than is free
  // was promised.
  CHECK(w.disk.reserved.at(job.id) > 0);
  CHECK(w.disk.reserved.at(job.id) < w.disk.free_space);
  std::int64_t promised = 0;
  w.disk.before_batch = [&] { promised = w.disk.reserved.at(job.id); };
  w.go_on(restore_backup, job);
  CHECK(promised > tree_bytes);
  CHECK(w.disk.reserved.empty());
}

TEST_CASE("before a download only what it needs itself goes", "[kinds][far]") {
  tight_world w;
  w.twice = GENERATE(false, true);
  w.download_to_one_disk();
  SECTION("nothing where it fits beside the trees") {
    w.disk.free_space = w.backups.disk_free = 3 * (tree_bytes / 2);
    const auto job = w.at("stop");
    CHECK(w.lies(w.oldest));
    CHECK(w.go_on(restore_backup, job).state == job_state::succeeded);
  }
  SECTION("the oldest where it does not") {
    const auto job = w.at("preflight");
    CHECK_FALSE(w.lies(w.oldest));
    CHECK(w.lies(w.newest));
    CHECK(w.named(job) == json::array({w.oldest.view()}));
    const auto ended = w.go_on(restore_backup, job);
    REQUIRE(ended.state == job_state::succeeded);
    CHECK(w.named(ended) == json::array({w.oldest.view()}));
  }
  SECTION("and a restore that fails behind that says so") {
    const auto job = w.at("fetch");
    w.far.offsite.objects.clear();
    const auto ended = w.go_on(restore_backup, job);
    REQUIRE(ended.state == job_state::failed);
    CHECK(w.named(ended) == json::array({w.oldest.view()}));
    CHECK(w.were_told("cannot be taken back any more"));
  }
  CHECK(w.is_whole(w.newest));
}

TEST_CASE("the room for a download is kept from before a tree goes for it",
          "[kinds][far]") {
  tight_world w;
  w.download_to_one_disk();
  auto job = w.at("clear_room");
  std::int64_t to_download = 0, to_unpack = 0;
  w.disk.before_batch = [&, frees = w.disk.before_batch] {
    to_download = w.backups.reserved[job.id];
    to_unpack = w.disk.reserved[job.id];
    // Another begins to make room for itself.
    CHECK(w.backups.reserve(
        w.newest, {.bytes = 8 * tree_bytes, .coming = 16 * tree_bytes}));
    frees();
  };
  job = w.go_on(restore_backup, job, "fetch");
  CHECK(job.state == job_state::running);
  CHECK(to_download > tree_bytes);
  CHECK(to_unpack > tree_bytes);
  CHECK(w.backups.reserved.at(job.id) == to_download);
  CHECK_FALSE(w.lies(w.oldest));
  CHECK(w.lies(w.newest));
}

TEST_CASE("a removal for a download that is not needed any more stays on "
          "record",
          "[kinds][far]") {
  tight_world w;
  w.download_to_one_disk();
  w.disk.fail_next("purge", broken_disk());
  int runs = 0;
  w.before_step = [&](const std::string& step) {
    if (step != "clear_room" || ++runs != 3)
      return;
    // A copy back to this node has come to its end, or a scan has found it.
    w.backups.put(w.backup(1), w.id, {{"big", std::string(tree_bytes, 'x')}});
    w.store->backups.at(w.backup(1)).record.is_local = true;
  };
  const auto job = w.at("stop");
  CHECK(runs > 3);
  // Half a tree is of no use, and gives room only as long as it is there.
  CHECK_FALSE(w.lies(w.oldest));
  CHECK(w.disk.reserved.at(job.id) > 0);
  CHECK(w.backups.reserved.empty());
  const auto ended = w.go_on(restore_backup, job);
  REQUIRE(ended.state == job_state::succeeded);
  CHECK(w.named(ended) == json::array({w.oldest.view()}));
  CHECK(w.is_whole(w.newest));
}

TEST_CASE("trees make room, too, where less than nothing is left", "[kinds]") {
  tight_world w;
  SECTION("as far as they make up for that") {
    w.disk.kept_free = tree_bytes;
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    REQUIRE(job.state == job_state::succeeded);
    CHECK(w.named(job) == json::array({w.oldest.view(), w.newest.view()}));
  }
  SECTION("and not where they do not") {
    w.disk.kept_free = 2 * tree_bytes;
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
    CHECK(w.is_whole(w.oldest));
    CHECK(w.is_whole(w.newest));
  }
}

TEST_CASE("a tree that was half removed for room is nobody's to take back",
          "[kinds]") {
  tight_world w;
  w.disk.fail_next("purge", {.code = fault_code::docker_refused, .what = "no"});
  job_record job;
  SECTION("after a failure") {
    job = w.run_to_end(restore_backup, w.body_of(1));
    REQUIRE(job.state == job_state::failed);
    CHECK(w.were_told("cannot be taken back any more"));
  }
  SECTION("after the job was given up") {
    w.before_step = [&](const std::string& step) {
      if (step == "undo extract")
        w.disk.fail_next("discard_staging",
                         {.code = fault_code::docker_refused, .what = "no"});
    };
    job = w.run_to_end(restore_backup, w.body_of(1));
    REQUIRE(job.state == job_state::parked);
    job = w.must_commit(job, happened::abandoned{"no use"});
  }
  CHECK(w.named(job) == json::array({w.oldest.view()}));
  const auto tree = w.records.find_replaced(w.oldest).value();
  REQUIRE(tree);
  CHECK_FALSE(tree->claimed);
  CHECK(tree->keep_until == 0); // the next sweep removes the rest
  const auto refused =
      w.ask(undo_restore, json{{"restore", w.oldest.view()}}.dump());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::not_undoable);
  CHECK(w.is_whole(w.newest));
}

TEST_CASE("a removal that a crash has cut short is brought to its end",
          "[kinds]") {
  tight_world w;
  w.disk.fail_next("purge", broken_disk());
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK_FALSE(w.lies(w.oldest));
  CHECK(w.named(job) == json::array({w.oldest.view()}));
  CHECK(w.is_whole(w.newest));
}

TEST_CASE("what a crash has left of the unpacking takes no tree with it",
          "[kinds]") {
  tight_world w;
  const auto job = w.at("extract");
  REQUIRE(w.store->replaced.at(w.oldest).tree.claimed);
  w.disk.staging[job.id.to_string()].bytes = tree_bytes;
  w.disk.free_space = tree_bytes;
  w.reports.clear();
  CHECK(w.go_on(restore_backup, job).state == job_state::succeeded);
  CHECK(w.was_heard("removing what was unpacked"));
  CHECK(w.is_whole(w.oldest));
}

TEST_CASE("an undo that removes what was unpacked is alive", "[kinds]") {
  tight_world w;
  w.disk.free_space = 4 * tree_bytes;
  w.cancel(restore_backup, w.at("commit"));
  CHECK(w.was_heard("removing what was unpacked"));
}

TEST_CASE("a restore that an older release has begun removes all it claimed",
          "[kinds]") {
  tight_world w;
  auto job = w.at("clear_room");
  REQUIRE(w.store->replaced.at(w.oldest).tree.claimed);
  // It kept no sizes.
  job.steps[1].output = json{{"trees", {w.oldest.view()}}}.dump();
  SECTION("and goes on") {
    job = w.go_on(restore_backup, job);
    REQUIRE(job.state == job_state::succeeded);
    CHECK_FALSE(w.lies(w.oldest));
    CHECK(w.named(job) == json::array({w.oldest.view()}));
  }
  SECTION("or lets them go as long as it has removed none") {
    w.cancel(restore_backup, job);
    CHECK(w.is_whole(w.oldest));
  }
  CHECK(w.is_whole(w.newest));
}
