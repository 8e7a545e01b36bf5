#include "http/download_handlers.hpp"
#include "tests/http/backup_world.hpp"
#include "tests/http/token_maker.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

const std::string signing_key(64, 'k');
const std::string download = backup_url_of_it + "/download";

api_settings with_key(std::size_t most_transfers = 64) {
  api_settings out;
  out.signing_key = [] { return signing_key; };
  out.most_transfers = most_transfers;
  return out;
}

struct link_world : backup_world {
  explicit link_world(api_settings settings = with_key())
    : backup_world(std::move(settings)) {}

  const std::int64_t now = 1'800'000'000;
  json claims = {{"iat", now},
                 {"nbf", now - 300},
                 {"exp", now + 900},
                 {"server_uuid", some_server},
                 {"backup_uuid", some_backup},
                 {"unique_id", "0123456789abcdef"}};

  response follow(header_list headers = {}) {
    return ask("GET", "/download/backup?token=" + sign(claims, signing_key), {},
               std::move(headers));
  }
};

} // namespace

TEST_CASE("a link downloads its backup under Wings' name", "[http]") {
  link_world world;
  const auto answer = world.follow();
  CHECK(answer.status == 200);
  CHECK(answer.body == "0123456789");
  CHECK(header_of(answer, "Content-Length") == "10");
  CHECK(header_of(answer, "Content-Type") == "application/octet-stream");
  CHECK(header_of(answer, "Content-Disposition")
        == "attachment; filename=\"" + some_backup + ".tar.gz\"");
  CHECK(header_of(answer, "Cache-Control") == "no-store");
  CHECK(world.desk.burnt == std::set<std::string>{"0123456789abcdef"});
  // Remembered for longer than the link is good.
  CHECK(world.desk.burnt_until.at(0) > (world.now + 900) * 1'000);
}

TEST_CASE("a link works once, also for a part", "[http]") {
  link_world world;
  CHECK(world.follow({{"Range", "bytes=0-1"}}).status == 206);
  const auto again = world.follow();
  CHECK(again.status == 410);
  CHECK(code_of(again) == "token-used");
}

TEST_CASE("a link that was used before keeps no file open", "[http]") {
  link_world world{with_key(1)};
  CHECK(world.follow().status == 200);
  CHECK(world.follow().status == 410);
  // One that is open has the only place.
  CHECK(world.ask("GET", download).status == 200);
}

TEST_CASE("a link into a store works once, and HEAD leaves it good", "[http]") {
  auto settings = with_key();
  settings.presign = [](const std::string&, const std::string&) {
    return std::string{"https://offsite/signed"};
  };
  link_world world{settings};
  world.backup().is_local = false;
  world.backup().places = {{"offsite", "k", "e", 10, 5}};
  const auto target =
      "/download/backup?token=" + sign(world.claims, signing_key);
  // A redirect would lead it to where it is refused: what is signed is a GET.
  const auto head = world.ask("HEAD", target);
  CHECK(head.status == 200);
  CHECK(header_of(head, "Location").empty());
  CHECK(header_of(head, "Content-Length") == "10");
  CHECK(header_of(head, "Content-Disposition")
        == "attachment; filename=\"" + some_backup + ".tar.gz\"");
  CHECK(header_of(world.ask("GET", target), "Location")
        == "https://offsite/signed");
  CHECK(code_of(world.ask("GET", target)) == "token-used");
}

TEST_CASE("HEAD tells what a link is of and leaves it good", "[http]") {
  link_world world;
  const auto answer = world.ask("HEAD", "/download/backup?token="
                                            + sign(world.claims, signing_key));
  CHECK(answer.status == 200);
  CHECK(header_of(answer, "Content-Length") == "10");
  CHECK(answer.body.empty());
  CHECK(world.desk.burnt.empty());
  CHECK(world.follow().status == 200);
}

TEST_CASE("a link that could not be used up sends nothing", "[http]") {
  link_world world;
  world.desk.refuse_burn = fault{.code = fault_code::journal_unavailable,
                                 .what = "the disk is full"};
  CHECK(world.follow().status == 503);
}

TEST_CASE("a link nothing is sent for is not used up", "[http]") {
  link_world world;
  SECTION("the client has it") {
    CHECK(world.follow({{"If-None-Match", "\"" + some_sha1 + "\""}}).status
          == 304);
  }
  SECTION("it is not the one that is meant") {
    CHECK(code_of(world.follow({{"If-Match", "\"another\""}}))
          == "precondition-failed");
  }
  SECTION("the range is behind the end") {
    CHECK(world.follow({{"Range", "bytes=10-"}}).status == 416);
  }
  SECTION("it is not finished") {
    world.backup().state = jobs::backup_state::creating;
    CHECK(world.follow().status == 409);
  }
  CHECK(world.desk.burnt.empty());
}

TEST_CASE("a link of nobody, or past its time, is 401", "[http]") {
  link_world world;
  SECTION("no token") {
    CHECK(code_of(world.ask("GET", "/download/backup")) == "unauthorized");
  }
  SECTION("no token at all") {
    CHECK(world.ask("GET", "/download/backup?token=").status == 401);
  }
  SECTION("another key") {
    CHECK(
        world
            .ask("GET", "/download/backup?token=" + sign(world.claims, "other"))
            .status
        == 401);
  }
  SECTION("expired") {
    world.claims["exp"] = world.now - 1;
    CHECK(world.follow().status == 401);
  }
  SECTION("without an end") {
    world.claims.erase("exp");
    CHECK(world.follow().status == 401);
  }
  SECTION("early") {
    world.claims["nbf"] = world.now + 120;
    CHECK(world.follow().status == 401);
  }
  CHECK(world.desk.burnt.empty());
}

TEST_CASE("without a key every link is refused", "[http]") {
  link_world world{api_settings{}};
  CHECK(world.ask("GET", "/download/backup?token=" + sign(world.claims, ""))
            .status
        == 401);
}

TEST_CASE("a token for something else is 403", "[http]") {
  link_world world;
  SECTION("a websocket's") {
    world.claims.erase("backup_uuid");
  }
  SECTION("one that would work twice") {
    world.claims.erase("unique_id");
  }
  SECTION("one without a server") {
    world.claims["server_uuid"] = "../../etc/passwd";
  }
  SECTION("an id of any length") {
    world.claims["unique_id"] = std::string(256, 'x');
  }
  CHECK(code_of(world.follow()) == "forbidden");
}

TEST_CASE("a link leads to backups of its own server only", "[http]") {
  link_world world;
  world.claims["server_uuid"] = "00000000-0000-4000-8000-000000000001";
  CHECK(world.follow().status == 404);
  CHECK(world.desk.burnt.empty());
}

TEST_CASE("an unclaimed archive belongs to no server one may think of",
          "[http]") {
  link_world world;
  world.backup().server = {};
  CHECK(world.follow().status == 200);
  world.claims["unique_id"] = "another";
  world.claims["server_uuid"] = "00000000-0000-4000-8000-000000000001";
  CHECK(code_of(world.follow()) == "server-not-found");
}

TEST_CASE("missing, unfinished and lost are told apart", "[http]") {
  link_world world;
  SECTION("missing") {
    world.desk.backups.clear();
    CHECK(code_of(world.ask("GET", download)) == "backup-not-found");
  }
  SECTION("unfinished") {
    world.backup().state = jobs::backup_state::creating;
    world.backup().owner_job = jobs::job_id::parse(some_job).value();
    const auto answer = world.ask("GET", download);
    CHECK(answer.status == 409);
    CHECK(json::parse(answer.body).at("owner_job") == some_job);
  }
  SECTION("on its way out") {
    world.backup().state = jobs::backup_state::deleting;
    CHECK(world.ask("GET", download).status == 409);
  }
  SECTION("lost") {
    world.backup().lost_at = 1;
    const auto answer = world.ask("GET", download);
    CHECK(answer.status == 410);
    CHECK(code_of(answer) == "backup-lost");
  }
}

TEST_CASE("a bearer downloads as often as it likes, part by part", "[http]") {
  backup_world world;
  const auto whole = world.ask("GET", download);
  CHECK(whole.body == "0123456789");
  CHECK(header_of(whole, "ETag") == "\"" + some_sha1 + "\"");
  const auto part = world.ask(
      "GET", download, {},
      {{"Range", "bytes=3-5"}, {"If-Range", header_of(whole, "ETag")}});
  CHECK(part.status == 206);
  CHECK(part.body == "345");
  CHECK(header_of(part, "Content-Range") == "bytes 3-5/10");
  CHECK(world
            .ask("GET", download, {},
                 {{"If-None-Match", header_of(whole, "ETag")}})
            .status
        == 304);
  CHECK(world.ask("GET", download, {}, {{"Range", "bytes=10-"}}).status == 416);
}

TEST_CASE("HEAD tells the length and sends nothing", "[http]") {
  backup_world world;
  const auto answer = world.ask("HEAD", download);
  CHECK(answer.status == 200);
  CHECK(header_of(answer, "Content-Length") == "10");
  CHECK(answer.body.empty());
}

TEST_CASE("an archive that is not what was recorded has another etag",
          "[http]") {
  backup_world world;
  world.desk.archives[world.backup().uuid] = "01234567";
  CHECK(header_of(world.ask("GET", download), "ETag") == "\"8-1799999000000\"");
}

namespace {

/// One whose client has not read it to its end.
std::shared_ptr<doubles::fake_exchange> begin_slow(backup_world& world) {
  auto req = doubles::make_request("GET", download);
  auto match = world.routes.find("GET", download);
  req.params = std::move(match.params);
  auto slow = std::make_shared<doubles::fake_exchange>(std::move(req));
  slow->keeps_files = true;
  match.hit->run(slow);
  REQUIRE(slow->is_answered());
  return slow;
}

} // namespace

TEST_CASE("downloads beyond the limit wait for others to end", "[http]") {
  backup_world world{with_key(1)};
  const auto slow = begin_slow(world);
  const auto refused = world.ask("GET", download);
  CHECK(refused.status == 429);
  slow->let_file_go();
  CHECK(world.ask("GET", download).status == 200);
}

TEST_CASE("the downloads of one server leave places to the others", "[http]") {
  backup_world world{with_key(4)};
  auto other = world.backup();
  other.uuid = jobs::backup_id::parse(some_job).value();
  other.server = jobs::server_id::parse(some_job).value();
  world.desk.archives[other.uuid] = "others";
  world.desk.put(std::move(other));
  const auto slow = begin_slow(world);
  const auto refused = world.ask("GET", download);
  CHECK(refused.status == 429);
  CHECK(json::parse(refused.body)
            .at("detail")
            .get<std::string>()
            .starts_with("as many transfers of this server"));
  CHECK(world
            .ask("GET", "/api/servers/" + some_job + "/backup/" + some_job
                            + "/download")
            .body
        == "others");
}
