#include "http/backup_files_handlers.hpp"
#include "jobs/log.hpp"
#include "tests/http/backup_world.hpp"
#include "tests/http/heard_log.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

const std::string files = backup_url_of_it + "/files";
const std::string content = files + "/content";

} // namespace

TEST_CASE("a directory of a backup is listed with the way to its files",
          "[http]") {
  backup_world world;
  world.desk.directory.items = {
      {.name = "a b\xff", .size = 5, .mode = 0644, .modified_at = 1'000},
      {.name = "d", .is = jobs::browse_item::type::directory, .mode = 0755},
      {.name = "l", .is = jobs::browse_item::type::link, .target = "d"}};
  world.desk.directory.next = "l&";
  const auto answer = world.ask("GET", files + "?path=world&limit=3");
  CHECK(answer.status == 200);
  CHECK(world.desk.browsed == std::vector<std::string>{"world||3"});
  const auto body = json::parse(answer.body);
  CHECK(body.at("path") == "world");
  CHECK(body.at("items")[0].at("type") == "file");
  CHECK(body.at("items")[0].at("size") == 5);
  CHECK(body.at("items")[0].at("name") == "a b\xef\xbf\xbd");
  CHECK(body.at("items")[0].at("path64") == "d29ybGQvYSBi/w==");
  CHECK(body.at("items")[1].at("path64").is_null());
  CHECK(body.at("items")[0].at("link") == content + "?path=world%2Fa%20b%FF");
  CHECK(body.at("items")[1].at("link") == files + "?path=world%2Fd");
  CHECK(body.at("items")[1].at("size").is_null());
  CHECK(body.at("items")[2].at("target") == "d");
  CHECK(body.at("items")[2].at("link").is_null());
  CHECK(body.at("has_more") == true);
  CHECK(body.at("links").at("next")
        == files + "?path=world&limit=3&after=l%26");
  CHECK_FALSE(header_of(answer, "Link").empty());
}

TEST_CASE("a backup without an index cannot be browsed", "[http]") {
  backup_world world;
  world.desk.refuse_browse = fault{.code = fault_code::no_manifest};
  CHECK(world.ask("GET", files).status == 409);
  world.desk.refuse_browse = fault{.code = fault_code::path_not_found};
  CHECK(world.ask("GET", files + "?path=x").status == 404);
}

TEST_CASE("parameters that are none are 400", "[http]") {
  backup_world world;
  for (const auto& target :
       {files + "?limit=0", files + "?colour=red", files + "?path=a%00b",
        files + "?after=" + std::string(4'097, 'x'), content,
        content + "?path=", content + "?path=a&path=b"}) {
    CAPTURE(target);
    CHECK(world.ask("GET", target).status == 400);
  }
  CHECK(world.desk.browsed.empty());
}

TEST_CASE("one file comes out of a backup in bounded pieces", "[http]") {
  backup_world world;
  std::string bytes(1'000'000, 'x');
  bytes += "end";
  world.desk.contents["world/a\"b.dat"] = bytes;
  const auto answer = world.ask("GET", content + "?path=world/a%22b.dat", {},
                                {{"Range", "bytes=0-1"}});
  CHECK(answer.status == 200);
  CHECK(answer.body == bytes);
  CHECK(header_of(answer, "Content-Length") == "1000003");
  CHECK(header_of(answer, "Accept-Ranges") == "none");
  CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
  CHECK(header_of(answer, "Content-Disposition")
        == "attachment; filename=\"a_b.dat\"; filename*=UTF-8''a%22b.dat");
  CHECK(world.desk.runs == 5); // the last one lets go of the archive
  CHECK(world.desk.largest_read <= 256 * 1'024);
  CHECK(*world.desk.readers == 0);
  const auto etag = header_of(answer, "ETag");
  CHECK(world
            .ask("GET", content + "?path=world/a%22b.dat", {},
                 {{"If-None-Match", etag}})
            .status
        == 304);
}

TEST_CASE("what is said while a file is read has the id of its request",
          "[http]") {
  backup_world world;
  world.desk.contents["a"] = "bytes";
  world.desk.before_run = [] { jobs::log(jobs::log_level::info, "reading"); };
  const heard_log heard;
  {
    const jobs::log_scope whose{"request", "r1"};
    CHECK(world.ask("GET", content + "?path=a").body == "bytes");
  }
  // One piece at least, and the end of the archive.
  REQUIRE(heard.lines().size() >= 2);
  for (const auto& line : heard.lines())
    CHECK(line == "reading request=r1");
}

TEST_CASE("a file is read on although the desk is busy", "[http]") {
  backup_world world;
  world.desk.contents["a"] = "bytes";
  world.desk.is_busy = true;
  CHECK(world.ask("GET", content + "?path=a").body == "bytes");
}

TEST_CASE("a file that is shorter than it said breaks off", "[http]") {
  backup_world world;
  world.desk.contents["a"] = "bytes";
  world.desk.content_lies = 1;
  const auto call = world.send("GET", content + "?path=a");
  CHECK(call->broken_body() == "another length");
}

TEST_CASE("a file that is not there is 404", "[http]") {
  backup_world world;
  CHECK(code_of(world.ask("GET", content + "?path=a")) == "path-not-found");
  world.backup().state = jobs::backup_state::deleting;
  CHECK(world.ask("GET", content + "?path=a").status == 409);
}
