#include "http/life_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/json_body.hpp"
#include "http/reply.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace alula::http {

namespace {

void start(const api_ptr& api, const exchange_ptr& call, const jobs::kind& kind,
           std::string body, answer_style style) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  jobs::submission what;
  what.kind = kind.name;
  what.server = (*server)->uuid;
  what.body = std::move(body);
  submit(api, call, std::move(what), style);
}

jobs::result<std::string> read_action(std::string_view text) {
  const auto body = json_body::parse(text);
  if (!body)
    return body.error();
  const auto& root = body->root();
  const auto given = root.required_text("action", 16);
  const auto action =
      given.empty()
          ? std::optional<std::string>{}
          : root.one_of("action", {"start", "stop", "restart", "kill"});
  root.integer("wait_seconds");
  if (auto checked = body->check(); !checked)
    return std::move(checked).error();
  return *action;
}

/// Wings reads no body here, and the Panel sends none.
jobs::result<std::string> read_install(const std::string& text) {
  if (text.empty())
    return std::string{"{}"};
  const auto body = json_body::parse(text);
  if (!body)
    return body.error();
  const auto start = body->root().boolean("start_on_completion");
  if (const auto checked = body->check(); !checked)
    return checked.error();
  return std::string{start.value_or(false) ? R"({"start_on_completion":true})"
                                           : "{}"};
}

} // namespace

void change_power(const api_ptr& api, const exchange_ptr& call) {
  if (const auto server = live_server(api, call->req()); !server)
    return reply_fault(call, server.error());
  const auto action = read_action(call->req().body);
  if (!action)
    return reply_fault(call, action.error());
  start(api, call, jobs::server_power, R"({"action":")" + *action + "\"}",
        answer_style::at_once);
}

void install_server(const api_ptr& api, const exchange_ptr& call) {
  if (const auto server = live_server(api, call->req()); !server)
    return reply_fault(call, server.error());
  const auto body = read_install(call->req().body);
  if (!body)
    return reply_fault(call, body.error());
  start(api, call, jobs::server_install, *body, answer_style::at_once);
}

void reinstall_server(const api_ptr& api, const exchange_ptr& call) {
  start(api, call, jobs::server_reinstall, "{}", answer_style::at_once);
}

void sync_server(const api_ptr& api, const exchange_ptr& call) {
  start(api, call, jobs::server_sync, "{}", answer_style::at_the_mark);
}

} // namespace alula::http
