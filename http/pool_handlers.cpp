#include "http/pool_handlers.hpp"

#include "http/json_body.hpp"
#include "http/json_values.hpp"
#include "http/reply.hpp"
#include "http/timestamps.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

response no_cache(const json& body) {
  auto answer = json_answer(200, text_of(body));
  answer.headers.emplace_back("Cache-Control", "no-cache");
  return answer;
}

jobs::result<std::string> read_reason(const request& req) {
  if (req.body.empty())
    return std::string{};
  const auto body = json_body::parse(req.body);
  if (!body)
    return body.error();
  constexpr std::size_t longest_reason = 1'000;
  auto reason = body->root().text("reason", longest_reason);
  if (const auto checked = body->check(); !checked)
    return checked.error();
  return std::move(reason).value_or("");
}

/// As people know who asks: by name, else by id, and no more of it than is
/// kept. The Panel has its token from the node, and so has every command typed
/// there.
std::string name_of_asker(const request& req) {
  if (!req.who)
    return {};
  if (req.who->kind == jobs::principal_kind::panel)
    return "the node's token";
  constexpr std::size_t most = 200;
  const auto& name = req.who->name.empty() ? req.who->id : req.who->name;
  return name.substr(0, most);
}

auto show_to(const exchange_ptr& call) {
  return [call](const jobs::result<jobs::summary::pool>& pool) {
    if (!pool)
      return reply_fault(call, pool.error());
    call->reply(no_cache(present_pool(*pool)));
  };
}

} // namespace

json present_pool(const jobs::summary::pool& pool) {
  const bool paused = pool.paused_at != 0;
  return {{"name", pool.name},
          {"workers", pool.workers},
          {"busy", pool.busy},
          {"waiting", pool.waiting},
          {"paused_at", paused ? json(to_rfc3339(pool.paused_at)) : json()},
          {"pause_reason", paused ? json(pool.pause_reason) : json()},
          {"paused_by",
           paused && !pool.paused_by.empty() ? json(pool.paused_by) : json()}};
}

void list_pools(const api_ptr& api, const exchange_ptr& call) {
  json items = json::array();
  for (const auto& pool : api->engine.summarize().pools)
    items.push_back(present_pool(pool));
  call->reply(no_cache({{"items", items}}));
}

void pause_pool(const api_ptr& api, const exchange_ptr& call) {
  auto reason = read_reason(call->req());
  if (!reason)
    return reply_fault(call, reason.error());
  api->engine.pause_pool({.pool = std::string{call->req().param("pool")},
                          .reason = *std::move(reason),
                          .by = name_of_asker(call->req())},
                         show_to(call));
}

void resume_pool(const api_ptr& api, const exchange_ptr& call) {
  api->engine.resume_pool(std::string{call->req().param("pool")},
                          show_to(call));
}

} // namespace alula::http
