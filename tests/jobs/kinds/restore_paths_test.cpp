// A restore of some of the files of a backup.
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

TEST_CASE("a path that the backup does not have is refused before the server "
          "stops",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"world/a", "x"}, {"world/a0", "x"}, {"small", "x"}});
  const std::string path = GENERATE(
      as<std::string>{}, "wrold", "world/b", "world/", "small/er", "../x",
      "world/../small", "worl", "world/a00", std::string(300, 'x'));
  const bool is_there = path == "world/";
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"./world//a", "small", path, "also missing"};
  const auto job = w.run_to_end(restore_backup, body.dump());
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::path_not_found);
  CHECK_THAT(job.error->what,
             Contains('"' + (is_there ? "also missing" : path) + '"'));
  CHECK(lines(w.docker.calls(), "stop") == 0);
  CHECK(lines(w.backups.calls(), "verify") == 0);
  w.check_untouched();
}

TEST_CASE("chosen directories and files that the manifest lists are restored",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"a/b/c", "x"}, {"a0", "x"}, {"a-b", "x"}, {"z", "x"}});
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"a/b", "a0"};
  REQUIRE(w.run_to_end(restore_backup, body.dump()).state
          == job_state::succeeded);
  CHECK(w.backups.extracted
        == fake_archives::tree{{"a/b/c", "x"}, {"a0", "x"}});
}

TEST_CASE("names that are not UTF-8 are chosen by base64 of their bytes",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"d\xff/a", "x"}, {"d\xfe/a", "x"}, {"z", "x"}});
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"z"};
  SECTION("that are there") {
    body["paths64"] = {"ZP8="};
    REQUIRE(w.run_to_end(restore_backup, body.dump()).state
            == job_state::succeeded);
    CHECK(w.backups.extracted
          == fake_archives::tree{{"d\xff/a", "x"}, {"z", "x"}});
  }
  SECTION("and that are not") {
    body["paths64"] = {"ZP0="};
    const auto job = w.run_to_end(restore_backup, body.dump());
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::path_not_found);
    CHECK_THAT(job.error->what, Contains("ZP0="));
    w.check_untouched();
  }
}

TEST_CASE("without a manifest that can be read, the archive says what it has",
          "[kinds]") {
  restore_world w;
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"world", "wrold"};
  if (GENERATE(false, true))
    w.backups.published.at(w.backup(1)).has_manifest = false;
  else
    w.backups.fail_next("browse",
                        {.code = fault_code::backup_damaged, .what = "torn"});
  SECTION("some of the paths") {
    CHECK(w.run_to_end(restore_backup, body.dump()).state
          == job_state::succeeded);
  }
  SECTION("none of them") {
    body["paths"] = {"wrold"};
    const auto job = w.run_to_end(restore_backup, body.dump());
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::path_not_found);
    w.check_untouched();
  }
}
