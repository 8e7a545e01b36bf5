#include "tests/jobs/kinds/backup_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

namespace {

std::string create_body(int number) {
  return json{{"adapter", "wings"},
              {"uuid", backup_world::backup(number).view()},
              {"ignore", "*.log"}}
      .dump();
}

std::string heard(const backup_world& w, const char* event) {
  return "announce " + w.id.to_string() + " " + event;
}

} // namespace

TEST_CASE("a backup is created, published, on record and announced",
          "[kinds]") {
  backup_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(create_backup, create_body(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.backups.is_published(w.backup(1)));
  CHECK(w.backups.unfinished.empty());
  CHECK(w.backups.reserved.empty());
  const auto record = w.record(1);
  REQUIRE(record);
  CHECK(record->state == backup_state::ready);
  CHECK(record->facts.sha1 == w.backups.published.at(w.backup(1)).facts.sha1);
  const auto result = json::parse(job.result);
  CHECK(result.at("uuid") == w.backup(1).view());
  CHECK(result.at("sha1") == record->facts.sha1);
  CHECK(result.at("size") == record->facts.size);
}

TEST_CASE("clients hear of a backup under both names, once it is on record",
          "[kinds]") {
  backup_world w;
  auto job = w.go_on(create_backup, w.must_ask(create_backup, create_body(1)),
                     "announce");
  CHECK(w.clients.calls().empty());
  CHECK(w.record(1)->state == backup_state::ready);
  w.go_on(create_backup, job);
  const auto calls = w.clients.calls();
  REQUIRE(calls.size() == 2);
  CHECK_THAT(calls[0], Contains(heard(w, "backup completed {")));
  CHECK_THAT(calls[1], Contains(heard(w, "backup completed:")
                                + w.backup(1).to_string() + " {"));
  const auto said = json::parse(calls[0].substr(calls[0].find('{')));
  CHECK(said.at("is_successful") == true);
  CHECK(said.at("checksum_type") == "sha1");
  CHECK(said.at("checksum") == w.record(1)->facts.sha1);
  CHECK(said.at("file_size") == w.record(1)->facts.size);
}

TEST_CASE("a backup counts its files beside its bytes, of those it has found",
          "[kinds]") {
  backup_world w;
  w.run_to_end(create_backup, create_body(1));
  REQUIRE_FALSE(w.reports.empty());
  const auto& last = w.reports.back();
  CHECK(last.unit == "bytes");
  CHECK(last.done == 11); // "motd=hi" and "aaaa"
  REQUIRE(last.files);
  CHECK(last.files->done == 2);
  CHECK(last.files->total == 2);
}

TEST_CASE("create_backup takes its steps in the promised order", "[kinds]") {
  backup_world w;
  w.run_to_end(create_backup, create_body(1));
  CHECK(w.order
        == std::vector<std::string>{"begin", "preflight", "archive", "publish",
                                    "ready", "announce"});
  CHECK(w.backups.calls()
        == std::vector<std::string>{"inspect " + w.backup(1).to_string(),
                                    "measure " + w.backup(1).to_string(),
                                    w.backups.calls()[2], w.backups.calls()[3],
                                    w.backups.calls()[4], w.backups.calls()[5],
                                    w.backups.calls()[6]});
  CHECK(lines(w.backups.calls(), "reserve") == 2);
  CHECK(lines(w.backups.calls(), "write") == 1);
}

TEST_CASE("a backup that fails leaves nothing behind, whatever step it was",
          "[kinds]") {
  backup_world w;
  w.twice = GENERATE(false, true);
  const std::string method =
      GENERATE("inspect", "measure", "reserve", "write", "publish");
  w.backups.fail_next(method,
                      {.code = fault_code::docker_refused, .what = "no"});
  const auto job = w.run_to_end(create_backup, create_body(1));
  // With every step done twice the second try does the work of the first.
  if (w.twice) {
    CHECK(job.is_done());
    return;
  }
  INFO(method);
  CHECK(job.state == job_state::failed);
  CHECK(job.error->what == "no");
  CHECK_FALSE(w.record(1));
  CHECK(w.backups.unfinished.empty());
  CHECK(w.backups.published.empty());
  CHECK(w.backups.reserved.empty());
}

TEST_CASE("clients hear that a backup failed once its row is gone", "[kinds]") {
  backup_world w;
  w.backups.fail_next("write", broken_disk(), 3);
  bool row_was_there = true;
  w.clients.before_call = [&] { row_was_there = w.record(1).has_value(); };
  const auto job = w.run_to_end(create_backup, create_body(1));
  CHECK(job.state == job_state::failed);
  const auto calls = w.clients.calls();
  REQUIRE(calls.size() == 2);
  CHECK_THAT(calls[0], Contains("\"is_successful\":false"));
  CHECK_THAT(calls[0], Contains("\"checksum_type\":\"sha1\""));
  CHECK_THAT(calls[1], Contains("backup completed:" + w.backup(1).to_string()));
  CHECK_FALSE(row_was_there);
}

TEST_CASE("a failed write is tried again, but not for ever", "[kinds]") {
  backup_world w;
  w.backups.fail_next("write", broken_disk(), 2);
  CHECK(w.run_to_end(create_backup, create_body(1)).state
        == job_state::succeeded);
  CHECK(w.backups.count("write") == 3);
}

TEST_CASE("a backup that does not fit is refused with the numbers and does "
          "not wait",
          "[kinds]") {
  backup_world w;
  w.backups.disk_free = 1'000;
  const auto job = w.run_to_end(create_backup, create_body(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK_THAT(job.error->what, Contains("1000 are free"));
  CHECK(w.backups.count("write") == 0);
  CHECK_FALSE(w.record(1));
}

TEST_CASE("a disk that fills up while a backup is written fails it at once",
          "[kinds]") {
  backup_world w;
  w.backups.fail_next(
      "write", {.code = fault_code::insufficient_storage, .what = "ENOSPC"});
  const auto job = w.run_to_end(create_backup, create_body(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK(w.backups.count("write") == 1);
}

TEST_CASE("room is kept from the preflight to the end, and after a restart",
          "[kinds]") {
  backup_world w;
  auto job = w.go_on(create_backup, w.must_ask(create_backup, create_body(1)),
                     "archive");
  CHECK(w.backups.reserved.contains(job.id));
  w.backups.reserved.clear(); // held in memory only
  job = w.go_on(create_backup, job, "publish");
  CHECK(w.backups.reserved.contains(job.id));
  w.go_on(create_backup, job);
  CHECK(w.backups.reserved.empty());
}

TEST_CASE("the room needed is guessed from how the last backup shrank",
          "[kinds]") {
  backup_world w;
  w.backups.volume = {{"a", std::string(1'000'000, 'x')}};
  const auto needs_of = [&](int number) {
    const auto job =
        w.go_on(create_backup, w.must_ask(create_backup, create_body(number)),
                "archive");
    const auto needs = json::parse(job.find_step("preflight")->output)
                           .at("needs")
                           .get<std::int64_t>();
    w.cancel(create_backup, job);
    return needs;
  };
  const auto unknown = needs_of(1);
  CHECK(unknown > 1'000'000);
  w.put_backup(2);
  auto& facts = w.store->backups.at(w.backup(2)).record.facts;
  facts.size = 100;
  facts.content_bytes = 1'000;
  const auto guessed = needs_of(3);
  CHECK(unknown - guessed == 1'000'000 - 125'000);
  w.backups.aside = 77'000; // a database that is copied first
  CHECK(needs_of(4) - guessed == 77'000);
}

TEST_CASE("cancelling leaves neither a file nor a row, and says so",
          "[kinds]") {
  const std::string at = GENERATE("preflight", "archive", "publish");
  backup_world w;
  w.twice = true;
  auto job =
      w.go_on(create_backup, w.must_ask(create_backup, create_body(1)), at);
  job = w.cancel(create_backup, job);
  INFO(at);
  CHECK(job.state == job_state::cancelled);
  CHECK_FALSE(w.record(1));
  CHECK(w.backups.unfinished.empty());
  CHECK(w.backups.reserved.empty());
  CHECK(lines(w.clients.calls(), heard(w, "backup completed {")) >= 1);
}

TEST_CASE("a publish that was half done and cannot be finished is taken back",
          "[kinds]") {
  backup_world w;
  // The names are there, but making them durable fails for good.
  w.before_step = [&](const std::string& name) {
    if (name != "publish")
      return;
    for (auto& [key, part] : w.backups.unfinished)
      w.backups.published.emplace(key.first, std::move(part));
    w.backups.unfinished.clear();
    w.backups.fail_next("publish", broken_disk());
  };
  const auto job = w.run_to_end(create_backup, create_body(1));
  CHECK(job.state == job_state::failed);
  CHECK_FALSE(w.record(1));
  CHECK(w.backups.published.empty());
}

TEST_CASE("another program's archive of the same name is never touched",
          "[kinds]") {
  backup_world w;
  SECTION("it was there before") {
    w.backups.put(w.backup(1), {}, {{"theirs", "x"}});
    const auto job = w.run_to_end(create_backup, create_body(1));
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_exists);
    CHECK(w.backups.count("write") == 0);
  }
  SECTION("it came while ours was written") {
    const bool indexed = GENERATE(false, true);
    w.before_step = [&, indexed](const std::string& name) {
      if (name == "publish")
        w.backups.put(w.backup(1), indexed ? w.id : server_id{},
                      {{"theirs", "x"}});
    };
    const auto job = w.run_to_end(create_backup, create_body(1));
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_exists);
  }
  CHECK(w.backups.is_published(w.backup(1)));
  CHECK(w.backups.published.at(w.backup(1)).files.contains("theirs"));
  CHECK(w.backups.unfinished.empty());
  CHECK_FALSE(w.record(1));
}

TEST_CASE("one backup has one job, and another server cannot join it",
          "[kinds]") {
  backup_world w;
  const auto first = w.must_ask(create_backup, create_body(1));
  CHECK(w.must_ask(create_backup, create_body(1)).id == first.id);
  w.server = {.row = 13,
              .uuid = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-"
                                        "0a4f5c1f2b12")};
  w.put_server(w.server);
  const auto foreign =
      create_backup.read({.kind = create_backup.name,
                          .server = w.server.uuid,
                          .target = std::make_shared<server_record>(w.server),
                          .body = create_body(1)});
  REQUIRE(foreign);
  CHECK(foreign->dedup_key != first.dedup_key);
}

TEST_CASE("a uuid that is taken is refused", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  const auto refused = w.ask(create_backup, create_body(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_exists);
}

TEST_CASE("the input of a failed backup is a body that makes the same job",
          "[kinds]") {
  backup_world w;
  const auto first = w.read(create_backup, create_body(1));
  REQUIRE(first);
  const auto again = w.read(create_backup, first->input);
  REQUIRE(again);
  CHECK(again->input == first->input);
  CHECK(again->dedup_key == first->dedup_key);
}

TEST_CASE("the egg's denied files are left out when that is asked for",
          "[kinds]") {
  backup_world w;
  w.server.config = R"({"settings":{"egg":{"file_denylist":["*.jar",7]}}})";
  auto body = json::parse(create_body(1));
  CHECK(json::parse(w.read(create_backup, body.dump())->input)
            .at("denied")
            .empty());
  body["exclude_denied_files"] = true;
  CHECK(json::parse(w.read(create_backup, body.dump())->input).at("denied")
        == json{"*.jar"});
}

TEST_CASE("the Panel is told of a backup in the commit that makes it ready",
          "[kinds]") {
  backup_world w;
  w.store->tells_panel = true;
  w.twice = GENERATE(false, true);
  auto job = w.go_on(create_backup, w.must_ask(create_backup, create_body(1)),
                     "ready");
  CHECK(w.store->reports.empty());
  w.go_on(create_backup, job, "announce");
  REQUIRE(w.store->reports.size() == 1);
  const auto& r = w.store->reports.begin()->second;
  const auto uuid = w.backup(1).to_string();
  CHECK(r.subject == "backup:" + uuid);
  CHECK(r.method == "POST");
  CHECK(r.path == "/backups/" + uuid);
  // wings-protocol 3.8
  CHECK(json::parse(r.body)
        == json{{"checksum", w.record(1)->facts.sha1},
                {"checksum_type", "sha1"},
                {"size", w.record(1)->facts.size},
                {"successful", true},
                {"parts", nullptr}});
  CHECK(w.record(1)->report == report_state::waiting);
}

TEST_CASE("the Panel is told once that a backup has failed, or was cancelled",
          "[kinds]") {
  backup_world w;
  w.store->tells_panel = true;
  SECTION("failed") {
    w.backups.fail_next("write", broken_disk(), 3);
    REQUIRE(w.run_to_end(create_backup, create_body(1)).state
            == job_state::failed);
  }
  SECTION("cancelled before it began") {
    const auto job = w.must_ask(create_backup, create_body(1));
    REQUIRE(w.cancel(create_backup, job).state == job_state::cancelled);
  }
  SECTION("cancelled half-way") {
    const auto job = w.go_on(
        create_backup, w.must_ask(create_backup, create_body(1)), "publish");
    CHECK(w.store->reports.empty());
    REQUIRE(w.cancel(create_backup, job).state == job_state::cancelled);
  }
  REQUIRE(w.store->reports.size() == 1);
  CHECK(json::parse(w.store->reports.begin()->second.body)
        == json{{"checksum", ""},
                {"checksum_type", ""},
                {"size", 0},
                {"successful", false},
                {"parts", nullptr}});
}

TEST_CASE("a backup that is ready is never told to have failed", "[kinds]") {
  backup_world w;
  auto job = w.go_on(create_backup, w.must_ask(create_backup, create_body(1)),
                     "announce");
  job.state = job_state::failed; // given up by an operator
  CHECK(changes_at_end(create_backup, job).empty());
}

TEST_CASE("a job whose input cannot be read ends without a word", "[kinds]") {
  backup_world w;
  auto job = w.must_ask(create_backup, create_body(1));
  job.state = job_state::failed;
  CHECK(changes_at_end(create_backup, job).size() == 1);
  job.input = "{}";
  CHECK(changes_at_end(create_backup, job).empty());
}
