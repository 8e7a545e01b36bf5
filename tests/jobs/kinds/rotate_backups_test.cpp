// The jobs about many backups: rotate, and a server's with it.
#include "tests/jobs/kinds/backup_world.hpp"

#include <algorithm>

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

constexpr time_ms day = 86'400'000;

struct rotation_world : backup_world {
  /// Backup 1 is the oldest.
  explicit rotation_world(int count = 4) {
    for (int i = 1; i <= count; ++i)
      put_backup(i, 1'700'000'000'000 + i * day);
  }
  static std::string body(int keep_last) {
    return json{{"policy", {{"keep_last", keep_last}}}}.dump();
  }
  std::vector<int> left() {
    std::vector<int> numbers;
    for (int i = 1; i < 10; ++i)
      if (record(i) && backups.is_published(backup(i)))
        numbers.push_back(i);
    return numbers;
  }
};

} // namespace

TEST_CASE("a rotation removes what no rule keeps", "[kinds]") {
  rotation_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(rotate_backups, w.body(2));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.left() == std::vector{3, 4});
  const auto removed = json::parse(job.result).at("removed");
  REQUIRE(removed.size() == 2);
  CHECK(removed[0].at("backup") == w.backup(2).view());
  CHECK(removed[0].at("why") == "no rule keeps it");
  CHECK(w.order
        == std::vector<std::string>{"verify_newest", "choose", "remove"});
}

TEST_CASE("an archive that has grown since it was seen is for a later rotation",
          "[kinds]") {
  rotation_world w;
  auto& seen = w.store->backups.at(w.backup(3)).record;
  const auto whole = seen.facts;
  seen.facts = {};
  seen.facts.size = whole.size - 1;
  SECTION("as it was seen") {}
  SECTION("when what was there of it was called damaged") {
    seen.damage = "it is cut off";
  }
  const auto job = w.run_to_end(rotate_backups, w.body(2));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.left() == std::vector{2, 3, 4});
  REQUIRE(w.record(3));
  CHECK(w.record(3)->facts.sha256 == whole.sha256);
  CHECK(w.record(3)->facts.size == whole.size);
  CHECK(w.record(3)->damage.empty());
}

TEST_CASE("nothing goes before the newest is known to be good", "[kinds]") {
  rotation_world w;
  SECTION("it is verified first") {
    auto job = w.must_ask(rotate_backups, w.body(1));
    job = w.go_on(rotate_backups, job, "choose");
    CHECK(w.record(4)->verified_at == w.now);
    CHECK(w.backups.count("verify") == 1);
    CHECK(w.left().size() == 4);
  }
  SECTION("but only once a week") {
    const int days = GENERATE(6, 8);
    w.store->backups.at(w.backup(4)).record.verified_at = w.now - days * day;
    w.run_to_end(rotate_backups, w.body(1));
    CHECK(w.backups.count("verify") == (days < 7 ? 0 : 1));
    CHECK(w.left() == std::vector{4});
  }
  SECTION("a verified one that is not there any more stops it") {
    w.store->backups.at(w.backup(4)).record.verified_at = w.now;
    w.backups.published.erase(w.backup(4));
    const auto job = w.run_to_end(rotate_backups, w.body(1));
    CHECK(job.state == job_state::succeeded);
    CHECK(w.left() == std::vector{1, 2, 3});
    CHECK(w.record(4)->lost_at == w.now);
    CHECK(json::parse(job.result).contains("nothing_removed_because"));
  }
  SECTION("a verified one that was cut off stops it") {
    w.store->backups.at(w.backup(4)).record.verified_at = w.now;
    --w.backups.published.at(w.backup(4)).facts.size;
    w.run_to_end(rotate_backups, w.body(1));
    CHECK(w.left().size() == 4);
    CHECK_THAT(w.record(4)->damage, Catch::Contains("bytes"));
  }
  SECTION("a damaged one stops it") {
    w.backups.published.at(w.backup(4)).is_damaged = true;
    const auto job = w.run_to_end(rotate_backups, w.body(1));
    CHECK(job.state == job_state::succeeded);
    CHECK(w.left().size() == 4);
    CHECK_FALSE(w.record(4)->damage.empty());
    CHECK(json::parse(job.result).contains("nothing_removed_because"));
  }
  SECTION("a missing one stops it, and is lost from then") {
    w.backups.published.erase(w.backup(4));
    w.run_to_end(rotate_backups, w.body(1));
    CHECK(w.left() == std::vector{1, 2, 3});
    CHECK(w.record(4)->lost_at != 0);
    CHECK(w.record(4)->damage.empty());
  }
  SECTION("one that cannot be read now stops it") {
    w.backups.fail_next("verify", broken_disk(), 50);
    CHECK(w.run_to_end(rotate_backups, w.body(1)).state == job_state::failed);
    CHECK(w.left().size() == 4);
  }
}

TEST_CASE("a backup that is not on the disk keeps no other from staying",
          "[kinds]") {
  rotation_world w;
  w.twice = GENERATE(false, true);
  w.backups.published.erase(w.backup(3));
  w.backups.published.erase(w.backup(2));
  const auto job = w.run_to_end(rotate_backups, w.body(2));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.left() == std::vector{1, 4});
  CHECK(w.record(3)->lost_at != 0);
  CHECK(w.record(2)->lost_at != 0);
}

TEST_CASE("a backup that is finished while the newest is read pushes none out",
          "[kinds]") {
  rotation_world w;
  auto job = w.must_ask(rotate_backups, w.body(2));
  job = w.go_on(rotate_backups, job, "choose");
  w.put_backup(5, 1'700'000'000'000 + 5 * day);
  job = w.go_on(rotate_backups, job);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.left() == std::vector{3, 4, 5});
}

TEST_CASE("a server without backups has nothing to rotate", "[kinds]") {
  rotation_world w{0};
  CHECK(w.run_to_end(rotate_backups, w.body(1)).state == job_state::succeeded);
}

TEST_CASE("a pinned backup is never rotated away", "[kinds]") {
  rotation_world w;
  SECTION("pinned before") {
    w.store->backups.at(w.backup(1)).record.pinned = true;
  }
  SECTION("pinned between the choice and its commit") {
    w.before_step = [&](const std::string& name) {
      if (name == "remove")
        CHECK(w.record(1)->state == backup_state::ready);
    };
    auto job = w.must_ask(rotate_backups, w.body(1));
    job = w.go_on(rotate_backups, job, "choose");
    job = w.must_commit(job, happened::step_started{w.running_boot, {}});
    const auto chosen = done(w.run(rotate_backups, job, "choose"));
    REQUIRE(w.store->amend({pin_backup{w.backup(1)}}, w.now));
    job = w.must_commit(job,
                        happened::step_done{chosen.output, chosen.job_result},
                        chosen.changes);
    w.go_on(rotate_backups, job);
  }
  if (w.order.empty() || w.order.back() != "remove")
    w.run_to_end(rotate_backups, w.body(1));
  CHECK(w.left() == std::vector{1, 4});
}

TEST_CASE("a rotation waits for who reads what it has chosen", "[kinds]") {
  rotation_world w;
  const auto reading =
      w.must_ask(verify_backup, json{{"backup", w.backup(1).view()}}.dump());
  auto job = w.must_ask(rotate_backups, w.body(1));
  job = w.go_on(rotate_backups, job, "choose");
  job = w.must_commit(job, happened::step_started{w.running_boot, {}});
  const auto chosen = done(w.run(rotate_backups, job, "choose"));
  const auto refused =
      w.commit(job, happened::step_done{chosen.output, {}}, chosen.changes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_in_use);
  CHECK(classify(refused.error().code) == error_class::busy);
  CHECK(w.left().size() == 4);
  w.go_on(verify_backup, reading);
}

TEST_CASE("a policy of a rotation is checked, and pointed at", "[kinds]") {
  rotation_world w;
  const auto fault_of = [&](const std::string& body) {
    const auto draft = w.read(rotate_backups, body);
    REQUIRE_FALSE(draft);
    return draft.error();
  };
  const auto wrong = fault_of(R"({"policy":{"keep_last":-1}})");
  CHECK(wrong.code == fault_code::validation);
  REQUIRE(wrong.fields.size() == 1);
  CHECK(wrong.fields[0].pointer == "/policy/keep_last");
  CHECK(fault_of(R"({"policy":[]})").code == fault_code::validation);
  CHECK(fault_of(R"({"policy":null})").fields.at(0).pointer == "/policy");
  const auto first = w.read(rotate_backups, w.body(2));
  CHECK(w.read(rotate_backups, first->input)->input == first->input);
}

// -- a server goes ------------------------------------------------------------

TEST_CASE("a deleted server's backups are kept unless they are to go",
          "[kinds]") {
  rotation_world w{2};
  w.twice = GENERATE(false, true);
  w.store->backups.at(w.backup(1)).record.pinned = true;
  SECTION("kept") {
    const std::string body = GENERATE("", R"({"backups":"keep"})");
    CHECK(w.run_to_end(delete_server, body).state == job_state::succeeded);
    CHECK(w.left() == std::vector{1, 2});
    CHECK_FALSE(w.record(1)->server_lives);
  }
  SECTION("gone") {
    CHECK(w.run_to_end(delete_server, R"({"backups":"delete"})").state
          == job_state::succeeded);
    CHECK(w.left().empty());
    CHECK(w.backups.published.empty());
    // It is told how many, so that a slow store is no step without a sign.
    CHECK(std::ranges::any_of(w.reports, [](const progress& p) {
      return p.unit == "backups" && p.done == 2 && p.total == 2;
    }));
  }
}

TEST_CASE("backups that go with their server are marked before its uuid is "
          "free, and a new one of the uuid keeps its own",
          "[kinds]") {
  rotation_world w{1};
  auto job = w.go_on(delete_server,
                     w.must_ask(delete_server, R"({"backups":"delete"})"),
                     "remove_backups");
  CHECK(w.record(1)->state == backup_state::deleting);
  CHECK_FALSE(w.record(1)->server_lives);
  // The uuid lives again, with a backup.
  w.server.row = 13;
  w.put_server(w.server);
  w.put_backup(2);
  CHECK(w.go_on(delete_server, job).state == job_state::succeeded);
  CHECK(w.left() == std::vector{2});
}

TEST_CASE(
    "a backup that another job deletes is left to it by the delete of its "
    "server",
    "[kinds]") {
  rotation_world w{2};
  const auto leaving =
      w.must_ask(delete_backup, json{{"backup", w.backup(1).view()}}.dump());
  CHECK(w.run_to_end(delete_server, R"({"backups":"delete"})").state
        == job_state::succeeded);
  CHECK(w.left() == std::vector{1});
  CHECK(w.record(1)->owner_job == leaving.id);
  CHECK(w.go_on(delete_backup, leaving).state == job_state::succeeded);
  CHECK(w.left().empty());
}

TEST_CASE("backups that were to go with their server stay when its delete is "
          "given up before they are removed",
          "[kinds]") {
  rotation_world w{2};
  const std::string step =
      GENERATE(as<std::string>{}, "forget_server", "remove_backups");
  auto job =
      w.go_on(delete_server,
              w.must_ask(delete_server, R"({"backups":"delete"})"), step);
  REQUIRE(w.record(1)->state == backup_state::deleting);
  job = w.must_commit(job, happened::unrunnable{broken_disk()});
  w.must_commit(job, happened::abandoned{"the backups are needed"});
  for (const int backup : {1, 2}) {
    CHECK(w.record(backup)->state == backup_state::ready);
    CHECK(w.record(backup)->owner_job.empty());
  }
}

TEST_CASE("deleting a server says what it does with backups, or is refused",
          "[kinds]") {
  rotation_world w{0};
  const auto draft = w.read(delete_server, R"({"backups":"burn"})");
  REQUIRE_FALSE(draft);
  CHECK(draft.error().fields.at(0).pointer == "/backups");
}
