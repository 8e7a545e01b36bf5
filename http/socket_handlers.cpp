// The routes of whoever keeps the sockets.
#include "http/json_body.hpp"
#include "http/reply.hpp"
#include "http/socket_hub.hpp"

#include <string>
#include <vector>

namespace alula::http {

handler make_socket_handler(socket_hub& hub, jobs::engine& engine) {
  return
      [&hub, &engine](const exchange_ptr& asked) { hub.admit(asked, engine); };
}

handler make_deny_handler(socket_hub& hub, jobs::engine& engine) {
  return [&hub, &engine](const exchange_ptr& asked) {
    const auto id = jobs::server_id::parse(asked->req().param("server"));
    if (!id || !engine.find_server(*id))
      return reply_fault(asked, no_server_here());
    const auto body = json_body::parse(asked->req().body);
    if (!body)
      return reply_fault(asked, body.error());
    const auto jtis = body->root().texts("jtis", 1'000, 256);
    if (const auto fine = body->check(); !fine)
      return reply_fault(asked, fine.error());
    if (jtis)
      hub.deny(*jtis);
    asked->reply(empty_answer());
  };
}

handler make_deauthorize_handler(socket_hub& hub) {
  return [&hub](const exchange_ptr& asked) {
    const auto body = json_body::parse(asked->req().body);
    if (!body)
      return reply_fault(asked, body.error());
    const auto inner = body->root().object("json");
    const auto& root = inner ? *inner : body->root();
    const auto user = root.required_text("user", 36);
    const auto named = root.texts("servers", 10'000, 36);
    std::vector<jobs::server_id> servers;
    for (const auto& text : named.value_or(std::vector<std::string>{}))
      if (const auto id = jobs::server_id::parse(text))
        servers.push_back(*id);
      else
        root.reject("servers", "must be uuids of servers");
    if (const auto fine = body->check(); !fine)
      return reply_fault(asked, fine.error());
    hub.deauthorize(user, servers);
    asked->reply(empty_answer());
  };
}

} // namespace alula::http
