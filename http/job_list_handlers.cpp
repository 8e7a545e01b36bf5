#include "http/job_list_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/list_query.hpp"
#include "http/reply.hpp"
#include "http/timestamps.hpp"
#include "http/words.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

/// The same request with another cursor.
std::string url_with(const request& req, std::string_view cursor) {
  std::string out = req.path + '?';
  for (const auto& [name, value] : req.query)
    if (name != "cursor")
      out += percent_encoded(name) + '=' + percent_encoded(value) + '&';
  return out + "cursor=" + std::string{cursor};
}

jobs::result<std::string> items_of(const jobs::engine::page& page,
                                   const std::vector<std::string>& fields) {
  std::string out = "[";
  for (const auto& job : page.items) {
    auto text = select_fields(*job, fields);
    if (!text)
      return std::move(text).error();
    if (out.size() > 1)
      out += ',';
    out += *text;
  }
  return out += ']';
}

void send_page(const api_ptr& api, const exchange_ptr& call,
               const list_query& asked, const jobs::engine::page& page) {
  const auto items = items_of(page, asked.fields);
  if (!items)
    return reply_fault(call, items.error());
  const bool more = page.next_before != 0;
  const auto cursor =
      more ? api->seal.make(page.next_before, asked.canonical) : "";
  auto answer = json_answer(
      200, "{\"items\":" + *items
               + ",\"next\":" + (more ? '"' + cursor + '"' : "null")
               + ",\"has_more\":" + (more ? "true" : "false") + "}");
  if (more)
    answer.headers.emplace_back("Link", "<" + url_with(call->req(), cursor)
                                            + ">; rel=\"next\"");
  answer.headers.emplace_back("Cache-Control", "no-cache");
  call->reply(std::move(answer));
}

void send_list(const api_ptr& api, const exchange_ptr& call,
               const jobs::server_id& server) {
  const auto asked = read_list_query(call->req(), api->seal, server);
  if (!asked)
    return reply_fault(call, asked.error());
  api->engine.list(asked->filter, asked->before, asked->limit,
                   [api, call, asked = *asked](
                       const jobs::result<jobs::engine::page>& page) {
                     if (!page)
                       return reply_fault(call, page.error());
                     send_page(api, call, asked, *page);
                   });
}

} // namespace

void list_jobs(const api_ptr& api, const exchange_ptr& call) {
  send_list(api, call, {});
}

void list_server_jobs(const api_ptr& api, const exchange_ptr& call) {
  const auto server = jobs::server_id::parse(call->req().param("server"));
  if (!server)
    return reply_fault(call, {.code = jobs::fault_code::server_not_found,
                              .what = "no server has such a uuid"});
  send_list(api, call, *server);
}

void show_summary(const api_ptr& api, const exchange_ptr& call) {
  const auto sum = api->engine.summarize();
  json pools = json::array();
  for (const auto& pool : sum.pools)
    pools.push_back({{"name", pool.name},
                     {"workers", pool.workers},
                     {"busy", pool.busy},
                     {"waiting", pool.waiting}});
  const json body{{"jobs",
                   {{"by_state", json(sum.jobs_by_state)},
                    {"by_kind", json(sum.jobs_by_kind)}}},
                  {"pools", pools},
                  {"oldest_waiting_since",
                   sum.oldest_waiting_since == 0
                       ? json(nullptr)
                       : json(to_rfc3339(sum.oldest_waiting_since))},
                  {"ended_since_boot", sum.ended_since_boot}};
  auto answer = json_answer(200, body.dump());
  answer.headers.emplace_back("Cache-Control", "no-cache");
  call->reply(std::move(answer));
}

} // namespace alula::http
