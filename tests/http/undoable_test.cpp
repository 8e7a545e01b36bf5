#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

constexpr jobs::time_ms kept_until = 1'800'086'400'000;

/// A restore that went well, of which the tree it replaced is kept.
struct restored_world : backup_world {
  restored_world() {
    restore =
        engine
            .put(ended(make_job(GENERATE(as<std::string>{}, "backup.restore",
                                         "backup.undo_restore")),
                       job_state::succeeded))
            ->record();
    jobs::replaced_tree tree;
    tree.replaced_by = restore.id;
    tree.server = restore.server;
    tree.server_row = restore.server_row;
    tree.keep_until = kept_until;
    desk.replaced.push_back(tree);
  }
  jobs::replaced_tree& tree() { return desk.replaced.at(0); }
  std::string url() const { return "/api/jobs/" + restore.id.to_string(); }
  json shown() { return json::parse(ask("GET", url()).body); }
  json listed() {
    return json::parse(ask("GET", "/api/jobs").body).at("items").at(0);
  }
  void check_that_it_is_not_offered() {
    for (const auto& job : {shown(), listed()}) {
      CHECK(job.at("undo_until").is_null());
      CHECK(job.at("links").at("undo").is_null());
    }
  }

  jobs::job_record restore;
};

} // namespace

TEST_CASE("a restore is taken back by a job of its own", "[http]") {
  backup_world world;
  const auto done = world.engine.put(
      ended(make_job(GENERATE(as<std::string>{}, "backup.restore",
                              "backup.undo_restore")),
            job_state::succeeded));
  world.engine.ticket = {world.engine.put(make_job("backup.undo_restore")),
                         jobs::accept_outcome::created};
  const auto id = done->record().id.to_string();
  const auto answer = world.ask("POST", "/api/jobs/" + id + "/undo");
  CHECK(answer.status == 202);
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "backup.undo_restore");
  CHECK(world.engine.submitted[0].server == done->record().server);
  CHECK(world.engine.submitted[0].subject.empty());
  CHECK(world.last_body() == json{{"restore", id}});
}

TEST_CASE("other jobs cannot be undone", "[http]") {
  backup_world world;
  const auto job = world.engine.put(make_job("backup.create"));
  const auto url = "/api/jobs/" + job->record().id.to_string() + "/undo";
  CHECK(code_of(world.ask("POST", url)) == "not-undoable");
  CHECK(code_of(world.ask("POST", "/api/jobs/" + some_job + "/undo"))
        == "job-not-found");
  CHECK(code_of(world.ask("POST", "/api/jobs/x/undo")) == "job-not-found");
}

TEST_CASE("a restore of which the tree is kept says until when it can be taken "
          "back",
          "[http]") {
  restored_world world;
  for (const auto& job : {world.shown(), world.listed()}) {
    CHECK(job.at("undo_until") == "2027-01-16T08:00:00.000Z");
    CHECK(job.at("links").at("undo") == world.url() + "/undo");
  }
}

TEST_CASE("a restore that cannot be taken back offers none", "[http]") {
  restored_world world;
  SECTION("its tree is removed") {
    world.desk.replaced.clear();
  }
  SECTION("a later restore of the server has made it due") {
    world.tree().keep_until = 0;
  }
  SECTION("another job has it") {
    world.tree().claimed = true;
  }
  SECTION("its server is gone") {
    world.lose_server();
  }
  SECTION("another server has the uuid") {
    ++world.tree().server_row;
  }
  SECTION("the ledger cannot be asked") {
    world.desk.refuse_undoable = fault{.code = fault_code::io_error};
  }
  world.check_that_it_is_not_offered();
}

TEST_CASE("a restore of a server that leaves is not taken back", "[http]") {
  restored_world world;
  auto server = *world.engine.servers.at(0);
  SECTION("it is being deleted") {
    server.state = jobs::server_state::deleting;
  }
  SECTION("it moves to another node") {
    server.transferring = true;
  }
  world.engine.servers.at(0) =
      std::make_shared<const jobs::server_record>(std::move(server));
  world.check_that_it_is_not_offered();
}

TEST_CASE("a restore that changed nothing, or failed, cannot be taken back",
          "[http]") {
  restored_world world;
  world.engine.put(ended(make_job("backup.restore"), job_state::failed,
                         fault{.code = fault_code::no_room}));
  CHECK(world.listed().at("undo_until").is_null());
  CHECK(world.listed().at("links").at("undo").is_null());
}

TEST_CASE("a restore that was given up can be taken back like another",
          "[http]") {
  restored_world world;
  world.engine.put(ended(world.restore, job_state::failed,
                         fault{.code = fault_code::abandoned}));
  CHECK(world.shown().at("links").at("undo") == world.url() + "/undo");
}

TEST_CASE(
    "a client that knows a restore hears when it cannot be taken back any "
    "more",
    "[http]") {
  restored_world world;
  const auto first = world.ask("GET", world.url());
  CHECK(header_of(first, "Cache-Control") == "no-cache");
  const auto etag = header_of(first, "ETag");
  const auto again = [&] {
    return world.ask("GET", world.url(), {}, {{"If-None-Match", etag}});
  };
  CHECK(again().status == 304);
  world.tree().keep_until = 0;
  CHECK(again().status == 200);
}

TEST_CASE(
    "a restore of which nobody can look it up now says nothing of an undo",
    "[http]") {
  restored_world world;
  const auto first = world.ask("GET", world.url());
  const auto etag = header_of(first, "ETag");
  world.desk.refuse_undoable = fault{
      .code = GENERATE(fault_code::rate_limited, fault_code::shutting_down)};
  for (const auto& job : {world.shown(), world.listed()}) {
    CHECK_FALSE(job.contains("undo_until"));
    CHECK_FALSE(job.at("links").contains("undo"));
  }
  // Such an answer is no version of it, and no news to who has one.
  CHECK(header_of(world.ask("GET", world.url()), "ETag").empty());
  const auto asks = [&](const std::string& known) {
    return world.ask("GET", world.url(), {}, {{"If-None-Match", known}}).status;
  };
  CHECK(asks(etag) == 304);
  const auto version = etag.substr(0, etag.rfind('.'));
  CHECK(asks("\"0.0\", W/" + version + "\"") == 304);
  CHECK(asks(version + "1\"") == 200);
  CHECK(asks("\"0.0\"") == 200);
  CHECK(json::parse(
            world.ask("GET", world.url() + "?fields=done,undo_until").body)
        == json{{"done", true}});
  world.desk.refuse_undoable.reset();
  CHECK(asks(etag) == 304);
  CHECK(header_of(world.ask("GET", world.url()), "ETag") == etag);
}

TEST_CASE("the lean form of a restore has the time too", "[http]") {
  restored_world world;
  const auto lean = world.ask("GET", world.url() + "?fields=undo_until");
  CHECK(json::parse(lean.body)
        == json{{"undo_until", "2027-01-16T08:00:00.000Z"}});
}
