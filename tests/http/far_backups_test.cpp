// Backups on other machines, seen from the door.
#include "http/backup_handlers.hpp"
#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace alula;
using namespace alula::http;

namespace {

struct far_world : backup_world {
  far_world()
    : backup_world(api_settings{
        .check_link =
            [](const std::string& url) {
              return url.starts_with("https://")
                         ? jobs::status{}
                         : jobs::status{fault{.code = fault_code::link_refused,
                                              .what = "not there"}};
            },
        .stores = {"offsite"},
        .presign =
            [](const std::string& store, const std::string& key) {
              return "https://" + store + "/" + key + "?signed";
            }}) {}

  /// Whatever is submitted becomes this job.
  void start(std::string_view kind) {
    engine.ticket = {engine.put(make_job(kind)), jobs::accept_outcome::created};
  }
  void put_far(const std::string& place) {
    backup().is_local = false;
    backup().places = {{place, place == "panel" ? "" : "k", "e", 10, 5}};
  }
};

const std::string far_restore = backup_url_of_it + "/restore";

} // namespace

TEST_CASE("a backup for a store that is not configured is 404", "[http][far]") {
  far_world world;
  world.start("backup.create");
  const auto body = [](const std::string& store) {
    return json{{"adapter", "store"}, {"store", store}, {"uuid", some_backup}}
        .dump();
  };
  CHECK(code_of(world.ask("POST", backups_url, body("other")))
        == "store-not-found");
  CHECK(world.engine.submitted.empty());
  CHECK(world.ask("POST", backups_url, body("offsite")).status == 202);
  CHECK(world.last_body().at("store") == "offsite");
}

TEST_CASE("a restore by a link that may not be asked is 400 before there is a "
          "job",
          "[http][far]") {
  far_world world;
  const auto answer =
      world.ask("POST", far_restore,
                R"({"adapter":"s3","download_url":"http://169.254.169.254/"})");
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "link-refused");
  CHECK(world.ask("POST", far_restore, R"({"adapter":"s3","download_url":""})")
            .status
        == 400);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a restore by a link needs no backup that is known here",
          "[http][far]") {
  far_world world;
  world.start("backup.restore");
  const std::string body = R"({"adapter":"s3","truncate_directory":true,)"
                           R"("download_url":"https://store/x?signed"})";
  SECTION("of a backup in the Panel's store") {
    world.put_far("panel");
  }
  SECTION("of one that is not known") {
    world.desk.backups.clear();
  }
  world.send("POST", far_restore, body);
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.last_body().at("download_url") == "https://store/x?signed");
  world.lose_server();
  CHECK(code_of(world.ask("POST", far_restore, body)) == "server-not-found");
}

TEST_CASE("a copy is a job, to a place that there is", "[http][far]") {
  far_world world;
  world.start("backup.copy");
  const auto copy = backup_url_of_it + "/copy";
  CHECK(world.ask("POST", copy, R"({"to":"offsite"})").status == 202);
  CHECK(world.last_body() == json{{"to", "offsite"}, {"backup", some_backup}});
  CHECK(world.ask("POST", copy, R"({"to":"local"})").status == 202);
  CHECK(code_of(world.ask("POST", copy, R"({"to":"other"})"))
        == "store-not-found");
  world.put_far("panel");
  CHECK(code_of(world.ask("POST", copy, R"({"to":"offsite"})"))
        == "backup-lost");
}

TEST_CASE("the copy of a place is removed by its name", "[http][far]") {
  far_world world;
  world.start("backup.drop_copy");
  const auto places = backup_url_of_it + "/places/";
  CHECK(world.ask("DELETE", places + "offsite").status == 204);
  CHECK(world.engine.submitted.empty());
  world.send("DELETE", places + "local");
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.last_body() == json{{"backup", some_backup}, {"place", "local"}});
}

TEST_CASE("a backup shows where it lies and what can be done there",
          "[http][far]") {
  far_world world;
  const auto shown = [&] {
    return json::parse(world.ask("GET", backup_url_of_it).body);
  };
  const auto names = [&] {
    std::vector<std::string> out;
    const auto body = shown();
    for (const auto& place : body.at("places"))
      out.push_back(place.at("place"));
    return out;
  };
  CHECK(names() == std::vector<std::string>{"local"});
  world.backup().places = {{"offsite", "k", "e", 10, 5}};
  CHECK(names() == std::vector<std::string>{"local", "offsite"});
  SECTION("in a store of ours: all but what reads the file") {
    world.put_far("offsite");
    CHECK(names() == std::vector<std::string>{"offsite"});
    CHECK(shown().at("places")[0].at("key") == "k");
    const auto links = shown().at("links");
    CHECK(links.at("restore") == far_restore);
    CHECK(links.at("files") == backup_url_of_it + "/files");
    CHECK(links.at("verify") == backup_url_of_it + "/verify");
    CHECK(links.at("index").is_null());
  }
  SECTION("in the Panel's store: its list of files") {
    world.put_far("panel");
    const auto links = shown().at("links");
    CHECK(links.at("restore").is_null());
    CHECK(links.at("download").is_null());
    CHECK(links.at("files") == backup_url_of_it + "/files");
  }
}

TEST_CASE("a download of what a store has is a redirect into it",
          "[http][far]") {
  far_world world;
  const auto download = backup_url_of_it + "/download";
  CHECK(world.ask("HEAD", download).status == 200);
  world.put_far("offsite");
  const auto answer = world.ask("GET", download);
  CHECK(answer.status == 302);
  CHECK(header_of(answer, "Location") == "https://offsite/k?signed");
  CHECK(header_of(world.ask("HEAD", download), "Content-Length") == "10");
  world.put_far("panel");
  CHECK(code_of(world.ask("GET", download)) == "backup-lost");
}

TEST_CASE("a download is of the copy that nobody has found damaged",
          "[http][far]") {
  far_world world;
  const auto download = backup_url_of_it + "/download";
  const auto sent_to = [&] {
    return header_of(world.ask("GET", download), "Location");
  };
  auto& backup = world.backup();
  backup.places = {{"archive", "a", "e", 10, 5}, {"offsite", "k", "e", 10, 5}};
  SECTION("the one here") {
    backup.damage = "store offsite: it has 9 bytes and should have 10";
    CHECK(world.ask("GET", download).status == 200);
  }
  SECTION("one in a store, when that here is damaged") {
    backup.damage = "a block does not decode";
    CHECK(sent_to() == "https://archive/a?signed");
  }
  SECTION("the other store's, when there is none here") {
    backup.is_local = false;
    backup.damage = "store archive: it has 9 bytes and should have 10";
    CHECK(sent_to() == "https://offsite/k?signed");
  }
  SECTION("the only one there is, damaged or not") {
    backup.damage = "a block does not decode";
    backup.places.clear();
    CHECK(world.ask("GET", download).status == 200);
  }
}

TEST_CASE("a copy is verified where it lies, if that can be read",
          "[http][far]") {
  far_world world;
  world.start("backup.verify");
  world.put_far("panel");
  CHECK(code_of(world.ask("POST", backup_url_of_it + "/verify"))
        == "backup-lost");
  world.put_far("offsite");
  CHECK(world.ask("POST", backup_url_of_it + "/verify").status == 202);
  CHECK(world.last_body() == json{{"backup", some_backup}});
  CHECK(world
            .ask("POST", backup_url_of_it + "/verify",
                 R"({"place":"offsite","backup":"other"})")
            .status
        == 202);
  CHECK(world.last_body()
        == json{{"place", "offsite"}, {"backup", some_backup}});
  CHECK(world.ask("GET", backup_url_of_it + "/files").status == 200);
}

TEST_CASE("a scan of a store is a job, of a store that there is",
          "[http][far]") {
  far_world world;
  world.start("store.scan");
  const auto answer = world.ask("POST", "/api/stores/offsite/scan");
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location").starts_with("/api/jobs/"));
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "store.scan");
  CHECK(world.engine.submitted[0].server.empty());
  CHECK(world.last_body() == json{{"store", "offsite"}});
  CHECK(code_of(world.ask("POST", "/api/stores/other/scan"))
        == "store-not-found");
  CHECK(code_of(world.ask("POST", "/api/stores/local/scan"))
        == "store-not-found");
  CHECK(world.engine.submitted.size() == 1);
}
