/// The systems backups API without a door: the real route table, handlers and
/// kinds, over fakes. What the door does before a handler, permissions and
/// refusals, is done here by the same rules.
#pragma once

#include "http/event_stream.hpp"
#include "http/router.hpp"
#include "http/routes.hpp"
#include "jobs/catalog.hpp"
#include "jobs/downloads.hpp"
#include "tests/doubles/fake_archives.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_backup_desk.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_exchange.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_node_facts.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/fake_queries.hpp"
#include "tests/doubles/fake_system_objects.hpp"
#include "tests/doubles/fake_volumes.hpp"
#include "tests/doubles/working_engine.hpp"
#include "tests/http/kept_answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

using doubles::header_of;
using json = nlohmann::json;

/// Reads of the ledger that fail when they are told to.
class failing_records final : public doubles::fake_queries {
public:
  using fake_queries::fake_queries;
  bool systems_fail = false, backups_fail = false;

  jobs::result<std::optional<jobs::system_record>>
  find_system(std::string_view id) override {
    if (systems_fail)
      return broken();
    return fake_queries::find_system(id);
  }
  jobs::result<std::vector<jobs::listed_system>>
  list_systems(std::string_view after, std::size_t limit) override {
    if (systems_fail)
      return broken();
    return fake_queries::list_systems(after, limit);
  }
  jobs::result<std::optional<jobs::system_backup_record>>
  find_system_backup(std::string_view id) override {
    if (backups_fail)
      return broken();
    return fake_queries::find_system_backup(id);
  }
  jobs::result<std::vector<jobs::system_backup_record>>
  list_system_backups(std::string_view system) override {
    if (backups_fail)
      return broken();
    return fake_queries::list_system_backups(system);
  }

private:
  static jobs::fault broken() {
    return {.code = jobs::fault_code::journal_unavailable,
            .what = "the ledger cannot be read"};
  }
};

struct systems_world {
  explicit systems_world(jobs::system_limits limits = {}, bool has_store = true)
    : parts{objects, bodies, limits}, rate(limits.per_minute, limits.per_hour),
      routes(make_routes(all_parts(has_store))) {
    node.systems = &parts;
    for (const auto& [id, path] :
         {std::pair{"d1c1", "d1/r1/c1"}, std::pair{"d1c2", "d1/r1/c2"},
          std::pair{"d1x", "d1/r2/c1"}, std::pair{"d2c1", "d2/r1/c1"}})
      if (!amend(
              jobs::put_system{id, path, "System " + std::string{id}, false}))
        throw std::runtime_error{"no system"};
  }

  api_parts all_parts(bool has_store = true) {
    return {.engine = engine,
            .backups = desk,
            .clock = clock,
            .events = events,
            .later = later,
            .node = facts,
            .websocket = [](const exchange_ptr&) {},
            .deny_tokens = [](const exchange_ptr&) {},
            .systems = {.records = &records,
                        .parts = has_store ? &parts : nullptr,
                        .rate = &rate,
                        .link_secret = [this] { return link_secret; },
                        .public_url = {},
                        .has_tls = false,
                        .put =
                            [this](jobs::put_system what,
                                   std::function<void(jobs::status)> done) {
                              done(amend(std::move(what)));
                            }}};
  }

  jobs::status amend(jobs::put_system what) {
    const std::scoped_lock lock{store->mutex};
    return store->amend({std::move(what)}, clock.now());
  }

  // -- who asks ---------------------------------------------------------------

  static jobs::principal_ptr person(jobs::access_role role,
                                    std::vector<std::string> organisations) {
    jobs::principal who;
    who.id = "token:1";
    who.role = role;
    who.permissions = jobs::permissions_of(role);
    who.scope.organisations = std::move(organisations);
    return std::make_shared<const jobs::principal>(std::move(who));
  }
  static jobs::principal_ptr appliance(std::string system) {
    jobs::principal who;
    who.id = "appliance:" + system;
    who.kind = jobs::principal_kind::appliance;
    who.role = jobs::access_role::custom;
    who.permissions = {jobs::permission::deliver_backups};
    who.scope.systems = {std::move(system)};
    return std::make_shared<const jobs::principal>(std::move(who));
  }

  // -- asking -----------------------------------------------------------------

  response ask(const jobs::principal_ptr& who, std::string method,
               std::string_view target, std::string body = {},
               header_list headers = {}) {
    auto req = doubles::make_request(std::move(method), target, std::move(body),
                                     std::move(headers));
    req.who = who;
    if (!who && req.proof == credential::good)
      req.proof = credential::missing;
    return ask(std::move(req));
  }

  response ask(request req) {
    auto match = routes.find(req.method, req.path);
    if (!match.hit)
      throw std::runtime_error("no route for " + req.method + " " + req.path);
    req.params = std::move(match.params);
    const auto method = req.method;
    auto answer = lead(*match.hit, std::move(req));
    keep_answer(method, match.hit->pattern, answer);
    return answer;
  }

  response upload(const std::string& system, std::string body,
                  header_list headers = {}) {
    return ask(appliance(system), "POST", "/api/systems/backups",
               std::move(body), std::move(headers));
  }
  /// The id of a fresh backup.
  std::string stored(const std::string& system, std::string body = "bytes",
                     std::string name = "a.gpg") {
    clock.advance(std::chrono::milliseconds{10});
    const auto answer =
        upload(system, std::move(body), {{"X-Filename", std::move(name)}});
    if (answer.status != 201)
      throw std::runtime_error("not stored: " + answer.body);
    return json::parse(answer.body).at("data").at("id");
  }

  /// As the door does.
  response lead(const route& way, request req) {
    if (!way.needs.is_open()) {
      if (!req.who)
        return way.deny(req, {jobs::fault_code::unauthorized, "who?"});
      if (!req.who->has(way.needs.permission()))
        return way.deny(req, {jobs::fault_code::forbidden, "no"});
    }
    auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    way.run(call);
    auto answer = call->wait_for_answer();
    if (!answer)
      throw std::runtime_error("no answer");
    engine.join();
    return *std::move(answer);
  }

  std::string link_secret = "secret of links";
  doubles::fake_clock clock;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  doubles::fake_queries queries{store};
  failing_records records{store};
  doubles::fake_system_objects objects;
  jobs::incoming_bodies bodies;
  jobs::system_parts parts;
  jobs::upload_rate rate;
  jobs::fake_containers docker;
  jobs::fake_volumes disk;
  jobs::fake_audience clients;
  jobs::downloads downloads;
  jobs::fake_archives archives;
  jobs::fake_panel panel;
  jobs::ports node{docker,
                   disk,
                   clients,
                   downloads,
                   archives,
                   queries,
                   std::chrono::milliseconds{0},
                   std::chrono::hours{24},
                   std::chrono::milliseconds{0},
                   panel};
  doubles::working_engine engine{node, store, clock};
  doubles::fake_backup_desk desk;
  doubles::fake_node_facts facts;
  event_streams events{engine, {}};
  errands later;
  router routes;
};

inline const std::string no_such = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg";

/// One request about the backups of a system.
struct call_about {
  const char* method;
  std::string path;
  bool changes;
};

inline std::vector<call_about> calls_about(const std::string& system,
                                           const std::string& id) {
  const auto base = "/api/systems/" + system + "/backups";
  return {{"GET", base, false},
          {"GET", base + "/" + id + "/download", false},
          {"DELETE", base + "/" + id, true},
          {"DELETE", base + "/" + id + "/download", true}};
}

/// The message of an answer in the envelope, checked for its shape: three keys,
/// and the code is the status.
inline std::string message_of(const response& answer) {
  if (header_of(answer, "Content-Type") != "application/json; charset=utf-8")
    return "(no envelope: " + std::to_string(answer.status) + ")";
  const auto body = json::parse(answer.body, nullptr, false);
  if (!body.is_object() || body.size() != 3 || !body.contains("data")
      || body.value("code", 0) != answer.status)
    return "(broken envelope: " + answer.body + ")";
  return body.at("message");
}

inline json data_of(const response& answer) {
  return json::parse(answer.body).at("data");
}

} // namespace alula::http
