// No change without a row in the audit, whichever route it comes by.
#include "tests/doubles/transfer_form.hpp"
#include "tests/http/api_world.hpp"
#include "tests/http/token_maker.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <string_view>

using namespace alula;
using namespace alula::http;

namespace {

const std::string signing_key(64, 'k');

api_settings with_key() {
  api_settings out;
  out.signing_key = [] { return signing_key; };
  return out;
}

/// What stands in a path for a name.
std::string value_of(std::string_view name) {
  static const std::map<std::string_view, std::string> known{
      {"server", some_server},
      {"job", some_job},
      {"backup", some_server},
      {"place", "offsite"},
      {"pool", "backup"},
      {"report", "1"},
      {"token", std::string(20, '0')},
      {"system", "s1"}};
  const auto found = known.find(name);
  return found == known.end() ? "1" : found->second;
}

std::string target_of(std::string_view pattern) {
  std::string out;
  while (!pattern.empty()) {
    pattern.remove_prefix(1); // the slash
    const auto word = pattern.substr(0, pattern.find('/'));
    out += '/';
    out += word.starts_with(':') ? value_of(word.substr(1)) : std::string{word};
    pattern.remove_prefix(word.size());
  }
  return out;
}

jobs::principal_ptr appliance() {
  jobs::principal who;
  who.id = "appliance:NETH-1";
  who.kind = jobs::principal_kind::appliance;
  who.permissions = {jobs::permission::deliver_backups};
  who.scope.systems = {"s1"};
  return std::make_shared<const jobs::principal>(std::move(who));
}

/// What lets a request in where no credentials do: a token of the Panel's.
header_list token_for_open_routes(jobs::time_ms now) {
  const json claims{{"jti", "1"},
                    {"iat", now / 1'000},
                    {"nbf", now / 1'000},
                    {"exp", now / 1'000 + 900},
                    {"sub", some_server}};
  return {{"Authorization", "Bearer " + sign(claims, signing_key)},
          {"Content-Type", doubles::forms::type}};
}

struct audited_world : api_world {
  audited_world() : api_world(with_key()) {
    engine.ticket = {engine.put(ended(make_job(), job_state::succeeded)),
                     jobs::accept_outcome::created};
  }

  /// The answer of that route to somebody who may.
  response answer_of(const route& way, const std::string& target) {
    const bool is_open = way.needs.is_open();
    auto req = doubles::make_request(
        std::string{way.method}, target, "{}",
        is_open ? token_for_open_routes(clock.now()) : header_list{});
    if (is_open)
      req.who = nullptr;
    else
      req.who = way.needs.permission() == jobs::permission::deliver_backups
                    ? appliance()
                    : jobs::panel_principal();
    auto match = routes.find(req.method, req.path);
    REQUIRE(match.hit);
    req.params = std::move(match.params);
    const auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    match.hit->run(call);
    engine.let_time_pass();
    const auto answer = call->wait_for_answer();
    REQUIRE(answer);
    return *answer;
  }
};

} // namespace

TEST_CASE("no route that changes something leaves no row in the audit",
          "[http]") {
  audited_world w;
  std::size_t changing = 0;
  for (const auto& way : make_routes(w.all_parts(with_key()))) {
    if (way.method == "GET" || way.method == "HEAD")
      continue;
    const auto target = target_of(way.pattern);
    CAPTURE(way.method, target);
    const auto before = w.access.audit.size();
    const auto answer = w.answer_of(way, target);
    if (answer.status == 501) { // not served: nothing was changed
      CHECK(w.access.audit.size() == before);
      continue;
    }
    ++changing;
    CHECK(answer.status != 401);
    REQUIRE(w.access.audit.size() == before + 1);
    const auto& row = w.access.audit.back();
    CHECK(row.method == way.method);
    CHECK(row.path == target);
    CHECK(row.status == answer.status);
    CHECK_FALSE(row.principal.empty());
    // Of a system: the one in the path, or the appliance's own.
    CHECK(row.system.empty()
          == (target.find("/systems/") == std::string::npos));
  }
  CHECK(changing > 40);
}

TEST_CASE("what is longer than a system's id is no system of the audit",
          "[http]") {
  audited_world w;
  const auto system_told = [&](std::size_t length) {
    auto req = doubles::make_request(
        "PUT", "/api/systems/" + std::string(length, 's'), "{}");
    req.who = jobs::panel_principal();
    auto match = w.routes.find(req.method, req.path);
    REQUIRE(match.hit);
    req.params = std::move(match.params);
    const auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    match.hit->run(call);
    w.engine.let_time_pass();
    REQUIRE(call->wait_for_answer());
    REQUIRE_FALSE(w.access.audit.empty());
    return w.access.audit.back().system;
  };
  CHECK(system_told(255) == std::string(255, 's'));
  CHECK(system_told(256).empty());
}

TEST_CASE("a transfer that the Panel let in is in the audit of its server",
          "[http]") {
  audited_world w;
  const auto send = [&](header_list headers) {
    auto req = doubles::make_request("POST", "/api/transfers", "form",
                                     std::move(headers));
    req.who = nullptr;
    const auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    w.routes.find("POST", "/api/transfers").hit->run(call);
    return call->wait_for_answer()->status;
  };
  CHECK(send({{"Authorization", "Bearer nobody's"}}) == 401);
  CHECK(w.access.audit.empty());
  CHECK(send(token_for_open_routes(w.clock.now())) == 200);
  REQUIRE(w.access.audit.size() == 1);
  const auto& row = w.access.audit.front();
  CHECK(row.principal == "panel:transfer");
  CHECK(row.server == some_server);
  CHECK(row.job == w.engine.ticket.job->record().id.to_string());
}
