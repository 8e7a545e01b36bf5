#include "http/server_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/server_body.hpp"
#include "http/server_presenter.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

constexpr std::string_view servers_filters = "servers v1";

usage_answer usage_of(const api_ptr& api, const jobs::server_id& server) {
  if (!api->live.processes)
    return std::nullopt;
  return api->live.processes->usage(server);
}

std::vector<jobs::server_ptr> servers_in_reach(const api_ptr& api,
                                               const request& req) {
  auto servers = api->engine.list_servers();
  std::erase_if(servers, [&](const jobs::server_ptr& server) {
    return !reaches(req, server->uuid);
  });
  return servers;
}

void send_servers(const api_ptr& api, const exchange_ptr& call,
                  const page_query& page) {
  auto servers = servers_in_reach(api, call->req());
  const auto next = cut_page(servers, page, [](const jobs::server_ptr& server) {
    return server->row;
  });
  call->reply(
      page_answer(call->req(), api->seal,
                  present_servers(
                      servers, api->clock.now(),
                      [&api](const auto& id) { return usage_of(api, id); },
                      api->settings.overhead),
                  next, servers_filters));
}

/// A boot that reads the Panel's list registers what it finds there as it is,
/// with nothing installed; the Panel that has just made such a server asks for
/// it all the same, and waits for its installation.
bool is_only_registered(const api_ptr& api, const jobs::server_id& id) {
  const auto server = api->engine.find_server(id);
  return server && server->install == jobs::install_state::none
         && (server->state == jobs::server_state::creating
             || server->state == jobs::server_state::active);
}

/// In line behind the registration, when that is under way.
void install_registered(const api_ptr& api, const exchange_ptr& call,
                        const jobs::server_id& id, bool start) {
  jobs::submission what;
  what.kind = jobs::server_install.name;
  what.server = id;
  what.body = start ? R"({"start_on_completion":true})"
                    : R"({"start_on_completion":false})";
  submit(api, call, std::move(what), answer_style::at_once);
}

} // namespace

void list_servers(const api_ptr& api, const exchange_ptr& call) {
  // As Wings answers, unless pages are asked for.
  std::optional<page_query> page;
  if (call->req().query_value("limit") || call->req().query_value("cursor")) {
    const auto asked = read_page(call->req(), api->seal, servers_filters);
    if (!asked)
      return reply_fault(call, asked.error());
    page = *asked;
  }
  // Ten thousand of them take a while to write down.
  const bool taken = api->later.run([api, call, page] {
    if (page)
      return send_servers(api, call, *page);
    call->reply(json_answer(
        200, present_servers(
                 servers_in_reach(api, call->req()), api->clock.now(),
                 [&api](const auto& id) { return usage_of(api, id); },
                 api->settings.overhead)));
  });
  if (!taken)
    reply_fault(call, {.code = jobs::fault_code::rate_limited,
                       .what = "too many lists of servers are asked for"});
}

void create_server(const api_ptr& api, const exchange_ptr& call) {
  auto body = read_server_body(call->req().body, api->settings.has_panel);
  if (!body)
    return reply_fault(call, body.error());
  if (!reaches(call->req(), body->uuid))
    return reply_fault(call, {.code = jobs::fault_code::forbidden,
                              .what = "the credentials do not reach a server "
                                      + body->uuid.to_string()});
  jobs::submission what;
  what.kind = jobs::create_server.name;
  what.server = body->uuid;
  what.body = std::move(body->canonical);
  submit_or(api, call, std::move(what), answer_style::at_once,
            [api, call, id = body->uuid, of_panel = body->of_panel,
             start = body->start_on_completion](const jobs::fault& why) {
              if (of_panel && why.code == jobs::fault_code::server_exists
                  && is_only_registered(api, id))
                return install_registered(api, call, id, start);
              reply_fault(call, with_owner(api->engine, id, why));
            });
}

void show_server(const api_ptr& api, const exchange_ptr& call) {
  const auto id = read_server_id(call->req());
  if (!id)
    return reply_fault(call, id.error());
  const auto server = api->engine.find_server(*id);
  if (!server)
    return reply_fault(call, no_such_server(*id));
  api->engine.inspect_server(
      *id, [api, call, id, server](const container_answer& container) {
        call->reply(json_answer(
            200, present_server(*server, container, api->clock.now(),
                                api->engine.live_jobs(*id), usage_of(api, *id),
                                api->settings.overhead)));
      });
}

void delete_server(const api_ptr& api, const exchange_ptr& call) {
  const auto id = read_server_id(call->req());
  if (!id)
    return reply_fault(call, id.error());
  const bool by_default = api->settings.delete_backups_with_server;
  const auto backups = call->req().query_value("backups").value_or(
      by_default ? "delete" : "keep");
  if (backups != "keep" && backups != "delete")
    return reply_fault(call, wrong_parameter("backups", "keep or delete"));
  jobs::submission what;
  what.kind = jobs::delete_server.name;
  what.server = *id;
  what.body = "{\"backups\":\"" + std::string{backups} + "\"}";
  submit(api, call, std::move(what), answer_style::at_the_mark);
}

} // namespace alula::http
