// Backups on their way to the Panel's store.
#include "tests/jobs/kinds/far_world.hpp"

#include <mutex>

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

TEST_CASE("a backup for the Panel's store is sent in parts and reported with "
          "them in order",
          "[kinds][far]") {
  far_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::succeeded);
  const auto record = w.record(1);
  REQUIRE(record);
  REQUIRE(record->find_place(panel_place));
  CHECK(record->is_local);
  CHECK(record->is_scratch);
  const auto report = w.last_report();
  CHECK(report.at("successful") == true);
  CHECK(report.at("size") == record->facts.size);
  REQUIRE(report.at("parts").size()
          == static_cast<std::size_t>((record->facts.size + 7) / 8));
  for (std::size_t i = 0; i < report.at("parts").size(); ++i)
    CHECK(report.at("parts")[i].at("part_number") == i + 1);
  CHECK(w.completed_by(report) == w.archive_of(1));
  CHECK(w.panel.count("plan") == 1);
  // The links go with the job.
  CHECK(w.store->transfers.empty());
}

TEST_CASE("upload links are on record before the first byte leaves",
          "[kinds][far]") {
  far_world w;
  std::mutex mutex;
  bool were_kept = true;
  w.far.bucket.before = [&](const std::string& call) -> status {
    const std::scoped_lock lock{mutex, w.store->mutex};
    if (call.starts_with("put_part"))
      were_kept = were_kept && w.store->transfers.size() == 1
                  && !w.store->transfers.begin()->second.links.empty();
    return {};
  };
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(were_kept);
}

TEST_CASE("an upload that was broken off goes on at the next part",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.parallel = 1;
  w.stop_first_run("upload", 4);
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.runs == 2);
  CHECK(w.panel.count("plan") == 1);
  CHECK(w.far.bucket.count("put_part " + w.id.to_string() + "/"
                           + w.backup(1).to_string() + " 3")
        == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("a part that was sent and not kept is sent again", "[kinds][far]") {
  far_world w;
  w.far.places.rules.parallel = 1;
  bool failed = false;
  w.far.journal.before_part = [&](const object_part& part) -> status {
    if (part.number != 2 || std::exchange(failed, true))
      return {};
    return fault{.code = fault_code::journal_unavailable, .what = "no disk"};
  };
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("a store that does not answer is waited for part by part",
          "[kinds][far]") {
  far_world w;
  std::mutex mutex;
  std::map<std::string, int> asked;
  w.far.bucket.before = [&](const std::string& call) -> status {
    const std::scoped_lock lock{mutex};
    return call.starts_with("put_part") && ++asked[call] < 3
               ? status{fake_object_store::away()}
               : status{};
  };
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.panel.count("plan") == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("while a store is away the job waits and says so, and uses no try",
          "[kinds][far]") {
  far_world w;
  int runs = 0;
  w.before_step = [&](const std::string& step) {
    if (step != "upload")
      return;
    ++runs;
    w.far.bucket.before = [&](const std::string& call) {
      return runs < 9 && call.starts_with("put_part")
                 ? status{fake_object_store::away()}
                 : status{};
    };
  };
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(runs == 9);
}

TEST_CASE("links that have expired are asked for anew and every part is sent "
          "to the new ones",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.parallel = 1;
  w.refuses_first_links_at(3,
                           link_answer{403, {}, "Request has expired", false});
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.panel.count("plan") == 2);
  // The Panel has forgotten the first one: only the bucket's rules end it.
  REQUIRE(w.far.bucket.uploads.erase("upload-1") == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("links are asked for anew before they expire", "[kinds][far]") {
  // 2023-11-14T22:13:20Z is when the worlds begin.
  far_world w{8, GENERATE("&X-Amz-Date=20231114T221320Z&X-Amz-Expires=60",
                          "&AWSAccessKeyId=a&Expires=1700000060&Signature=s")};
  auto job = w.go_on(create_backup, w.must_ask(create_backup, w.for_panel(1)),
                     "upload");
  bool is_first = true;
  w.far.bucket.before = [&](const std::string& call) {
    return call.ends_with(" 2") && std::exchange(is_first, false)
               ? status{w.stopped()}
               : status{};
  };
  w.before_step = [&](const std::string& step) {
    if (step == "upload" && !is_first)
      w.now += 40'000;
  };
  REQUIRE(w.go_on(create_backup, job).state == job_state::succeeded);
  CHECK(w.panel.count("plan") == 2);
}

TEST_CASE("links that never work end the backup and leave nothing",
          "[kinds][far]") {
  far_world w;
  w.far.links.answer = [](const std::string&) {
    return link_answer{403, {}, "AccessDenied", false};
  };
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::store_refused);
  CHECK(w.panel.count("plan") == 3);
  CHECK(w.backups.unfinished.empty());
  CHECK_FALSE(w.record(1));
  // The Panel aborts the upload when it hears of it.
  CHECK(w.last_report().at("successful") == false);
}

TEST_CASE("a part that the store has otherwise than it was sent is sent again",
          "[kinds][far]") {
  far_world w;
  w.answers_once(
      link_answer{200, "\"00000000000000000000000000000000\"", {}, true});
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("a full quota ends the backup with the store's words",
          "[kinds][far]") {
  far_world w;
  // Swift says 413; radosgw 403, as of links that have expired; MinIO 507.
  const int status = GENERATE(413, 403, 507);
  w.far.links.answer = [status](const std::string&) {
    return link_answer{status,
                       {},
                       "the object store answers QuotaExceeded",
                       false,
                       "QuotaExceeded"};
  };
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::store_refused);
  CHECK_THAT(job.error->what, Contains("QuotaExceeded"));
  CHECK(w.panel.count("plan") == 1);
}

TEST_CASE("a part that came too slowly for the store is sent again",
          "[kinds][far]") {
  far_world w;
  w.answers_once(
      link_answer{400, {}, "RequestTimeout", false, "RequestTimeout"});
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.panel.count("plan") == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("the local archive stays until the Panel has taken note",
          "[kinds][far]") {
  far_world w;
  w.run_to_end(create_backup, w.for_panel(1));
  CHECK(w.records.list_settled_scratch(10)->empty());
  w.take_report();
  REQUIRE(w.records.list_settled_scratch(10)->size() == 1);
  const auto body = w.dropped_from(1, "local");
  w.twice = GENERATE(false, true);
  REQUIRE(w.run_to_end(drop_copy, body).state == job_state::succeeded);
  CHECK_FALSE(w.backups.is_published(w.backup(1)));
  CHECK_FALSE(w.record(1)->is_local);
  CHECK(w.records.list_settled_scratch(10)->empty());
  // Nobody takes it for lost.
  REQUIRE(w.run_to_end(scan_backups, "", false).state == job_state::succeeded);
  CHECK(w.record(1)->lost_at == 0);
}

TEST_CASE("without a Panel there is no adapter s3", "[kinds][far]") {
  far_world w;
  w.panel.configured = false;
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::panel_refused);
  CHECK(w.backups.count("write") == 0);
}

TEST_CASE("a backup that is streamed leaves no file but its manifest",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  w.twice = GENERATE(false, true);
  const auto files = w.backups.volume;
  const auto job = w.run_to_end(create_backup, w.for_panel(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK_FALSE(w.backups.is_published(w.backup(1)));
  CHECK(w.backups.unfinished.empty());
  const auto record = w.record(1);
  CHECK_FALSE(record->is_local);
  REQUIRE(record->find_place(panel_place));
  CHECK(fake_archives::tree_in(w.completed_by(w.last_report())) == files);
}

TEST_CASE("what a store of ours gets a copy of is not streamed",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = w.far.places.rules.are_copied = true;
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.record(1)->is_local);
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "offsite")).state
          == job_state::succeeded);
  CHECK(w.far.offsite.objects.at(w.key(1)).bytes == w.archive_of(1));
}

TEST_CASE("parts that do not fit into memory go by way of the disk",
          "[kinds][far]") {
  far_world w{5'368'709'120};
  w.far.places.rules.stream = true;
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.record(1)->is_local);
  CHECK(w.panel.count("plan") == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("a stream that was broken off begins anew in the same upload",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  w.stop_first_run("archive", 5);
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.runs == 2);
  CHECK(w.panel.count("plan") == 1);
  CHECK(fake_archives::tree_in(w.completed_by(w.last_report()))
        == w.backups.volume);
}

TEST_CASE(
    "parts of a stream are not taken for those of the archive on the disk",
    "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  w.stop_first_run("archive", 5, [&] {
    // As after a restart with another configuration.
    w.far.places.rules.stream = w.runs == 1;
    if (w.runs == 2)
      w.backups.volume["server.properties"] = "motd=changed";
  });
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.runs == 2);
  CHECK(w.panel.count("plan") == 1);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}

TEST_CASE("a stream that outlasts its links goes by way of the disk",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  w.refuses_first_links_at(
      3, link_answer{403, {}, "Request has expired", false, "AccessDenied"});
  REQUIRE(w.run_to_end(create_backup, w.for_panel(1)).state
          == job_state::succeeded);
  CHECK(w.panel.count("plan") == 2);
  REQUIRE(w.far.bucket.uploads.erase("upload-1") == 1);
  CHECK(w.record(1)->is_scratch);
  CHECK(w.completed_by(w.last_report()) == w.archive_of(1));
}
