// The acceptance list of the systems backups API: who may do what to whose
// backups, and every answer with its sentence.
#include "tests/http/systems_world.hpp"

#include <set>

using namespace alula;
using namespace alula::http;
using jobs::access_role;

namespace {

header_list with_basic(std::string value) {
  return {{"Authorization", std::move(value)}};
}

/// What somebody brings who is nobody, and what he is told.
struct proof {
  credential is;
  const char* header;
  const char* sentence;
};

void check_refused(systems_world& w, const proof& given, const char* method,
                   const std::string& path, const std::string& challenge) {
  INFO(given.header << ' ' << method << ' ' << path);
  auto req = doubles::make_request(method, path);
  req.who = nullptr;
  req.proof = given.is;
  if (*given.header)
    req.headers = with_basic(given.header);
  const auto answer = w.ask(std::move(req));
  CHECK(answer.status == 401);
  CHECK(message_of(answer) == given.sentence);
  CHECK(header_of(answer, "WWW-Authenticate") == challenge);
}

} // namespace

TEST_CASE("who may do what to the backups of which system", "[http][systems]") {
  struct person {
    const char* name;
    access_role role;
    std::vector<std::string> organisations;
    std::set<std::string> reaches;
  };
  const std::vector<person> people{
      {"owner's admin",
       access_role::admin,
       {"d1", "d2"},
       {"d1c1", "d1c2", "d1x", "d2c1"}},
      {"distributor 1's admin",
       access_role::admin,
       {"d1"},
       {"d1c1", "d1c2", "d1x"}},
      {"reseller 1's operator",
       access_role::operate,
       {"d1/r1"},
       {"d1c1", "d1c2"}},
      {"reseller 1's viewer", access_role::viewer, {"d1/r1"}, {"d1c1", "d1c2"}},
      {"reseller 2's operator", access_role::operate, {"d1/r2"}, {"d1x"}},
      {"customer 1's operator", access_role::operate, {"d1/r1/c1"}, {"d1c1"}},
      {"customer 1's viewer", access_role::viewer, {"d1/r1/c1"}, {"d1c1"}},
      {"distributor 2's operator", access_role::operate, {"d2"}, {"d2c1"}},
      {"nobody's operator", access_role::operate, {}, {}},
      {"an operator of a name that begins alike",
       access_role::operate,
       {"d1/r"},
       {}},
  };
  // Of people, systems, routes and verbs; each is asked once.
  std::set<std::string> cases;
  for (const auto& who : people)
    for (const std::string system : {"d1c1", "d1c2", "d1x", "d2c1"}) {
      systems_world w;
      const auto id = w.stored(system);
      for (const auto& asked : calls_about(system, id)) {
        INFO(who.name << ": " << asked.method << ' ' << asked.path);
        CHECK(cases
                  .insert(std::string{who.name} + ' ' + asked.method + ' '
                          + asked.path)
                  .second);
        const auto answer =
            w.ask(systems_world::person(who.role, who.organisations),
                  asked.method, asked.path);
        const bool lacks = asked.changes && who.role == access_role::viewer;
        if (lacks) {
          CHECK(answer.status == 403);
          CHECK(message_of(answer) == "insufficient permissions");
        } else if (!who.reaches.contains(system)) {
          CHECK(answer.status == 403);
          CHECK(message_of(answer) == "access denied to system");
          CHECK(data_of(answer).is_null());
        } else if (asked.path.ends_with("/download") && asked.changes) {
          CHECK(answer.status == 404); // the other path has removed it
        } else {
          CHECK(answer.status == 200);
        }
      }
    }
  // The contract's list has that many; fewer would say less.
  CHECK(cases.size() >= 150);
}

TEST_CASE("without a good bearer every route says why", "[http][systems]") {
  systems_world w;
  const std::vector<proof> proofs{
      {credential::missing, "", "authorization header required"},
      {credential::empty, "Bearer ", "token not provided"},
      {credential::unknown, "Bearer wrong", "invalid token"},
      {credential::other_scheme, "Digest x",
       "invalid authorization header format"},
      {credential::unknown, "Basic eDp5",
       "invalid authorization header format"},
  };
  for (const auto& given : proofs)
    for (const auto& asked : calls_about("d1c1", no_such)) {
      check_refused(w, given, asked.method, asked.path, "Bearer");
    }
}

TEST_CASE("without a good key every route of appliances says why",
          "[http][systems]") {
  systems_world w;
  const std::vector<proof> proofs{
      {credential::missing, "", "authentication required"},
      {credential::unknown, "Bearer x", "invalid authentication format"},
      {credential::other_scheme, "Digest x", "invalid authentication format"},
      {credential::undecodable, "Basic %%", "invalid authentication encoding"},
      {credential::unsplittable, "Basic eA==", "invalid credentials format"},
      {credential::unknown, "Basic eDp5", "invalid system credentials"},
  };
  const std::vector<std::pair<const char*, std::string>> routes{
      {"POST", "/api/systems/backups"},
      {"GET", "/api/systems/backups"},
      {"GET", "/api/systems/backups/" + no_such},
      {"HEAD", "/api/systems/backups/" + no_such},
      {"DELETE", "/api/systems/backups/" + no_such}};
  for (const auto& given : proofs)
    for (const auto& [method, path] : routes) {
      check_refused(w, given, method, path,
                    "Basic realm=\"System Authentication\"");
    }
}

TEST_CASE("who is good for something else is nobody to appliances' routes",
          "[http][systems]") {
  systems_world w;
  for (const auto& who : {jobs::panel_principal(),
                          systems_world::person(access_role::admin, {"d1"})})
    for (const auto* method : {"POST", "GET"}) {
      const auto answer = w.ask(who, method, "/api/systems/backups", "x");
      CHECK(answer.status == 401);
      CHECK(w.objects.is_empty());
    }
  // Nor is an appliance anybody on the others.
  auto req = doubles::make_request("GET", "/api/systems/d1c1/backups", {},
                                   with_basic("Basic x"));
  req.who = systems_world::appliance("d1c1");
  const auto answer = w.ask(std::move(req));
  CHECK(answer.status == 401);
}

TEST_CASE("an id that is none is told before anything else",
          "[http][systems]") {
  systems_world w;
  const auto operate = systems_world::person(access_role::operate, {"d2"});
  for (const std::string bad :
       {"4b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001", "x", "0198b3c1",
        "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.sh",
        "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e%20",
        "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e%0a",
        "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e..%2Fetc%2Fpasswd",
        "..%2F..%2Fetc%2Fpasswd", "0198b3c1-7a52-7c0e-cd44-0f6a1b2c3d4e"})
    for (const std::string system : {"d1c1", "nowhere"})
      for (const auto& asked : calls_about(system, bad)) {
        if (!asked.path.ends_with("/download") && !asked.changes)
          continue;
        INFO(asked.method << ' ' << asked.path);
        const auto answer = w.ask(operate, asked.method, asked.path);
        CHECK(answer.status == 400);
        CHECK(message_of(answer) == "invalid backup id");
      }
  for (const auto* method : {"GET", "DELETE"}) {
    const auto answer =
        w.ask(systems_world::appliance("d1c1"), method,
              "/api/systems/backups/0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.sh");
    CHECK(answer.status == 400);
  }
}

TEST_CASE("a system and a backup that are not there are 404",
          "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  for (const auto& asked : calls_about("nowhere", no_such)) {
    const auto answer = w.ask(admin, asked.method, asked.path);
    CHECK(answer.status == 404);
    CHECK(message_of(answer) == "system not found");
  }
  for (const auto& asked : calls_about("d1c1", no_such)) {
    if (!asked.path.ends_with("/download") && !asked.changes)
      continue;
    const auto answer = w.ask(admin, asked.method, asked.path);
    CHECK(answer.status == 404);
    CHECK(message_of(answer) == "backup not found");
  }
  // Nor is another system's backup there.
  const auto other = w.stored("d1c2");
  CHECK(w.ask(admin, "DELETE", "/api/systems/d1c1/backups/" + other).status
        == 404);
  for (const auto* method : {"GET", "DELETE"})
    CHECK(w.ask(systems_world::appliance("d1c1"), method,
                "/api/systems/backups/" + other)
              .status
          == 404);
  CHECK_FALSE(w.objects.is_empty());
}

TEST_CASE("a list is newest first and adds up", "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  auto answer = w.ask(admin, "GET", "/api/systems/d1c1/backups");
  CHECK(message_of(answer) == "backups retrieved successfully");
  CHECK(data_of(answer).at("backups") == json::array());
  CHECK(data_of(answer).at("quota_used_bytes") == 0);
  const auto first = w.stored("d1c1", "12345", "one.tar.gz");
  const auto second = w.stored("d1c1", "123", "two");
  answer = w.ask(admin, "GET", "/api/systems/d1c1/backups");
  const auto data = data_of(answer);
  CHECK(data.at("quota_used_bytes") == 8);
  CHECK(data.at("slots_used") == 2);
  const auto& newest = data.at("backups").at(0);
  CHECK(newest.at("id") == second);
  CHECK(data.at("backups").at(1).at("id") == first);
  CHECK(newest.at("filename") == "two");
  CHECK(newest.at("size") == 3);
  CHECK(newest.at("sha256").get<std::string>().size() == 64);
  CHECK(newest.at("mimetype") == "application/octet-stream");
  CHECK(newest.at("uploaded_at").get<std::string>().ends_with("Z"));
  CHECK(answer.body.find("127.0.0.1") == std::string::npos);
  const auto own =
      w.ask(systems_world::appliance("d1c1"), "GET", "/api/systems/backups");
  CHECK(message_of(own) == "backups listed");
  CHECK(data_of(own).at("backups") == data.at("backups"));
  CHECK(data_of(own).size() == 1);
}

TEST_CASE("a list of systems says how full each is", "[http][systems]") {
  systems_world w;
  w.stored("d1c1", "12345");
  w.stored("d1c1", "678");
  const auto viewer = systems_world::person(access_role::viewer, {"d1"});
  const auto data = data_of(w.ask(viewer, "GET", "/api/systems"));
  CHECK(data.at("slots") == 10);
  CHECK(data.at("quota_bytes") == 500 << 20);
  const auto& full = data.at("systems").at(0);
  CHECK(full.at("id") == "d1c1");
  CHECK(full.at("backups") == 2);
  CHECK(full.at("bytes") == 8);
  const auto listed =
      data_of(w.ask(viewer, "GET", "/api/systems/d1c1/backups"));
  CHECK(full.at("newest_at") == listed.at("backups").at(0).at("uploaded_at"));
  const auto& empty = data.at("systems").at(1);
  CHECK(empty.at("backups") == 0);
  CHECK(empty.at("newest_at").is_null());
  CHECK(data.at("systems").size() == 3);
}

TEST_CASE("every route of the contract but uploads is metered",
          "[http][systems]") {
  systems_world w;
  for (const auto& one : make_routes(w.all_parts())) {
    INFO(one.method << ' ' << one.pattern);
    const bool is_of_contract = one.pattern.starts_with("/api/systems");
    CHECK(one.is_metered == (is_of_contract && !one.streams_body));
  }
}

TEST_CASE("a deleted backup is gone for good", "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  for (const std::string suffix : {"", "/download"}) {
    const auto id = w.stored("d1c1");
    const auto path = "/api/systems/d1c1/backups/" + id + suffix;
    const auto answer = w.ask(admin, "DELETE", path);
    CHECK(answer.status == 200);
    CHECK(message_of(answer) == "backup deleted");
    CHECK(data_of(answer) == json{{"system_id", "d1c1"}, {"backup_id", id}});
    CHECK(w.objects.is_empty());
    CHECK(w.ask(admin, "DELETE", path).status == 404);
  }
  const auto id = w.stored("d1c1");
  const auto own = systems_world::appliance("d1c1");
  const auto answer = w.ask(own, "DELETE", "/api/systems/backups/" + id);
  CHECK(answer.status == 200);
  CHECK(data_of(answer) == json{{"id", id}});
  CHECK(w.ask(own, "DELETE", "/api/systems/backups/" + id).status == 404);
}

TEST_CASE("jobs about a system know whose it is", "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  const auto by_person = w.stored("d1c1");
  const auto by_appliance = w.stored("d1c1");
  CHECK(w.ask(admin, "DELETE", "/api/systems/d1c1/backups/" + by_person).status
        == 200);
  CHECK(w.ask(systems_world::appliance("d1c1"), "DELETE",
              "/api/systems/backups/" + by_appliance)
            .status
        == 200);
  CHECK(w.ask(admin, "DELETE", "/api/systems/d1c1").status == 200);
  const auto all = w.engine.all_jobs();
  CHECK(all.size() == 5);
  for (const auto& job : all) {
    CAPTURE(job.kind);
    CHECK(jobs::subject_of(job.kind, job.server, job.input)
          == jobs::access_object::of_system("d1c1", "d1/r1/c1"));
  }
}

TEST_CASE("an id in upper case finds its backup", "[http][systems]") {
  systems_world w;
  auto upper = w.stored("d1c1");
  for (auto& c : upper)
    c = static_cast<char>(std::toupper(c));
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  const auto answer =
      w.ask(admin, "DELETE", "/api/systems/d1c1/backups/" + upper);
  CHECK(answer.status == 200);
  CHECK(data_of(answer).at("backup_id") == upper);
}

TEST_CASE("a system that is suspended sends nothing and keeps what it has",
          "[http][systems]") {
  systems_world w;
  const auto id = w.stored("d1c1");
  REQUIRE(w.amend(jobs::put_system{"d1c1", "d1/r1/c1", "", true}));
  CHECK(w.upload("d1c1", "x").status == 401);
  // Whatever else is wrong: its credential is looked at first.
  CHECK(w.upload("d1c1", "").status == 401);
  CHECK(w.ask(systems_world::appliance("d1c1"), "GET",
              "/api/systems/backups/no-id")
            .status
        == 401);
  CHECK(w.ask(systems_world::appliance("d1c1"), "GET",
              "/api/systems/backups/" + id)
            .status
        == 401);
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  CHECK(w.ask(admin, "GET", "/api/systems/d1c1/backups").status == 200);
  CHECK(w.ask(admin, "DELETE", "/api/systems/d1c1/backups/" + id).status
        == 200);
}
