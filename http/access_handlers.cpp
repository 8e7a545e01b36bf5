#include "http/access_handlers.hpp"

#include "http/access_book.hpp"
#include "http/job_answers.hpp"
#include "http/json_body.hpp"
#include "http/json_values.hpp"
#include "http/list_query.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;
using jobs::fault;
using jobs::fault_code;

constexpr std::size_t most_tokens = 1'000;
constexpr std::size_t most_objects = 1'000; ///< in one scope
constexpr std::size_t longest_name = 200, longest_object = 255;
constexpr std::int64_t longest_life = 10LL * 366 * 24 * 3'600; ///< seconds

json present_scope(const jobs::object_scope& scope) {
  return {{"all", scope.everything},
          {"servers", scope.servers},
          {"systems", scope.systems},
          {"organisations", scope.organisations}};
}

json present_token(const jobs::token_record& t) {
  return {{"id", t.id},
          {"kind", jobs::to_string(t.kind)},
          {"name", t.name},
          {"role", t.kind == jobs::principal_kind::token
                       ? json(jobs::to_string(t.role))
                       : json(nullptr)},
          {"appliance", text_or_null(t.subject)},
          {"scope", present_scope(t.scope)},
          {"created_by", t.created_by},
          {"created_at", time_or_null(t.created_at)},
          {"expires_at", time_or_null(t.expires_at)},
          {"revoked_at", time_or_null(t.revoked_at)},
          {"last_used_at", time_or_null(t.used_at)}};
}

json present_audit(const jobs::audit_record& a) {
  return {{"id", a.row},
          {"at", time_or_null(a.at)},
          {"principal", a.principal},
          {"name", a.name},
          {"method", a.method},
          {"path", a.path},
          {"server", text_or_null(a.server)},
          {"system", text_or_null(a.system)},
          {"job", a.job.empty() ? json(nullptr) : json("/api/jobs/" + a.job)},
          {"status", a.status},
          {"request_id", a.request_id},
          {"remote", a.remote}};
}

void reply_no_store(const exchange_ptr& call, int status, const json& body) {
  auto answer = json_answer(status, text_of(body));
  answer.headers.emplace_back("Cache-Control", "no-store");
  call->reply(std::move(answer));
}

/// True when there is a desk; else it is answered.
bool has_desk(const api_ptr& api, const exchange_ptr& call) {
  if (!api->access)
    reply_fault(call, {.code = fault_code::not_implemented,
                       .what = "this node keeps no tokens"});
  return api->access != nullptr;
}

void read_scope(const json_object& root, jobs::token_record& token) {
  const auto read = [&](std::string_view key, std::vector<std::string>& to) {
    to = root.texts(key, most_objects, longest_object)
             .value_or(std::vector<std::string>{});
    if (std::ranges::find(to, std::string{}) != to.end())
      root.reject(key, "must not hold an empty text");
    // Whoever works out an empty list means nothing, not everything.
    if (to.empty() && root.has(key))
      root.reject(key, "must name at least one; without it all are reached");
  };
  read("servers", token.scope.servers);
  read("systems", token.scope.systems);
  read("organisations", token.scope.organisations);
  for (const auto& server : token.scope.servers)
    if (!jobs::server_id::parse(server))
      root.reject("servers", "must hold uuids of servers, in lower case");
  for (const auto& path : token.scope.organisations)
    if (path.starts_with('/') || path.ends_with('/'))
      root.reject("organisations",
                  "must hold paths without a slash at either end");
}

/// What nobody knows is ignored elsewhere. Here it may have been meant to
/// narrow the token ("scope", "organizations"), which would reach everything.
void refuse_strangers(const request& req, const json_object& root) {
  constexpr std::array<std::string_view, 7> known{
      "name",    "role",          "appliance", "servers",
      "systems", "organisations", "expires_in"};
  const auto whole = json::parse(req.body, nullptr, false);
  if (!whole.is_object())
    return root.reject("", "must be one JSON object and nothing else");
  for (const auto& [key, value] : whole.items())
    if (std::ranges::find(known, key) == known.end())
      root.reject(key, "is not known here");
}

bool has_objects(const jobs::object_scope& scope) {
  return !scope.servers.empty() || !scope.systems.empty()
         || !scope.organisations.empty();
}

/// What is asked for, without id and hash.
jobs::result<jobs::token_record> read_token_body(const request& req,
                                                 jobs::time_ms now) {
  const auto body = json_body::parse(req.body);
  if (!body)
    return body.error();
  const auto& root = body->root();
  jobs::token_record token;
  token.created_by = req.who->id;
  token.created_at = now;
  refuse_strangers(req, root);
  read_scope(root, token);
  if (const auto key = root.text("appliance", longest_object)) {
    token.kind = jobs::principal_kind::appliance;
    token.role = jobs::access_role::custom;
    token.subject = *key;
    token.name =
        root.text("name", longest_name).value_or(key->substr(0, longest_name));
    if (key->empty() || key->find(':') != std::string::npos)
      root.reject("appliance", "must be the name of an appliance without ':'");
    if (root.has("role"))
      root.reject("role", "is nothing that an appliance has");
    if (token.scope.systems.empty())
      token.scope.systems = {*key};
    if (token.scope.systems.size() != 1 || !token.scope.servers.empty()
        || !token.scope.organisations.empty())
      root.reject("systems", "must be the one system of the appliance");
  } else {
    token.name = root.required_text("name", longest_name);
    const auto role = root.one_of("role", {"viewer", "operator", "admin"});
    if (!role)
      root.required_text("role", 16);
    else
      token.role = *jobs::parse_access_role(*role);
    // Nothing named: everything on this node.
    token.scope.everything = !has_objects(token.scope);
  }
  if (const auto life = root.integer("expires_in", 1, longest_life))
    token.expires_at = now + *life * 1'000;
  if (auto checked = body->check(); !checked)
    return std::move(checked).error();
  return token;
}

/// Nobody hands out what they do not have: a JWT may have been given the
/// permission to make tokens and little else. Who makes tokens reaches
/// everything, so their scope is never too wide.
jobs::status check_width(const jobs::principal& who,
                         const jobs::token_record& token) {
  auto needed = jobs::permissions_of(token.role);
  if (token.kind == jobs::principal_kind::appliance)
    // What it may do to its own system's backups.
    needed = {jobs::permission::read_systems, jobs::permission::manage_systems};
  for (std::size_t i = 0; i < jobs::permission_count; ++i) {
    const auto one = static_cast<jobs::permission>(i);
    if (needed.has(one) && !who.has(one))
      return fault{.code = fault_code::forbidden,
                   .what = "the credentials lack the permission "
                           + std::string{jobs::to_string(one)}
                           + " that the token would have"};
  }
  const bool outlives =
      who.kind == jobs::principal_kind::token && who.expires_at != 0
      && (token.expires_at == 0 || token.expires_at > who.expires_at);
  if (outlives)
    return fault{.code = fault_code::forbidden,
                 .what = "the token would outlive the one that makes it"};
  return {};
}

/// What is revoked or over is nobody's any more, and is forgotten in time.
std::size_t count_good(const std::vector<jobs::token_record>& all,
                       jobs::time_ms now) {
  return static_cast<std::size_t>(std::ranges::count_if(
      all, [now](const auto& token) { return token.is_good(now); }));
}

} // namespace

void list_tokens(const api_ptr& api, const exchange_ptr& call) {
  if (!has_desk(api, call))
    return;
  api->access->list(
      [call](const jobs::result<std::vector<jobs::token_record>>& all) {
        if (!all)
          return reply_fault(call, all.error());
        json items = json::array();
        for (const auto& token : *all)
          items.push_back(present_token(token));
        reply_no_store(call, 200, {{"items", items}});
      });
}

void create_token(const api_ptr& api, const exchange_ptr& call) {
  if (!has_desk(api, call))
    return;
  auto token = read_token_body(call->req(), api->clock.now());
  if (!token)
    return reply_fault(call, token.error());
  if (const auto fits = check_width(*call->req().who, *token); !fits)
    return reply_fault(call, fits.error());
  if (count_good(*api->access->tokens(), api->clock.now()) >= most_tokens)
    return reply_fault(call, {.code = fault_code::rate_limited,
                              .what = "this node has 1,000 tokens already"});
  const bool is_key = token->kind == jobs::principal_kind::appliance;
  const auto secret = make_secret(is_key ? appliance_prefix : token_prefix);
  token->id = secret.id;
  token->hash = secret.hash;
  api->access->keep(*token, [call, token = *token,
                             secret = secret.text](const jobs::status& kept) {
    if (!kept)
      return reply_fault(call, kept.error());
    auto body = present_token(token);
    body["secret"] = secret;
    reply_no_store(call, 201, body);
  });
}

void revoke_token(const api_ptr& api, const exchange_ptr& call) {
  if (!has_desk(api, call))
    return;
  api->access->revoke(
      std::string{call->req().param("token")},
      [api, call](const jobs::result<jobs::token_record>& revoked) {
        if (!revoked)
          return reply_fault(call, revoked.error());
        api->events.close_of(jobs::principal_of(*revoked).id);
        call->reply(empty_answer(204));
      });
}

void show_principal(const api_ptr&, const exchange_ptr& call) {
  const auto& who = *call->req().who;
  json permissions = json::array();
  for (std::size_t i = 0; i < jobs::permission_count; ++i) {
    const auto one = static_cast<jobs::permission>(i);
    if (one != jobs::permission::known && who.has(one))
      permissions.push_back(jobs::to_string(one));
  }
  reply_no_store(call, 200,
                 {{"id", who.id},
                  {"kind", jobs::to_string(who.kind)},
                  {"name", who.name},
                  {"role", jobs::to_string(who.role)},
                  {"permissions", permissions},
                  {"scope", present_scope(who.scope)}});
}

void list_audit(const api_ptr& api, const exchange_ptr& call) {
  if (!has_desk(api, call))
    return;
  const auto& req = call->req();
  if (const auto allowed = allow_parameters(
          req, {"principal", "server", "system", "limit", "cursor"});
      !allowed)
    return reply_fault(call, allowed.error());
  const jobs::audit_filter filter{
      std::string{req.query_value("principal").value_or("")},
      std::string{req.query_value("server").value_or("")},
      std::string{req.query_value("system").value_or("")}};
  auto limit = default_page_size;
  if (const auto text = req.query_value("limit")) {
    const auto size = parse_page_size(*text, max_page_size);
    if (!size)
      return reply_fault(call, wrong_parameter("limit", "a positive number"));
    limit = *size;
  }
  const auto canonical = "audit v2|" + filter.principal + '\n' + filter.server
                         + '\n' + filter.system;
  const auto before = read_cursor(req, api->seal, canonical);
  if (!before)
    return reply_fault(call, before.error());
  api->access->list_audit(
      filter, *before, limit,
      [api, call, canonical](const jobs::result<jobs::audit_page>& page) {
        if (!page)
          return reply_fault(call, page.error());
        json items = json::array();
        for (const auto& one : page->items)
          items.push_back(present_audit(one));
        call->reply(page_answer(call->req(), api->seal, text_of(items),
                                page->next_before, canonical));
      });
}

} // namespace alula::http
