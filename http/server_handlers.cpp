#include "http/server_handlers.hpp"

#include "http/reply.hpp"
#include "http/server_body.hpp"
#include "http/server_presenter.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <string>
#include <utility>

namespace alula::http {

namespace {

/// Compared byte for byte, as Wings does: an upper-case uuid is no server.
jobs::result<jobs::server_id> read_server_id(const request& req) {
  if (const auto id = jobs::server_id::parse(req.param("server")))
    return *id;
  return jobs::fault{.code = jobs::fault_code::server_not_found,
                     .what = "\"" + std::string{req.param("server")}
                             + "\" is not the uuid of a server"};
}

} // namespace

void list_servers(const api_ptr& api, const exchange_ptr& call) {
  // Ten thousand of them take a while to write down.
  const bool taken = api->later.run([api, call] {
    call->reply(json_answer(
        200, present_servers(api->engine.list_servers(), api->clock.now())));
  });
  if (!taken)
    reply_fault(call, {.code = jobs::fault_code::rate_limited,
                       .what = "too many lists of servers are asked for"});
}

void create_server(const api_ptr& api, const exchange_ptr& call) {
  auto body = read_server_body(call->req().body);
  if (!body)
    return reply_fault(call, body.error());
  jobs::submission what;
  what.kind = jobs::create_server.name;
  what.server = body->uuid;
  what.body = std::move(body->canonical);
  submit(api, call, std::move(what), answer_style::at_once);
}

void show_server(const api_ptr& api, const exchange_ptr& call) {
  const auto id = read_server_id(call->req());
  if (!id)
    return reply_fault(call, id.error());
  const auto server = api->engine.find_server(*id);
  if (!server)
    return reply_fault(call, {.code = jobs::fault_code::server_not_found,
                              .what = "no server " + id->to_string()
                                      + " is registered on this node"});
  api->engine.inspect_server(*id, [api, call,
                                   server](const container_answer& container) {
    call->reply(
        json_answer(200, present_server(*server, container, api->clock.now())));
  });
}

void delete_server(const api_ptr& api, const exchange_ptr& call) {
  const auto id = read_server_id(call->req());
  if (!id)
    return reply_fault(call, id.error());
  jobs::submission what;
  what.kind = jobs::delete_server.name;
  what.server = *id;
  submit(api, call, std::move(what), answer_style::at_the_mark);
}

} // namespace alula::http
