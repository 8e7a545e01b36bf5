// What the systems backups API says when something below it fails, and of the
// systems themselves.
#include "tests/http/systems_world.hpp"

using namespace alula;
using namespace alula::http;
using jobs::access_role;

TEST_CASE("a ledger or a store that fails is named without detail",
          "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  const auto id = w.stored("d1c1");
  const auto base = "/api/systems/d1c1/backups";
  SECTION("systems cannot be read") {
    w.records.systems_fail = true;
    for (const auto& asked : calls_about("d1c1", id)) {
      const auto answer = w.ask(admin, asked.method, asked.path);
      CHECK(answer.status == 500);
      CHECK(message_of(answer) == "failed to process system request");
    }
    const auto sent = w.upload("d1c1", "x");
    CHECK(sent.status == 500);
    CHECK(message_of(sent) == "failed to resolve system organization");
  }
  SECTION("backups cannot be read") {
    w.records.backups_fail = true;
    CHECK(message_of(w.ask(admin, "GET", base)) == "failed to list backups");
    const auto link = w.ask(admin, "GET", base + ("/" + id) + "/download");
    CHECK(link.status == 502);
    CHECK(message_of(link) == "failed to generate download URL");
    const auto gone = w.ask(admin, "DELETE", base + ("/" + id));
    CHECK(gone.status == 502);
    CHECK(message_of(gone) == "failed to delete backup");
    const auto own = w.ask(systems_world::appliance("d1c1"), "GET",
                           "/api/systems/backups/" + id);
    CHECK(own.status == 502);
    CHECK(message_of(own) == "failed to fetch backup");
  }
  SECTION("files cannot be removed") {
    w.objects.before = [](std::string_view call) -> jobs::status {
      if (call == "remove")
        return jobs::fault{jobs::fault_code::io_error, "EIO /secret/path"};
      return {};
    };
    const auto gone = w.ask(admin, "DELETE", base + ("/" + id));
    CHECK(gone.status == 502);
    CHECK(message_of(gone) == "failed to delete backup");
    CHECK(gone.body.find("secret") == std::string::npos);
  }
  SECTION("files cannot be opened") {
    w.objects.before = [](std::string_view call) -> jobs::status {
      if (call == "open")
        return jobs::fault{jobs::fault_code::io_error, "EIO"};
      return {};
    };
    CHECK(w.ask(admin, "GET", base + ("/" + id) + "/download").status == 502);
    CHECK(w.ask(systems_world::appliance("d1c1"), "GET",
                "/api/systems/backups/" + id)
              .status
          == 502);
  }
}

TEST_CASE("a node without a store says 503 when it has said the rest",
          "[http][systems]") {
  systems_world w{{}, false};
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  for (const auto& asked : calls_about("d1c1", no_such)) {
    const auto answer = w.ask(admin, asked.method, asked.path);
    CHECK(answer.status == 503);
    CHECK(message_of(answer) == "backup storage unavailable");
  }
  for (const auto& asked : calls_about("nowhere", no_such))
    CHECK(w.ask(admin, asked.method, asked.path).status == 404);
  for (const auto& asked : calls_about("d2c1", no_such))
    CHECK(w.ask(admin, asked.method, asked.path).status == 403);
  CHECK(w.upload("d1c1", "x").status == 503);
}

TEST_CASE("systems are put on record and destroyed by who may",
          "[http][systems]") {
  systems_world w;
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  const auto operate = systems_world::person(access_role::operate, {"d1"});
  const std::string body = R"({"organization":"d1/r9","name":"New"})";
  CHECK(w.ask(operate, "PUT", "/api/systems/new", body).status == 403);
  CHECK(w.ask(admin, "PUT", "/api/systems/new", body).status == 201);
  CHECK(w.ask(admin, "PUT", "/api/systems/new", body).status == 200);
  CHECK(
      w.ask(admin, "PUT", "/api/systems/new", R"({"organization":"d2"})").status
      == 403);
  CHECK(w.ask(admin, "PUT", "/api/systems/d2c1", body).status == 403);
  for (const auto* bad :
       {"", "[]", "{}", R"({"organization":7})", R"({"organization":"/d1"})"})
    CHECK(w.ask(admin, "PUT", "/api/systems/new", bad).status == 400);
  const auto wrong = w.ask(admin, "PUT", "/api/systems/backups",
                           R"({"organization":7,"name":[],"suspended":"no"})");
  CHECK(message_of(wrong) == "validation failed");
  const auto errors = data_of(wrong).at("errors");
  std::vector<std::string> keys;
  for (const auto& error : errors)
    keys.push_back(error.at("key"));
  CHECK(keys
        == std::vector<std::string>{"system", "organization", "name",
                                    "suspended"});
  const auto listed = w.ask(admin, "GET", "/api/systems");
  CHECK(data_of(listed).at("systems").size() == 4);
  CHECK(w.ask(admin, "GET", "/api/systems/new").status == 200);
  w.stored("new");
  CHECK(w.ask(operate, "DELETE", "/api/systems/new").status == 403);
  const auto gone = w.ask(admin, "DELETE", "/api/systems/new");
  CHECK(gone.status == 200);
  CHECK(w.objects.is_empty());
  CHECK(w.ask(admin, "GET", "/api/systems/new").status == 404);
  // Its key is nobody's, until a system of that id is put on record again.
  CHECK(w.upload("new", "x").status == 401);
}

TEST_CASE("who reaches a system by its id does not give it to others",
          "[http][systems]") {
  systems_world w;
  auto who = std::make_shared<jobs::principal>(
      *systems_world::person(access_role::admin, {}));
  who->scope.systems = {"d1c1", "fresh"};
  const auto put = [&](const char* system, const char* organization) {
    return w
        .ask(who, "PUT", "/api/systems/" + std::string{system},
             R"({"organization":")" + std::string{organization}
                 + R"(","name":"Mine"})")
        .status;
  };
  CHECK(put("d1c1", "d1/r1/c1") == 200);
  CHECK(put("d1c1", "d2/r1/c1") == 403);
  CHECK(put("d1c1", "") == 403);
  CHECK(put("fresh", "d2/r1/c1") == 403);
  CHECK(put("d1c2", "d1/r1/c2") == 403);
}

TEST_CASE("a deletion is answered at its end though nothing else is waited for",
          "[http][systems]") {
  systems_world w;
  auto impatient = w.all_parts();
  impatient.settings.sync_wait = std::chrono::milliseconds{0};
  w.routes = router{make_routes(std::move(impatient))};
  const auto admin = systems_world::person(access_role::admin, {"d1"});
  const auto id = w.stored("d1c1");
  CHECK(w.ask(admin, "DELETE", "/api/systems/d1c1/backups/" + id).status
        == 200);
}
