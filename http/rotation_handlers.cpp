#include "http/rotation_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/backup_presenter.hpp"
#include "http/json_body.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

struct rotation_order {
  jobs::rotation_policy policy;
  bool dry_run = false;
};

jobs::result<rotation_order> read_order(const api_ptr& api,
                                        const jobs::server_record& server,
                                        std::string_view body) {
  const auto parsed = json_body::parse(body.empty() ? "{}" : body);
  if (!parsed)
    return parsed.error();
  rotation_order out;
  out.dry_run = parsed->root().boolean("dry_run").value_or(false);
  if (parsed->root().has("policy") && !parsed->root().object("policy"))
    return parsed->check().error();
  if (const auto checked = parsed->check(); !checked)
    return checked.error();
  if (!parsed->root().has("policy")) {
    out.policy = jobs::own_policy(server).value_or(api->settings.rotation);
    return out;
  }
  auto policy = jobs::parse_rotation_policy(parsed->root().raw("policy"));
  if (!policy) {
    auto why = std::move(policy).error();
    for (auto& field : why.fields)
      field.pointer.insert(0, "/policy");
    return why;
  }
  out.policy = *policy;
  return out;
}

void reply_fresh(const exchange_ptr& call, std::string body) {
  auto answer = json_answer(200, std::move(body));
  answer.headers.emplace_back("Cache-Control", "no-cache");
  call->reply(std::move(answer));
}

void show_plan(const api_ptr& api, const exchange_ptr& call,
               const jobs::server_id& server,
               const jobs::rotation_policy& policy) {
  api->backups.plan_rotation(
      server, policy,
      [call, server, policy](
          const jobs::result<std::vector<jobs::rotation_choice>>& choices) {
        if (!choices)
          return reply_fault(call, choices.error());
        reply_fresh(call, present_plan(server, policy, *choices));
      });
}

jobs::result<bool> read_dry_run(const request& req) {
  if (const auto allowed = allow_parameters(req, {"dry_run"}); !allowed)
    return allowed.error();
  const auto asked = req.query_value("dry_run").value_or("false");
  if (asked != "true" && asked != "false")
    return wrong_parameter("dry_run", "true or false");
  return asked == "true";
}

} // namespace

void rotate_backups(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  const auto order = read_order(api, **server, call->req().body);
  if (!order)
    return reply_fault(call, order.error());
  if (order->dry_run)
    return show_plan(api, call, (*server)->uuid, order->policy);
  jobs::submission what;
  what.kind = jobs::rotate_backups.name;
  what.server = (*server)->uuid;
  what.body = "{\"policy\":" + jobs::to_json(order->policy) + "}";
  submit(api, call, std::move(what), answer_style::with_job);
}

void show_rotation(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  reply_fresh(call,
              present_rotation((*server)->uuid, jobs::own_policy(**server),
                               api->settings.rotation));
}

void set_rotation(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  const auto dry_run = read_dry_run(call->req());
  if (!dry_run)
    return reply_fault(call, dry_run.error());
  const auto policy = jobs::parse_rotation_policy(call->req().body);
  if (!policy)
    return reply_fault(call, policy.error());
  const auto uuid = (*server)->uuid;
  if (*dry_run)
    return show_plan(api, call, uuid, *policy);
  api->backups.set_rotation(
      uuid, *policy,
      [api, call, uuid, policy = *policy](const jobs::status& done) {
        if (!done)
          return reply_fault(call, done.error());
        reply_fresh(call,
                    present_rotation(uuid, policy, api->settings.rotation));
      });
}

void reset_rotation(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  api->backups.set_rotation((*server)->uuid, std::nullopt,
                            [call](const jobs::status& done) {
                              if (!done)
                                return reply_fault(call, done.error());
                              call->reply(empty_answer());
                            });
}

} // namespace alula::http
