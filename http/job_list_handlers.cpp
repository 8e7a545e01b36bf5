#include "http/job_list_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/json_values.hpp"
#include "http/list_query.hpp"
#include "http/paging.hpp"
#include "http/pool_handlers.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/undoable.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

jobs::result<std::string> items_of(const std::vector<jobs::job_view_ptr>& jobs,
                                   const std::vector<std::string>& fields) {
  std::string out = "[";
  for (const auto& job : jobs) {
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
  auto seen = page.items;
  std::erase_if(seen, [&](const jobs::job_view_ptr& job) {
    return !sees_job(call->req(), job->record());
  });
  with_undo(api, std::move(seen),
            [api, call, asked, next = page.next_before](
                const std::vector<jobs::job_view_ptr>& jobs) {
              const auto items = items_of(jobs, asked.fields);
              if (!items)
                return reply_fault(call, items.error());
              call->reply(page_answer(call->req(), api->seal, *items, next,
                                      asked.canonical));
            });
}

void send_list(const api_ptr& api, const exchange_ptr& call,
               const jobs::server_id& server) {
  auto asked = read_list_query(call->req(), api->seal, server);
  if (!asked)
    return reply_fault(call, asked.error());
  if (asked->filter.server.empty())
    asked->filter.server = only_server(call->req());
  api->engine.list(asked->filter, asked->before, asked->limit,
                   [api, call, asked = *asked](
                       const jobs::result<jobs::engine::page>& page) {
                     if (!page)
                       return reply_fault(call, page.error());
                     send_page(api, call, asked, *page);
                   });
}

/// What the Panel was not told yet.
json outbox_of(const http::api& api) {
  const auto told = api.outbox ? api.outbox->figures() : jobs::outbox_figures{};
  return {{"open", told.open},
          {"dead", told.dead},
          {"oldest_open_since", time_or_null(told.oldest_open_at)}};
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
    pools.push_back(present_pool(pool));
  const json body{
      {"jobs",
       {{"by_state", json(sum.jobs_by_state)},
        {"by_kind", json(sum.jobs_by_kind)}}},
      {"pools", pools},
      {"oldest_waiting_since", time_or_null(sum.oldest_waiting_since)},
      {"ended_since_boot", sum.ended_since_boot},
      {"outbox", outbox_of(*api)}};
  auto answer = json_answer(200, text_of(body));
  answer.headers.emplace_back("Cache-Control", "no-cache");
  call->reply(std::move(answer));
}

} // namespace alula::http
