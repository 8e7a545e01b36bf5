// Whose jobs and events about systems are, and how often systems may be asked
// for.
#include "http/scopes.hpp"
#include "http/system_envelope.hpp"
#include "tests/http/guarded_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using jobs::access_role;

TEST_CASE("jobs about systems are nobody's who may not read systems",
          "[http]") {
  guarded_world w;
  auto job = make_job();
  job.kind = "system.backup.receive";
  job.server = {};
  w.engine.put(job);
  auto other = make_job();
  other.server = {};
  w.engine.put(other);
  using enum jobs::permission;
  const auto as = [&](jobs::permission_set held, std::string method,
                      const std::string& target) {
    w.issue(held);
    return w.send("Bearer of an issuer", std::move(method), target)
        ->wait_for_answer(std::chrono::seconds{10});
  };
  const auto url = "/api/jobs/" + job.id.to_string();
  const jobs::permission_set of_servers{known, read_servers, manage_servers};
  CHECK(as(of_servers, "GET", url)->status == 404);
  CHECK(as(of_servers, "GET", url + "/events")->status == 404);
  for (const auto* verb : {"/cancel", "/retry", "/undo"})
    CHECK(as(of_servers, "POST", url + verb)->status == 404);
  CHECK(as(of_servers, "DELETE", url)->status == 404);
  const auto list = as(of_servers, "GET", "/api/jobs")->body;
  CHECK(list.find(job.id.to_string()) == std::string::npos);
  CHECK(list.find(other.id.to_string()) != std::string::npos);

  const jobs::permission_set reads{known, read_servers, manage_servers,
                                   read_systems};
  CHECK(as(reads, "GET", url)->status == 200);
  CHECK(as(reads, "GET", "/api/jobs")->body.find(job.id.to_string())
        != std::string::npos);
  CHECK(as(reads, "POST", url + "/cancel")->status == 403);
  CHECK(as(reads, "DELETE", url)->status == 403);
}

TEST_CASE("events of jobs about systems are nobody's who may not read them",
          "[http]") {
  jobs::principal who;
  who.scope = jobs::object_scope::all();
  who.permissions = {jobs::permission::read_servers};
  const auto sees = [&](std::string kind, std::string input = {}) {
    jobs::event of;
    of.kind = std::move(kind);
    of.input = std::move(input);
    return sees_event(who, of);
  };
  CHECK(sees("backup.scan"));
  CHECK_FALSE(sees("system.destroy", R"({"system":"s1"})"));
  who.permissions.add(jobs::permission::read_systems);
  CHECK(sees("system.destroy", R"({"system":"s1"})"));
  who.scope = {.systems = {"s1"}};
  CHECK(sees("system.destroy", R"({"system":"s1","organization":"acme"})"));
  CHECK(sees("system.destroy", R"({"system":"s1","organization":""})"));
  CHECK_FALSE(
      sees("system.destroy", R"({"system":"s2","organization":"acme"})"));
  // Of an older release, which did not say whose it was.
  CHECK_FALSE(sees("system.destroy", R"({"system":"s1"})"));
  CHECK_FALSE(sees("system.destroy", R"({"system":"s1","organization":7})"));
  who.scope = {.organisations = {"acme/north"}};
  CHECK(sees("system.destroy",
             R"({"system":"s1","organization":"acme/north/shop"})"));
  CHECK_FALSE(sees("system.destroy",
                   R"({"system":"s1","organization":"acme/northern"})"));
  CHECK_FALSE(sees("system.destroy", R"({"system":"s1"})"));
  // About all systems, or about none that can be read: the node's own.
  for (const auto* input : {"", "{}", "no JSON", R"({"system":7})"})
    CHECK_FALSE(sees("system.backup.sweep", input));
  CHECK_FALSE(sees("backup.scan", R"({"system":"s1"})"));
}

TEST_CASE("a job about a system is of whoever reaches the system", "[http]") {
  guarded_world w;
  auto job = make_job();
  job.kind = "system.backup.receive";
  job.server = {};
  job.input = R"({"system":"s1","organization":"acme/north"})";
  w.engine.put(job);
  const auto url = "/api/jobs/" + job.id.to_string();
  const auto may_all = [&](const std::string& secret) {
    for (const auto* target : {"", "?wait=1ms"}) {
      const auto call = w.send("Bearer " + secret, "GET", url + target);
      w.engine.let_time_pass();
      CHECK(call->wait_for_answer()->status == 200);
    }
    CHECK(w.status(secret, "GET", url + "/events") == 200);
    CHECK(w.send("Bearer " + secret, "GET", "/api/jobs")
              ->wait_for_answer()
              ->body.find(job.id.to_string())
          != std::string::npos);
    CHECK(w.status(secret, "POST", url + "/cancel") == 202);
    w.engine.ticket = {w.engine.peek(job.id), jobs::accept_outcome::created};
    CHECK(w.status(secret, "POST", url + "/retry") == 202);
    CHECK(w.status(secret, "POST", url + "/abandon", R"({"reason":"gone"})")
          == 200);
    CHECK(w.status(secret, "DELETE", url) == 204);
  };
  for (const auto& scope :
       {jobs::object_scope{.systems = {"s0", "s1"}},
        jobs::object_scope{.organisations = {"acme/north"}},
        jobs::object_scope{.organisations = {"acme"}},
        // A server besides does not narrow the list to its jobs.
        jobs::object_scope{.servers = {some_server}, .systems = {"s1"}}})
    may_all(w.add(access_role::operate, scope));

  const auto acts = w.engine.cancelled.size();
  for (const auto& scope :
       {jobs::object_scope{.systems = {"s2"}},
        jobs::object_scope{.organisations = {"acme/northern"}},
        jobs::object_scope{.organisations = {"acme/north/shop"}},
        jobs::object_scope{.servers = {some_server}}}) {
    const auto secret = w.add(access_role::admin, scope);
    CHECK(w.status(secret, "GET", url) == 404);
    CHECK(w.status(secret, "GET", url + "?wait=30s") == 404);
    CHECK(w.status(secret, "GET", url + "/events") == 404);
    CHECK(w.send("Bearer " + secret, "GET", "/api/jobs")
              ->wait_for_answer()
              ->body.find(job.id.to_string())
          == std::string::npos);
    for (const auto* verb : {"/cancel", "/retry", "/undo"})
      CHECK(w.status(secret, "POST", url + verb) == 404);
    CHECK(w.status(secret, "POST", url + "/abandon", R"({"reason":"gone"})")
          == 404);
    CHECK(w.status(secret, "DELETE", url) == 404);
  }
  CHECK(w.engine.cancelled.size() == acts);
  // Whoever only reads sees it, and changes nothing.
  const auto reader = w.add(access_role::viewer, {.systems = {"s1"}});
  CHECK(w.status(reader, "GET", url) == 200);
  CHECK(w.status(reader, "POST", url + "/cancel") == 403);
}

TEST_CASE("what is done to a job by its id is on record with its system or "
          "server",
          "[http]") {
  guarded_world w;
  auto job = make_job();
  const auto server = job.server.to_string();
  REQUIRE_FALSE(server.empty());
  const bool is_of_system = GENERATE(true, false);
  if (is_of_system) {
    job.kind = "system.backup.receive";
    job.server = {};
    job.input = R"({"system":"s1","organization":"acme/north"})";
  }
  w.engine.ticket = {w.engine.put(job), jobs::accept_outcome::created};
  const auto url = "/api/jobs/" + job.id.to_string();
  const auto narrow =
      w.add(access_role::admin,
            {.servers = {server}, .organisations = {"acme/north"}});
  for (const auto& secret : {std::string{"the-node-token"}, narrow}) {
    w.access.audit.clear();
    w.status(secret, "POST", url + "/cancel");
    w.status(secret, "POST", url + "/retry");
    w.status(secret, "POST", url + "/abandon", R"({"reason":"gone"})");
    w.status(secret, "DELETE", url);
    REQUIRE(w.access.audit.size() == 4);
    for (const auto& row : w.access.audit) {
      CAPTURE(row.method, row.path);
      CHECK(row.system == (is_of_system ? "s1" : ""));
      CHECK(row.server == (is_of_system ? "" : server));
    }
  }
}

TEST_CASE("a stream of all events tells those of the systems in reach",
          "[http]") {
  guarded_world w;
  const auto call =
      w.send("Bearer " + w.add(access_role::operate, {.systems = {"s1"}}),
             "GET", "/api/events");
  REQUIRE(call->wait_for_answer());
  const auto stream = call->opened_stream();
  REQUIRE(stream);
  const auto tell = [&](std::string kind, std::string input) {
    jobs::event of;
    of.job = make_job().id;
    of.kind = std::move(kind);
    of.input = std::move(input);
    of.type = "job.accepted";
    w.engine.happen(of);
    return of.job.to_string();
  };
  const auto theirs =
      tell("system.backup.delete", R"({"system":"s2","organization":"acme"})");
  const auto of_node = tell("backup.scan", "{}");
  const auto own =
      tell("system.backup.delete", R"({"system":"s1","organization":"acme"})");
  CHECK(stream->text().find(own) != std::string::npos);
  CHECK(stream->text().find(theirs) == std::string::npos);
  CHECK(stream->text().find(of_node) == std::string::npos);
  // What was asked for is not told, whoever it is about.
  CHECK(stream->text().find("\"system\":") == std::string::npos);
}

TEST_CASE("one token asks for systems as often as it may", "[http]") {
  guarded_world w;
  auto asked = w.settings();
  asked.limits.keyed_requests_per_second = 0.001;
  asked.limits.keyed_requests_burst = 3;
  std::vector<route> routes;
  for (auto [pattern, deny, needs] :
       {std::tuple{"/api/systems", &refuse_bearer,
                   jobs::permission::manage_systems},
        std::tuple{"/api/systems/backups", &refuse_appliance,
                   jobs::permission::deliver_backups}}) {
    auto& made = routes.emplace_back(
        route{"GET", pattern, needs, guarded_world::nothing});
    made.deny = deny;
    made.is_metered = true;
  }
  routes.push_back({"GET", "/api/x", jobs::permission::read_servers,
                    guarded_world::nothing});
  door metered{asked, std::move(routes)};
  const auto ask = [&](const std::string& secret, std::string_view target) {
    auto req = doubles::make_request("GET", target, {},
                                     {{"Authorization", "Bearer " + secret}});
    req.who = nullptr;
    auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    metered.enter(call->incomplete(), call, false);
    return *call->wait_for_answer();
  };
  const auto viewer = w.add(access_role::viewer);
  // Before the permission is looked at: who is refused for it uses a turn too.
  for (int i = 0; i < 3; ++i)
    CHECK(ask(viewer, "/api/systems").status == 403);
  const auto refused = ask(viewer, "/api/systems");
  CHECK(refused.status == 429);
  CHECK(json::parse(refused.body)
        == json{{"code", 429},
                {"message", "rate limit exceeded"},
                {"data", nullptr}});
  CHECK(header_of(refused, "Retry-After") == "1");
  CHECK(ask(viewer, "/api/systems/backups").status == 429);
  CHECK(ask(viewer, "/api/x").status == 204);
  CHECK(ask(w.add(access_role::operate), "/api/systems").status == 204);
  for (int i = 0; i < 10; ++i)
    CHECK(ask("the-node-token", "/api/systems").status == 204);
}
