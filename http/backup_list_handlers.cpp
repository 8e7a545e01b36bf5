#include "http/backup_list_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/backup_presenter.hpp"
#include "http/list_query.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

struct backup_query {
  jobs::backup_filter filter;
  std::string canonical; ///< what a cursor is bound to
  std::size_t limit = default_page_size;
  std::int64_t before = 0;
};

jobs::status read_filter(const request& req, backup_query& out) {
  if (const auto text = req.query_value("server")) {
    const auto id = jobs::server_id::parse(*text);
    if (!id)
      return wrong_parameter("server", "the uuid of a server");
    out.filter.server = *id;
  }
  if (const auto text = req.query_value("orphaned")) {
    if (*text != "true" && *text != "false")
      return wrong_parameter("orphaned", "true or false");
    out.filter.orphaned = *text == "true";
  }
  if (const auto text = req.query_value("state")) {
    out.filter.state = jobs::parse_backup_state(*text);
    if (!out.filter.state)
      return wrong_parameter("state", "creating, ready or deleting");
  }
  if (const auto text = req.query_value("limit")) {
    const auto size = parse_page_size(*text, max_page_size);
    if (!size)
      return wrong_parameter("limit", "a positive number");
    out.limit = *size;
  }
  return {};
}

jobs::result<backup_query> read_query(const request& req,
                                      const cursor_seal& seal,
                                      const jobs::server_id& server) {
  std::vector<std::string_view> known{"state", "limit", "cursor"};
  if (server.empty())
    known.insert(known.end(), {"server", "orphaned"});
  if (const auto allowed = allow_parameters(req, known); !allowed)
    return allowed.error();
  backup_query out;
  if (const auto taken = read_filter(req, out); !taken)
    return taken.error();
  if (!server.empty())
    out.filter.server = server;
  out.canonical = "backups v1|server=" + out.filter.server.to_string()
                  + (out.filter.orphaned ? "|orphaned" : "");
  if (out.filter.state)
    out.canonical += "|" + std::string{jobs::to_string(*out.filter.state)};
  const auto before = read_cursor(req, seal, out.canonical);
  if (!before)
    return before.error();
  out.before = *before;
  return out;
}

/// Of the servers in reach alone; the disks are what they are.
jobs::backup_usage usage_in_reach(const request& req,
                                  const jobs::backup_usage& of_node) {
  if (reaches_all(req))
    return of_node;
  jobs::backup_usage seen{.disk = of_node.disk, .places = of_node.places};
  for (const auto& one : of_node.servers) {
    if (!reaches(req, one.server))
      continue;
    seen.servers.push_back(one);
    seen.backups += one.backups;
    seen.bytes += one.bytes;
    seen.local_bytes += one.local_bytes;
  }
  return seen;
}

/// `server`: of the URL, or empty.
void send_list(const api_ptr& api, const exchange_ptr& call,
               const jobs::server_id& server) {
  auto asked = read_query(call->req(), api->seal, server);
  if (!asked)
    return reply_fault(call, asked.error());
  if (asked->filter.server.empty())
    asked->filter.server = only_server(call->req());
  api->backups.list(
      asked->filter, asked->before, asked->limit,
      [api, call, server,
       asked = *asked](const jobs::result<jobs::backup_page>& page) {
        if (!page)
          return reply_fault(call, page.error());
        // A filter or a cursor may well leave nothing of what is there.
        const bool has_none =
            page->items.empty() && asked.before == 0 && !asked.filter.state;
        if (has_none && !server.empty() && !api->engine.find_server(server))
          return reply_fault(call, no_such_server(server));
        auto seen = page->items;
        std::erase_if(seen, [&](const jobs::backup_record& b) {
          return !reaches(call->req(), b.server);
        });
        call->reply(page_answer(call->req(), api->seal,
                                present_backups(seen, api->clock.now()),
                                page->next_before, asked.canonical));
      });
}

} // namespace

void list_server_backups(const api_ptr& api, const exchange_ptr& call) {
  const auto server = read_server_id(call->req());
  if (!server)
    return reply_fault(call, server.error());
  send_list(api, call, *server);
}

void list_backups(const api_ptr& api, const exchange_ptr& call) {
  send_list(api, call, {});
}

void show_usage(const api_ptr& api, const exchange_ptr& call) {
  api->backups.usage([call](const jobs::result<jobs::backup_usage>& usage) {
    if (!usage)
      return reply_fault(call, usage.error());
    auto answer =
        json_answer(200, present_usage(usage_in_reach(call->req(), *usage)));
    answer.headers.emplace_back("Cache-Control", "no-cache");
    call->reply(std::move(answer));
  });
}

} // namespace alula::http
