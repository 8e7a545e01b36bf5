// What lies in a store of ours comes back on record.
#include "tests/jobs/kinds/far_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

namespace {

const std::string offsite = R"({"store":"offsite"})";

struct scan_world : far_world {
  /// A copy in the store, of which nothing is on record any more, here neither.
  void put_forgotten(int number) {
    put_copy(number);
    forget(number);
  }
  void forget(int number) {
    store->backups.erase(backup(number));
    backups.published.erase(backup(number));
  }
  json scan() {
    const auto job = run_to_end(scan_store, offsite, false);
    REQUIRE(job.state == job_state::succeeded);
    return json::parse(job.result);
  }
  std::string manifest(int number) const { return key(number) + ".manifest"; }
  void put_object(const std::string& at, std::string bytes) {
    far.offsite.objects[at] = {std::move(bytes), "e"};
  }
  std::map<std::string, std::string> in_store() const {
    std::map<std::string, std::string> out;
    for (const auto& [at, object] : far.offsite.objects)
      out[at] = object.bytes;
    return out;
  }
};

} // namespace

TEST_CASE("a scan puts on record what a lost ledger knew", "[kinds][far]") {
  scan_world w;
  w.twice = GENERATE(false, true);
  w.put_copy(1);
  const auto facts = w.record(1)->facts;
  w.forget(1);
  w.put_forgotten(2);
  const auto before = w.in_store();
  const auto said = w.scan();
  CHECK(said.at("store") == "offsite");
  CHECK(said.at("objects") == 4);
  CHECK(said.at("found") == 2);
  CHECK(said.at("odd") == 0);
  const auto found = w.record(1);
  REQUIRE(found);
  CHECK(found->state == backup_state::ready);
  CHECK(found->server == w.id);
  CHECK_FALSE(found->is_local);
  CHECK(found->verified_at == 0);
  CHECK(found->created_at == w.backups.now); // as its manifest says
  CHECK(found->facts.size == facts.size);
  CHECK(found->facts.sha256 == facts.sha256);
  REQUIRE(found->find_place("offsite"));
  CHECK(found->find_place("offsite")->key == w.key(1));
  CHECK(found->find_place("offsite")->etag
        == w.far.offsite.objects.at(w.key(1)).etag);
  CHECK(w.in_store() == before);
  // And everything there is works with it.
  CHECK(w.run_to_end(copy_backup, w.copy_to(1, "local")).state
        == job_state::succeeded);
  CHECK(w.archive_of(1) == before.at(w.key(1)));
  CHECK(w.record(1)->has_manifest);
}

TEST_CASE("a scan asks nothing about copies that are on record",
          "[kinds][far]") {
  scan_world w;
  w.put_copy(1);
  w.put_copy(2, 1, true);
  w.far.offsite.journal.clear();
  const auto said = w.scan();
  CHECK(said.at("found") == 0);
  CHECK(said.at("copies") == 0);
  CHECK(w.far.offsite.journal == std::vector<std::string>{"list "});
}

TEST_CASE("a scan finds the copy of a backup that is on record",
          "[kinds][far]") {
  scan_world w;
  w.put_copy(1);
  w.store->backups.at(w.backup(1)).record.places.clear();
  SECTION("which is the same") {
    CHECK(w.scan().at("copies") == 1);
    CHECK(w.record(1)->find_place("offsite"));
    CHECK(w.record(1)->is_local);
  }
  SECTION("which is another archive") {
    w.store->backups.at(w.backup(1)).record.facts.sha256 = std::string(64, '0');
    const auto said = w.scan();
    CHECK(said.at("copies") == 0);
    CHECK(said.at("odd") == 1);
    CHECK(said.at("named").at(0).at("key") == w.key(1));
    CHECK(w.record(1)->places.empty());
  }
  SECTION("of which nothing tells whether it is the same") {
    w.far.offsite.objects.erase(w.manifest(1));
    CHECK(w.scan().at("odd") == 1);
    CHECK(w.record(1)->places.empty());
  }
}

TEST_CASE("a scan brings back nothing that was deleted here", "[kinds][far]") {
  scan_world w;
  w.put_copy(1);
  SECTION("and is to be removed when the store answers") {
    w.is_away(w.far.offsite);
    REQUIRE(w.run_to_end(delete_backup, w.about(1)).state
            == job_state::succeeded);
    w.is_away(w.far.offsite, false);
    REQUIRE(w.store->remains.size() == 1);
    CHECK(w.scan().at("left_alone") == 1);
    CHECK_FALSE(w.record(1));
  }
  SECTION("and is on its way out") {
    w.must_ask(delete_backup, w.about(1));
    w.store->backups.at(w.backup(1)).record.places.clear();
    CHECK(w.scan().at("left_alone") == 1);
    CHECK(w.record(1)->places.empty());
  }
  SECTION("as a copy alone") {
    w.is_away(w.far.offsite);
    REQUIRE(w.run_to_end(drop_copy, w.dropped_from(1, "offsite")).state
            == job_state::succeeded);
    w.is_away(w.far.offsite, false);
    CHECK(w.scan().at("left_alone") == 1);
    CHECK(w.record(1)->places.empty());
  }
  SECTION("between the list and the look at it") {
    w.forget(1);
    w.far.offsite.before = [&,
                            is_first = true](const std::string& call) mutable {
      if (!call.starts_with("list ") && std::exchange(is_first, false))
        w.far.offsite.objects.clear();
      return status{};
    };
    CHECK(w.scan().at("found") == 0);
    CHECK_FALSE(w.record(1));
  }
}

TEST_CASE("a scan records no upload of ours that is under way",
          "[kinds][far]") {
  scan_world w;
  w.put_backup(1, 1);
  // Sent, and not on record yet.
  const auto job = w.go_on(
      copy_backup, w.must_ask(copy_backup, w.copy_to(1, "offsite")), "settle");
  REQUIRE(w.far.offsite.objects.contains(w.key(1)));
  w.scan();
  CHECK(w.record(1)->places.empty());
  w.cancel(copy_backup, job);
  CHECK(w.far.offsite.objects.empty());
}

TEST_CASE("a scan names what is no backup of a server", "[kinds][far]") {
  scan_world w;
  w.put_forgotten(1);
  const std::string uuid = w.backup(7).to_string();
  const std::vector<std::string> strange{
      "holiday.jpg",
      "panel/" + uuid + ".tar.gz",
      w.id.to_string() + "/" + uuid + ".tar.gz.part",
      w.id.to_string() + "/" + uuid + "/x.tar.gz",
      w.id.to_string() + "/readme.tar.gz",
      "x/" + w.key(7)};
  for (const auto& key : strange)
    w.put_object(key, "?");
  const auto before = w.in_store();
  const auto said = w.scan();
  CHECK(said.at("found") == 1);
  CHECK(said.at("odd") == strange.size());
  for (const auto& one : said.at("named"))
    CHECK(std::ranges::count(strange, one.at("key").get<std::string>()) == 1);
  CHECK(w.in_store() == before);
}

TEST_CASE("a manifest that cannot be used counts as none, and is named",
          "[kinds][far]") {
  scan_world w;
  w.put_forgotten(1);
  SECTION("damaged") {
    w.put_object(w.manifest(1), "not what it was");
  }
  SECTION("of another archive") {
    w.put_forgotten(2);
    w.put_object(w.manifest(1), w.far.offsite.objects.at(w.manifest(2)).bytes);
    w.far.offsite.objects.erase(w.key(2));
  }
  SECTION("of an archive that was longer") {
    w.far.offsite.objects.at(w.key(1)).bytes += "more";
  }
  const auto said = w.scan();
  CHECK(said.at("odd") == 1);
  CHECK(said.at("named").at(0).at("key") == w.key(1));
  CHECK_THAT(said.at("named").at(0).at("why").get<std::string>(),
             Contains("manifest"));
  REQUIRE(w.record(1)); // its name is known, its checksums are not
  CHECK(w.record(1)->server == w.id);
  CHECK(w.record(1)->facts.sha256.empty());
}

TEST_CASE("an archive without a manifest is found by its name",
          "[kinds][far]") {
  scan_world w;
  w.put_forgotten(1);
  w.far.offsite.objects.erase(w.manifest(1));
  const auto unclaimed = "unclaimed/" + w.backup(2).to_string() + ".tar.gz";
  w.put_object(unclaimed, "of another program");
  const auto said = w.scan();
  CHECK(said.at("found") == 2);
  CHECK(said.at("odd") == 0);
  CHECK(w.record(1)->server == w.id);
  CHECK(w.record(1)->facts.sha256.empty());
  CHECK(w.record(2)->server.empty());
  CHECK(w.record(2)->facts.size == 18);
}

TEST_CASE("a long list is read in parts, and what is through counts",
          "[kinds][far]") {
  scan_world w;
  constexpr int archives = 600; // more than a page, without manifests
  for (int i = 1; i <= archives; ++i)
    w.put_object(w.key(i), "archive " + std::to_string(i));
  auto job = w.must_ask(scan_store, offsite, false);
  // Asked to stop in the second part.
  int runs = 0;
  w.before_step = [&](const std::string&) {
    if (++runs == 2)
      w.far.offsite.before = [&](const std::string& call) {
        return call == "head " + w.key(550) && runs == 2
                   ? status{far_world::stopped()}
                   : status{};
      };
  };
  job = w.go_on(scan_store, job);
  REQUIRE(job.state == job_state::succeeded);
  const auto said = json::parse(job.result);
  CHECK(said.at("objects") == archives);
  CHECK(said.at("found") == archives);
  CHECK(w.store->backups.size() == archives);
  // What was through when it ended was not looked at again.
  CHECK(w.far.offsite.count("head " + w.key(1)) == 1);
  CHECK(w.far.offsite.count("head " + w.key(549)) == 1);
  CHECK(w.reports.back().done == archives);
  CHECK(w.reports.back().unit == "objects");
}

TEST_CASE("a run that a crash has cut is repeated from its last part",
          "[kinds][far]") {
  scan_world w;
  for (int i = 1; i <= 600; ++i)
    w.put_object(w.key(i), "archive");
  w.twice = true; // every part, before it is committed
  CHECK(w.scan().at("found") == 600);
  CHECK(w.far.offsite.count("head " + w.key(1)) == 2);
  CHECK(w.far.offsite.count("list ") == 4);
}

TEST_CASE("a scan that is cancelled keeps what it has found", "[kinds][far]") {
  scan_world w;
  for (int i = 1; i <= 600; ++i)
    w.put_object(w.key(i), "archive");
  auto job = w.must_commit(w.must_ask(scan_store, offsite, false),
                           happened::step_started{w.running_boot, {}});
  const auto outcome = w.run(scan_store, job, "look");
  REQUIRE(std::holds_alternative<step_goes_on>(outcome));
  const auto& on = std::get<step_goes_on>(outcome);
  job = w.must_commit(job, happened::step_went_on{on.output}, on.changes);
  job = w.cancel(scan_store, job);
  CHECK(job.state == job_state::cancelled);
  CHECK(w.store->backups.size() == 500);
}

TEST_CASE("a store that is away is waited for", "[kinds][far]") {
  scan_world w;
  w.put_forgotten(1);
  w.is_away(w.far.offsite);
  int looks = 0;
  w.before_step = [&](const std::string&) {
    if (++looks == 2)
      w.is_away(w.far.offsite, false);
  };
  CHECK(w.scan().at("found") == 1);
  CHECK(looks == 2);
}

TEST_CASE("a store that lists the same keys again is not followed",
          "[kinds][far]") {
  scan_world w;
  w.put_forgotten(1);
  auto job = w.must_ask(scan_store, offsite, false);
  job.steps[0].output =
      json{{"after", "~"},          {"objects", 1},    {"found", 0},
           {"copies", 0},           {"left_alone", 0}, {"odd", 0},
           {"named", json::array()}}
          .dump();
  // As one that does not know `start-after`.
  w.far.offsite.ignores_after = true;
  const auto outcome = w.run(scan_store, job, "look");
  CHECK(failed(outcome).code == fault_code::store_refused);
}

TEST_CASE("a scan is asked for with the name of a store", "[kinds][far]") {
  scan_world w;
  for (const char* body : {"{}", R"({"store":"local"})", R"({"store":7})"})
    CHECK_FALSE(w.ask(scan_store, body, false));
  const auto job = w.run_to_end(scan_store, R"({"store":"other"})", false);
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::store_not_found);
}
