// Who may do what, at the door.
#include "tests/http/guarded_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using jobs::access_role;

namespace {

const std::string other_server = "8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7e";

struct call_row {
  std::string method, target;
  std::set<access_role> allowed;
};

const std::set<access_role> all_roles{access_role::viewer, access_role::operate,
                                      access_role::admin};
const std::set<access_role> changing{access_role::operate, access_role::admin};
const std::set<access_role> admins{access_role::admin};

std::vector<call_row> calls() {
  const auto server = "/api/servers/" + some_server;
  const auto backup = server + "/backup/" + some_server;
  const auto job = "/api/jobs/" + some_job;
  return {{"GET", "/api/openapi.json", all_roles},
          {"GET", "/api/system", all_roles},
          {"GET", "/api/servers", all_roles},
          {"POST", "/api/servers", admins},
          {"GET", server, all_roles},
          {"DELETE", server, admins},
          {"POST", server + "/power", changing},
          {"POST", server + "/install", changing},
          {"POST", server + "/reinstall", changing},
          {"POST", server + "/sync", changing},
          {"POST", server + "/commands", changing},
          {"GET", server + "/logs", all_roles},
          {"GET", server + "/jobs", all_roles},
          {"GET", server + "/backup", all_roles},
          {"POST", server + "/backup", changing},
          {"POST", server + "/backup/rotate", changing},
          {"GET", server + "/backup/rotation", all_roles},
          {"PUT", server + "/backup/rotation", changing},
          {"DELETE", server + "/backup/rotation", changing},
          {"GET", backup, all_roles},
          {"DELETE", backup, changing},
          {"POST", backup + "/restore", changing},
          {"POST", backup + "/verify", changing},
          {"POST", backup + "/copy", changing},
          {"PUT", backup + "/pin", changing},
          {"DELETE", backup + "/pin", changing},
          {"GET", "/api/backups", all_roles},
          {"GET", "/api/backups/usage", all_roles},
          {"DELETE", "/api/backups/" + some_server, changing},
          {"POST", "/api/stores/offsite/scan", changing},
          {"GET", "/api/jobs", all_roles},
          {"GET", "/api/jobs/summary", all_roles},
          {"GET", job, all_roles},
          {"DELETE", job, changing},
          {"POST", job + "/cancel", changing},
          {"POST", job + "/retry", changing},
          {"POST", job + "/abandon", changing},
          {"POST", job + "/undo", changing},
          {"GET", "/api/pools", all_roles},
          {"POST", "/api/pools/backup/pause", admins},
          {"POST", "/api/pools/backup/resume", admins},
          {"GET", "/api/outbox", all_roles},
          {"POST", "/api/outbox/1/retry", changing},
          {"POST", "/api/update", admins},
          {"GET", "/api/log", all_roles},
          {"PUT", "/api/log", admins},
          {"GET", "/api/trash", all_roles},
          {"POST", "/api/trash/" + some_job + "/restore", changing},
          {"GET", "/api/tokens", admins},
          {"POST", "/api/tokens", admins},
          {"GET", "/api/tokens/self", all_roles},
          {"DELETE", "/api/tokens/" + std::string(20, '0'), admins},
          {"GET", "/api/audit", admins},
          {"POST", server + "/ws/deny", changing},
          {"POST", "/api/deauthorize-user", admins}};
}

} // namespace

TEST_CASE("each route lets in the roles of its row and no other", "[http]") {
  guarded_world w;
  std::map<access_role, std::string> secrets;
  for (const auto role : all_roles)
    secrets[role] = w.add(role);
  for (const auto& row : calls()) {
    CAPTURE(row.method, row.target);
    CHECK(w.status("", row.method, row.target) == 401);
    CHECK(w.status("alula_nobody", row.method, row.target) == 401);
    for (const auto role : all_roles) {
      CAPTURE(jobs::to_string(role));
      w.engine.ticket = {w.engine.put(make_job()),
                         jobs::accept_outcome::created};
      const auto call =
          w.send("Bearer " + secrets[role], row.method, row.target);
      if (row.allowed.contains(role)) {
        // What the handler says is its own; it was reached.
        w.engine.let_time_pass();
        if (const auto answer =
                call->wait_for_answer(std::chrono::milliseconds{500}))
          CHECK((answer->status != 401 && answer->status != 403));
      } else {
        CHECK(call->wait_for_answer()->status == 403);
      }
    }
  }
}

TEST_CASE("a token for two servers finds no third", "[http]") {
  guarded_world w;
  const auto secret =
      w.add(access_role::admin, {.servers = {some_server, some_job}});
  const auto far = "/api/servers/" + other_server;
  for (const auto* below : {"", "/jobs", "/backup", "/logs"})
    CHECK(w.status(secret, "GET", far + below) == 404);
  for (const auto* below : {"/power", "/backup", "/commands", "/sync"})
    CHECK(w.status(secret, "POST", far + below, "{}") == 404);
  CHECK(w.status(secret, "DELETE", far) == 404);
  CHECK(w.status(secret, "GET",
                 "/api/servers/" + some_server + "/backup/rotation")
        != 403);
}

TEST_CASE("what is about the whole node needs a scope of everything",
          "[http]") {
  guarded_world w;
  const auto secret = w.add(access_role::admin, {.servers = {some_server}});
  CHECK(w.status(secret, "GET", "/api/pools") == 403);
  CHECK(w.status(secret, "GET", "/metrics") == 403);
  CHECK(w.status(secret, "PUT", "/api/log", R"({"level":"debug"})") == 403);
  CHECK(w.status(secret, "GET", "/api/tokens") == 403);
  CHECK(w.status(secret, "GET", "/api/audit") == 403);
  CHECK(w.status(secret, "POST", "/api/outbox/1/retry") == 403);
  CHECK(w.status(secret, "POST", "/api/stores/offsite/scan") == 403);
  CHECK(w.status(secret, "GET", "/api/system") == 200);
}

TEST_CASE("a job of another server is a job that is not there", "[http]") {
  guarded_world w;
  auto job = make_job();
  job.server = *jobs::server_id::parse(other_server);
  const auto put = w.engine.put(job);
  const auto url = "/api/jobs/" + job.id.to_string();
  const auto secret = w.add(access_role::admin, {.servers = {some_server}});
  CHECK(w.status(secret, "GET", url) == 404);
  CHECK(w.status(secret, "POST", url + "/cancel") == 404);
  CHECK(w.status(secret, "POST", url + "/retry") == 404);
  CHECK(w.status(secret, "DELETE", url) == 404);
  CHECK(w.status(secret, "GET", url + "/events") == 404);
  CHECK(w.status(w.add(access_role::viewer), "GET", url) == 200);
}

TEST_CASE("lists hold what is in reach and nothing else", "[http]") {
  guarded_world w;
  for (const auto& uuid : {some_server, other_server}) {
    jobs::server_record server;
    server.uuid = *jobs::server_id::parse(uuid);
    server.row = static_cast<std::int64_t>(w.engine.servers.size()) + 1;
    w.engine.servers.push_back(
        std::make_shared<const jobs::server_record>(server));
    auto job = make_job();
    job.server = server.uuid;
    w.engine.put(job);
    w.engine.trash.push_back(
        {jobs::make_job_id(server.row), server.uuid, server.row, "t", "held"});
    jobs::backup_record backup;
    backup.uuid = *jobs::backup_id::parse(uuid);
    backup.server = server.uuid;
    w.desk.put(backup);
    jobs::report report;
    report.row = server.row;
    report.server = server.uuid;
    w.outbox.reports.push_back(report);
  }
  auto of_node = make_job();
  of_node.server = {};
  w.engine.put(of_node);

  const auto all = w.add(access_role::viewer);
  // Two, so that no list is narrowed before it is read.
  const auto some =
      w.add(access_role::viewer, {.servers = {some_server, some_job}});
  const auto none = w.add(access_role::viewer, {.systems = {"s1"}});
  for (const auto* target : {"/api/servers", "/api/jobs", "/api/trash",
                             "/api/backups", "/api/outbox?state=all"}) {
    CAPTURE(target);
    const auto body = [&](const std::string& secret) {
      const auto answer =
          w.send("Bearer " + secret, "GET", target)->wait_for_answer();
      REQUIRE(answer);
      REQUIRE(answer->status == 200);
      return answer->body;
    };
    CHECK(body(all).find(other_server) != std::string::npos);
    CHECK(body(some).find(some_server) != std::string::npos);
    CHECK(body(some).find(other_server) == std::string::npos);
    CHECK(body(none).find(some_server) == std::string::npos);
  }
}

TEST_CASE("a server out of reach is not created", "[http]") {
  guarded_world w;
  const auto secret = w.add(access_role::admin, {.servers = {some_server}});
  const auto body = R"({"uuid":")" + other_server + R"("})";
  CHECK(w.status(secret, "POST", "/api/servers", body) == 403);
  CHECK(w.engine.submitted.empty());
}

TEST_CASE("a backup out of reach is as good as deleted", "[http]") {
  guarded_world w;
  jobs::backup_record backup;
  backup.uuid = *jobs::backup_id::parse(some_server);
  backup.server = *jobs::server_id::parse(other_server);
  w.desk.put(backup);
  const auto secret = w.add(access_role::admin, {.servers = {some_server}});
  CHECK(w.status(secret, "DELETE", "/api/backups/" + some_server) == 204);
  CHECK(w.engine.submitted.empty());
}
