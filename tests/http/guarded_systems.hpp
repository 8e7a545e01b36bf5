/// The systems backups API behind a real door with real tokens and keys,
/// without a socket.
#pragma once

#include "http/access_book.hpp"
#include "http/door.hpp"
#include "jobs/path_text.hpp"
#include "tests/doubles/fake_access_desk.hpp"
#include "tests/http/door_call.hpp"
#include "tests/http/systems_world.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace alula::http {

struct guarded_systems : systems_world {
  guarded_systems() : entry(settings(), make_routes(guarded_parts())) {}

  api_parts guarded_parts() {
    auto all = all_parts();
    all.access = &access;
    return all;
  }
  server_settings settings() {
    server_settings out;
    out.token = "the-node-token";
    out.limits.keyed_requests_per_second = 0; // its own tests measure it
    out.principals = {
        .bearer =
            [this](std::string_view token) { return book.by_token(token); },
        .basic =
            [this](std::string_view user, std::string_view password) {
              return book.by_password(user, password);
            }};
    return out;
  }

  /// The header of a new token.
  std::string bearer(jobs::access_role role, jobs::object_scope scope) {
    const auto made = make_secret(token_prefix);
    jobs::token_record token;
    token.name = "somebody";
    token.role = role;
    token.scope = std::move(scope);
    keep(std::move(token), made);
    return "Bearer " + made.text;
  }
  /// The secret of an appliance's new key.
  std::string key_of(const std::string& name, const std::string& system) {
    const auto made = make_secret(appliance_prefix);
    jobs::token_record token;
    token.kind = jobs::principal_kind::appliance;
    token.role = jobs::access_role::custom;
    token.name = token.subject = name;
    token.scope.systems = {system};
    keep(std::move(token), made);
    return made.text;
  }
  static std::string basic(const std::string& name, const std::string& secret) {
    return "Basic " + jobs::to_base64(name + ":" + secret);
  }

  /// `credentials` empty: without the header.
  response enter(const std::string& credentials, std::string method,
                 std::string_view target, std::string body = {}) {
    const auto call = http::enter(entry, {.credentials = credentials,
                                          .method = std::move(method),
                                          .target = target,
                                          .body = std::move(body)});
    auto answer = call->wait_for_answer();
    if (!answer)
      throw std::runtime_error("no answer");
    engine.join();
    return *std::move(answer);
  }

  doubles::fake_access_desk access;
  access_book book{access, clock};
  door entry;

private:
  void keep(jobs::token_record token, const fresh_secret& made) {
    token.id = made.id;
    token.hash = made.hash;
    access.keep(std::move(token), [](const jobs::status&) {});
  }
};

} // namespace alula::http
