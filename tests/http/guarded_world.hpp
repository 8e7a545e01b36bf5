/// The whole route table behind a real door and real tokens, without a socket.
#pragma once

#include "http/access_book.hpp"
#include "http/door.hpp"
#include "tests/http/api_world.hpp"
#include "tests/http/door_call.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace alula::http {

struct guarded_world : api_world {
  guarded_world()
    : entry(settings(), make_routes(all_parts({.has_panel = true}))) {}

  static void nothing(const exchange_ptr& call) { call->reply({204, {}, {}}); }

  server_settings settings() {
    server_settings out;
    out.token = "the-node-token";
    out.principals = {
        .bearer =
            [this](std::string_view token) {
              return token == "of an issuer" ? issued : book.by_token(token);
            },
        .basic =
            [this](std::string_view user, std::string_view password) {
              return book.by_password(user, password);
            }};
    return out;
  }

  /// Its secret.
  std::string add(jobs::access_role role,
                  jobs::object_scope scope = {.everything = true},
                  jobs::time_ms expires_at = 0) {
    const auto made = make_secret(token_prefix);
    jobs::token_record token;
    token.id = made.id;
    token.hash = made.hash;
    token.name = "somebody";
    token.role = role;
    token.scope = std::move(scope);
    token.expires_at = expires_at;
    access.keep(token, [](const jobs::status&) {});
    return made.text;
  }

  /// Who brings "of an issuer" from now on: somebody with a scope of all.
  void issue(jobs::permission_set held) {
    jobs::principal who;
    who.id = "jwt:somebody";
    who.kind = jobs::principal_kind::jwt;
    who.permissions = held;
    who.scope = jobs::object_scope::all();
    issued = std::make_shared<const jobs::principal>(std::move(who));
  }

  call_ptr send(const std::string& credentials, std::string method,
                std::string_view target, std::string body = {}) {
    return http::enter(entry, {.credentials = credentials,
                               .method = std::move(method),
                               .target = target,
                               .body = std::move(body)});
  }
  int status(const std::string& secret, std::string method,
             std::string_view target, std::string body = {}) {
    const auto call = send(secret.empty() ? "" : "Bearer " + secret,
                           std::move(method), target, std::move(body));
    const auto answer = call->wait_for_answer();
    return answer ? answer->status : 0;
  }

  access_book book{access, clock};
  jobs::principal_ptr issued; ///< whoever brings "of an issuer"
  door entry;
};

} // namespace alula::http
