// Who may do what to systems, at the door.
#include "http/issuer.hpp"
#include "tests/http/guarded_systems.hpp"
#include "tests/http/token_maker.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using jobs::access_role;

namespace {

struct call_row {
  std::string method, target;
  std::set<access_role> allowed;
  int status; ///< to whoever is allowed
  std::string body = {};
};

const std::set<access_role> all_roles{access_role::viewer, access_role::operate,
                                      access_role::admin};
const std::set<access_role> changing{access_role::operate, access_role::admin};
const std::set<access_role> admins{access_role::admin};

/// What is about one system; nothing in it changes what the next row meets.
std::vector<call_row> calls_about_system(const std::string& id) {
  const std::string system = "/api/systems/d1c1";
  const auto backups = system + "/backups/";
  return {{"GET", system, all_roles, 200},
          {"PUT", system, admins, 200, R"({"organization":"d1/r1/c1"})"},
          {"GET", system + "/backups", all_roles, 200},
          {"GET", backups + id + "/download", all_roles, 200},
          {"DELETE", backups + no_such, changing, 404},
          {"DELETE", backups + no_such + "/download", changing, 404}};
}

std::vector<call_row> calls_of_people(const std::string& id) {
  auto all = calls_about_system(id);
  all.push_back({"GET", "/api/systems", all_roles, 200});
  // The last one: it goes.
  all.push_back({"DELETE", "/api/systems/d1c1", admins, 200});
  return all;
}

std::vector<call_row> calls_of_appliances(const std::string& id) {
  const std::string own = "/api/systems/backups";
  return {{"POST", own, {}, 201, "bytes"},
          {"GET", own, {}, 200},
          {"GET", own + "/" + id, {}, 200},
          {"HEAD", own + "/" + id, {}, 200},
          {"DELETE", own + "/" + no_such, {}, 404}};
}

void check_unknown_appliance(const response& answer, std::string_view message) {
  CHECK(answer.status == 401);
  CHECK(message_of(answer) == message);
  CHECK(header_of(answer, "WWW-Authenticate")
        == "Basic realm=\"System Authentication\"");
}

} // namespace

TEST_CASE("each route of systems lets in the roles of its row and no other",
          "[http][systems]") {
  guarded_systems w;
  const auto id = w.stored("d1c1");
  const auto appliance = w.basic("NETH-1", w.key_of("NETH-1", "d1c1"));
  std::map<access_role, std::string> people;
  for (const auto role : all_roles)
    people[role] = w.bearer(role, {.everything = true});
  std::set<std::string> cases; // of roles, routes and verbs
  for (const auto& row : calls_of_people(id)) {
    CAPTURE(row.method, row.target);
    const auto none = w.enter("", row.method, row.target, row.body);
    CHECK(none.status == 401);
    CHECK(message_of(none) == "authorization header required");
    const auto unknown =
        w.enter("Bearer alula_nobody", row.method, row.target, row.body);
    CHECK(unknown.status == 401);
    CHECK(message_of(unknown) == "invalid token");
    CHECK(w.enter(appliance, row.method, row.target, row.body).status == 401);
    for (const auto role : all_roles) {
      CAPTURE(jobs::to_string(role));
      cases.insert(std::string{jobs::to_string(role)} + ' ' + row.method + ' '
                   + row.target);
      const auto answer =
          w.enter(people[role], row.method, row.target, row.body);
      if (row.allowed.contains(role)) {
        CHECK(answer.status == row.status);
      } else {
        CHECK(answer.status == 403);
        CHECK(message_of(answer) == "insufficient permissions");
      }
    }
  }
  CHECK(cases.size() >= 24); // all three roles at all eight
}

TEST_CASE("a role reaches the systems of its scope and no other",
          "[http][systems]") {
  guarded_systems w;
  const auto id = w.stored("d1c1");
  for (const auto role : all_roles) {
    CAPTURE(jobs::to_string(role));
    for (const auto& far :
         {jobs::object_scope{.systems = {"d1c2"}},
          jobs::object_scope{.organisations = {"d1/r1/c"}},
          jobs::object_scope{.organisations = {"d2"}},
          jobs::object_scope{
              .servers = {"8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d"}}}) {
      const auto who = w.bearer(role, far);
      for (const auto& row : calls_about_system(id)) {
        CAPTURE(row.method, row.target);
        const auto answer = w.enter(who, row.method, row.target, row.body);
        CHECK(answer.status == 403);
        CHECK(message_of(answer)
              == (row.allowed.contains(role) ? "access denied to system"
                                             : "insufficient permissions"));
      }
      const auto list = w.enter(who, "GET", "/api/systems");
      CHECK(list.status == 200);
      CHECK(list.body.find("d1c1") == std::string::npos);
      CHECK(w.enter(who, "DELETE", "/api/systems/d1c1").status == 403);
    }
    for (const auto& near : {jobs::object_scope{.systems = {"d1c1"}},
                             jobs::object_scope{.organisations = {"d1"}}}) {
      const auto who = w.bearer(role, near);
      for (const auto& row : calls_about_system(id)) {
        CAPTURE(row.method, row.target);
        CHECK(w.enter(who, row.method, row.target, row.body).status
              == (row.allowed.contains(role) ? row.status : 403));
      }
    }
  }
}

TEST_CASE("a permission counts by way of the user's list and of the "
          "organisation's",
          "[http][systems]") {
  systems_world w;
  const std::string key(32, 's');
  const auto from = issuer::make({"https://id.example", "alula",
                                  std::chrono::seconds{60}, key},
                                 w.clock)
                        .value();
  const auto status = [&](const std::string& method, const json& of_user,
                          const json& of_organisation) {
    const json user{{"organization_id", "d1"},
                    {"user_permissions", of_user},
                    {"org_permissions", of_organisation}};
    const auto who = from->find(sign({{"iss", "https://id.example"},
                                      {"aud", "alula"},
                                      {"sub", "42"},
                                      {"exp", w.clock.now() / 1'000 + 300},
                                      {"user", user}},
                                     key));
    REQUIRE(who);
    const std::string backups = "/api/systems/d1c1/backups";
    return w
        .ask(who, method, method == "GET" ? backups : backups + "/" + no_such)
        .status;
  };
  const auto none = json::array();
  const auto reads = json::array({"read:systems"});
  const auto manages = json::array({"manage:systems"});
  CHECK(status("GET", reads, none) == 200);
  CHECK(status("GET", none, reads) == 200);
  CHECK(status("GET", none, none) == 403);
  CHECK(status("GET", manages, none) == 403);
  CHECK(status("DELETE", manages, none) == 404);
  CHECK(status("DELETE", none, manages) == 404);
  CHECK(status("DELETE", reads, none) == 403);
  CHECK(status("DELETE", none, reads) == 403);
}

TEST_CASE(
    "a system that another organisation gets keeps its backups, and takes "
    "their bytes along",
    "[http][systems]") {
  systems_world w{{.organization = 10}};
  const auto id = w.stored("d1c1", std::string(6, 'x'));
  const auto before = systems_world::person(access_role::operate, {"d1/r1"});
  const auto after = systems_world::person(access_role::operate, {"d2/r1"});
  const auto owner = systems_world::person(access_role::admin, {"d1", "d2"});
  const std::string backups = "/api/systems/d1c1/backups";
  CHECK(w.ask(after, "GET", backups).status == 403);
  REQUIRE(
      w.ask(owner, "PUT", "/api/systems/d1c1", R"({"organization":"d2/r1/c1"})")
          .status
      == 200);
  for (const auto& asked : calls_about("d1c1", id)) {
    INFO(asked.method << ' ' << asked.path);
    const auto answer = w.ask(before, asked.method, asked.path);
    CHECK(answer.status == 403);
    CHECK(message_of(answer) == "access denied to system");
  }
  const auto listed = data_of(w.ask(after, "GET", backups));
  CHECK(listed.at("backups").at(0).at("id") == id);
  CHECK(listed.at("quota_used_bytes") == 6);
  CHECK(w.ask(systems_world::appliance("d1c1"), "GET",
              "/api/systems/backups/" + id)
            .status
        == 200);
  // The organisation that it came to has so much less, the other so much more.
  const auto full = w.upload("d2c1", std::string(5, 'x'));
  CHECK(full.status == 413);
  CHECK(message_of(full) == "organization backup quota exceeded");
  REQUIRE(w.amend(jobs::put_system{"d1y", "d1/r1/c1", "", false}));
  CHECK(w.upload("d1y", std::string(10, 'x')).status == 201);
}

TEST_CASE("routes of appliances let in the key of one and nobody else",
          "[http][systems]") {
  guarded_systems w;
  const auto id = w.stored("d1c1");
  const auto own = w.basic("NETH-1", w.key_of("NETH-1", "d1c1"));
  const auto lost = w.basic("NETH-3", w.key_of("NETH-3", "nowhere"));
  for (const auto& row : calls_of_appliances(id)) {
    CAPTURE(row.method, row.target);
    const auto ask = [&](const std::string& credentials) {
      return w.enter(credentials, row.method, row.target, row.body);
    };
    check_unknown_appliance(ask(""), "authentication required");
    check_unknown_appliance(ask("Bearer the-node-token"),
                            "invalid authentication format");
    for (const auto role : all_roles)
      check_unknown_appliance(ask(w.bearer(role, {.everything = true})),
                              "invalid authentication format");
    check_unknown_appliance(ask(lost), "invalid system credentials");
    CHECK(ask(own).status == row.status);
  }
  // Another's key finds its own system, and there no backup of this one.
  const auto other = w.basic("NETH-2", w.key_of("NETH-2", "d1c2"));
  for (const auto* method : {"GET", "HEAD", "DELETE"})
    CHECK(w.enter(other, method, "/api/systems/backups/" + id).status == 404);
  CHECK(w.objects.published.contains(id));
}

TEST_CASE("a secret of another shape is nobody's", "[http][systems]") {
  guarded_systems w;
  const auto secret = w.key_of("NETH-1", "d1c1"); // my_<20>.<40>
  const auto dot = secret.find('.');
  REQUIRE(secret.starts_with("my_"));
  REQUIRE(dot != std::string::npos);
  auto without_dot = secret, other_digit = secret;
  without_dot.erase(dot, 1);
  other_digit.back() = secret.back() == '0' ? '1' : '0';
  auto dot_elsewhere = without_dot;
  dot_elsewhere.insert(dot + 1, ".");
  for (const auto& wrong :
       {without_dot, dot_elsewhere, other_digit, secret.substr(3),
        "alula_" + secret.substr(3), "MY_" + secret.substr(3),
        "my-" + secret.substr(3), secret.substr(0, secret.size() - 1),
        secret.substr(0, dot + 1), secret.substr(0, dot), secret + "0",
        std::string{"my_"}, std::string{"."}, std::string{}}) {
    CAPTURE(wrong);
    check_unknown_appliance(
        w.enter(w.basic("NETH-1", wrong), "GET", "/api/systems/backups"),
        "invalid system credentials");
  }
  check_unknown_appliance(
      w.enter(w.basic("NETH-2", secret), "GET", "/api/systems/backups"),
      "invalid system credentials");
  CHECK(w.enter(w.basic("NETH-1", secret), "GET", "/api/systems/backups").status
        == 200);
}
