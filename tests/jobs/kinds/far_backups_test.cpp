// Backups on their way to stores of ours.
#include "tests/jobs/kinds/far_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

/// Four parts of S3's least, the last one short.
const std::string large(std::size_t{16} << 20, 'x');

} // namespace

TEST_CASE("a backup for a store of ours is there with its manifest, and no "
          "upload is open",
          "[kinds][far]") {
  far_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(create_backup, w.for_store(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.far.offsite.objects.at(w.key(1)).bytes == w.archive_of(1));
  CHECK(w.far.offsite.objects.contains(w.key(1) + ".manifest"));
  CHECK(w.far.offsite.uploads.empty());
  const auto record = w.record(1);
  REQUIRE(record->find_place("offsite"));
  CHECK(record->find_place("offsite")->etag
        == w.far.offsite.objects.at(w.key(1)).etag);
  // The object is there: nobody's answer is waited for.
  CHECK(w.records.list_settled_scratch(10)->size() == 1);
}

TEST_CASE("a backup may stay on the disk besides", "[kinds][far]") {
  far_world w;
  w.run_to_end(create_backup, w.for_store(1, true));
  CHECK(w.record(1)->is_local);
  CHECK_FALSE(w.record(1)->is_scratch);
  CHECK(w.records.list_settled_scratch(10)->empty());
}

TEST_CASE("an upload to a store of ours that was broken off goes on at the "
          "next part",
          "[kinds][far]") {
  far_world w;
  w.backups.volume["world/region"] = large;
  w.far.places.rules.parallel = 1;
  w.stop_first_run(w.far.offsite, "upload", 4);
  REQUIRE(w.run_to_end(create_backup, w.for_store(1)).state
          == job_state::succeeded);
  CHECK(w.runs == 2);
  CHECK(w.far.offsite.count("begin_upload") == 1);
  for (int part = 1; part <= 3; ++part) {
    CAPTURE(part);
    CHECK(w.times_sent(1, part) == 1);
  }
  CHECK(w.times_sent(1, 4) == 2);
  CHECK(w.far.offsite.objects.at(w.key(1)).bytes == w.archive_of(1));
  CHECK(w.far.offsite.uploads.empty());
}

TEST_CASE("a part on record that the store of ours does not have, or has "
          "otherwise, is sent again",
          "[kinds][far]") {
  far_world w;
  w.backups.volume["world/region"] = large;
  w.far.places.rules.parallel = 1;
  const bool is_gone = GENERATE(true, false);
  CAPTURE(is_gone);
  w.stop_first_run(w.far.offsite, "upload", 4, [&] {
    if (w.runs != 2)
      return;
    REQUIRE(w.far.offsite.uploads.size() == 1);
    auto& parts = w.far.offsite.uploads.begin()->second.parts;
    REQUIRE(parts.size() == 3);
    if (is_gone)
      parts.erase(2);
    else
      parts.at(2) = {std::string(parts.at(2).bytes.size(), 'x'), "another"};
  });
  REQUIRE(w.run_to_end(create_backup, w.for_store(1)).state
          == job_state::succeeded);
  CHECK(w.runs == 2);
  CHECK(w.far.offsite.count("begin_upload") == 1);
  CHECK(w.times_sent(1, 1) == 1);
  CHECK(w.times_sent(1, 2) == 2);
  CHECK(w.times_sent(1, 3) == 1);
  CHECK(w.far.offsite.objects.at(w.key(1)).bytes == w.archive_of(1));
}

TEST_CASE("an upload whose id was lost with a crash is aborted and begun anew",
          "[kinds][far]") {
  far_world w;
  w.loses_answer(w.far.offsite, "begin_upload");
  REQUIRE(w.run_to_end(create_backup, w.for_store(1)).state
          == job_state::succeeded);
  CHECK(w.far.offsite.count("begin_upload") == 2);
  CHECK(w.far.offsite.uploads.empty());
}

TEST_CASE("an object whose completion was not heard of is found",
          "[kinds][far]") {
  far_world w;
  w.loses_answer(w.far.offsite, "finish_upload");
  REQUIRE(w.run_to_end(create_backup, w.for_store(1)).state
          == job_state::succeeded);
  CHECK(w.far.offsite.count("begin_upload") == 1);
  CHECK(w.far.offsite.objects.contains(w.key(1)));
}

TEST_CASE("a cancel takes everything back from the store", "[kinds][far]") {
  far_world w;
  w.twice = GENERATE(false, true);
  auto job = w.go_on(create_backup, w.must_ask(create_backup, w.for_store(1)),
                     "publish");
  CHECK(w.far.offsite.objects.size() == 2);
  job = w.cancel(create_backup, job);
  CHECK(job.state == job_state::cancelled);
  CHECK(w.far.offsite.objects.empty());
  CHECK(w.far.offsite.uploads.empty());
  CHECK(w.store->remains.empty());
  CHECK_FALSE(w.record(1));
}

TEST_CASE("what cannot be taken back now is on record, and removed later",
          "[kinds][far]") {
  far_world w;
  auto job = w.go_on(create_backup, w.must_ask(create_backup, w.for_store(1)),
                     "publish");
  w.is_away(w.far.offsite);
  job = w.cancel(create_backup, job);
  REQUIRE(job.state == job_state::cancelled);
  REQUIRE_FALSE(w.store->remains.empty());
  w.is_away(w.far.offsite, false);
  for (const auto& [row, left] : std::map{w.store->remains}) {
    const auto cleaned = w.run_to_end(
        clean_store, json{{"row", row}, {"backup", w.backup(1).view()}}.dump(),
        false);
    CHECK(cleaned.state == job_state::succeeded);
  }
  CHECK(w.store->remains.empty());
  CHECK(w.far.offsite.objects.empty());
  CHECK(w.far.offsite.uploads.empty());
}

TEST_CASE("a store that is away keeps nobody off a backup", "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  REQUIRE(w.store->amend({leave_remains{"offsite", w.key(1), ""}}, w.now));
  const auto body = json{{"row", w.store->remains.begin()->first},
                         {"backup", w.backup(1).view()}}
                        .dump();
  SECTION("it does not answer") {
    w.is_away(w.far.offsite);
  }
  SECTION("the configuration names it no more") {
    w.far.stores.all.clear();
  }
  const auto job = w.run_to_end(clean_store, body, false);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(json::parse(job.result).at("left") == true);
  CHECK(w.store->remains.size() == 1);
  CHECK(w.run_to_end(delete_backup, w.about(1)).state == job_state::succeeded);
}

TEST_CASE("a new upload of a key answers for what was left there",
          "[kinds][far]") {
  far_world w;
  REQUIRE(w.store->amend({leave_remains{"offsite", w.key(1), ""}}, w.now));
  w.run_to_end(create_backup, w.for_store(1));
  CHECK(w.store->remains.empty());
  CHECK(w.far.offsite.objects.contains(w.key(1)));
}

TEST_CASE("a store that the configuration does not name is refused before "
          "anything is read",
          "[kinds][far]") {
  far_world w;
  w.far.stores.all.clear();
  const auto job = w.run_to_end(create_backup, w.for_store(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::store_not_found);
  CHECK(w.backups.count("write") == 0);
}

TEST_CASE("a backup is streamed into a store of ours", "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  const auto files = w.backups.volume;
  w.twice = GENERATE(false, true);
  REQUIRE(w.run_to_end(create_backup, w.for_store(1)).state
          == job_state::succeeded);
  CHECK_FALSE(w.record(1)->is_local);
  CHECK(fake_archives::tree_in(w.far.offsite.objects.at(w.key(1)).bytes)
        == files);
  CHECK(w.far.offsite.objects.contains(w.key(1) + ".manifest"));
  CHECK(w.far.offsite.uploads.empty());
}

TEST_CASE("a backup that is streamed counts its files in every report",
          "[kinds][far]") {
  far_world w;
  w.far.places.rules.stream = true;
  const bool to_panel = GENERATE(false, true);
  std::size_t from = 0;
  std::size_t to = 0;
  w.before_step = [&](const std::string& name) {
    if (name == "archive")
      from = w.reports.size();
    if (name == "upload")
      to = w.reports.size();
  };
  REQUIRE(
      w.run_to_end(create_backup, to_panel ? w.for_panel(1) : w.for_store(1))
          .state
      == job_state::succeeded);
  REQUIRE_FALSE(w.record(1)->is_local);
  bool is_sent = false;
  for (auto i = from; i < to; ++i) {
    const auto& told = w.reports[i];
    is_sent = is_sent || told.message.starts_with("sending part");
    INFO(told.message);
    REQUIRE(told.files);
    CHECK(told.files->total == 2);
  }
  CHECK(is_sent);
  REQUIRE(to > from);
  CHECK(w.reports[to - 1].files->done == 2);
}
