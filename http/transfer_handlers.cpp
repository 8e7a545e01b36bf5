#include "http/transfer_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/job_answers.hpp"
#include "http/json_body.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

std::optional<jobs::job_id> live_transfer(const api_ptr& api,
                                          const jobs::server_id& server) {
  const auto live = api->engine.live_jobs(server);
  const auto at = std::ranges::find(live, jobs::transfer_server.name,
                                    &jobs::job_record::kind);
  return at == live.end() ? std::nullopt : std::optional{at->id};
}

void cancel(const api_ptr& api, const exchange_ptr& call,
            const jobs::server_id& server, const jobs::job_id& job) {
  api->engine.cancel(
      job, [call, server, job](const jobs::result<jobs::job_view_ptr>& view) {
        // It has ended meanwhile: as if one had come a moment later.
        if (!view && view.error().code == fault_code::already_finished)
          return reply_fault(call, jobs::not_in_transfer(server));
        if (!view)
          return reply_fault(call, view.error());
        auto answer = empty_answer(202);
        answer.headers.emplace_back("Location", job_url(job));
        call->reply(std::move(answer));
      });
}

/// Both copies may be started afterwards, so nobody does it by chance.
fault taken_elsewhere(const jobs::server_id& server) {
  return {.code = fault_code::past_pivot,
          .what = "another node has taken server " + server.to_string()
                  + "; the Panel is to delete it here. If it never does, and "
                    "does not show the server on the other node, ask again "
                    "with ?force=true: the server is unlocked here and the "
                    "Panel is told that the transfer has failed"};
}

} // namespace

void send_server(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  const auto id = (*server)->uuid;
  jobs::submission what;
  what.kind = jobs::transfer_server.name;
  what.server = id;
  what.body = call->req().body;
  // A wrong body is a 400 whether or not it is in transfer.
  auto early = what;
  auto target = **server;
  target.transferring = false;
  early.target = std::make_shared<const jobs::server_record>(target);
  if (const auto read = jobs::transfer_server.read(early); !read)
    return reply_fault(call, read.error());
  if (!api->settings.check_node)
    return reply_fault(call, {.code = fault_code::not_implemented,
                              .what = "this node sends no servers to others"});
  const auto body = json_body::parse(what.body);
  const auto url = body ? body->root().text("url").value_or("") : "";
  if (const auto may = api->settings.check_node(url); !may)
    return reply_fault(call, may.error());
  submit(api, call, std::move(what), answer_style::at_once);
}

void stop_transfer(const api_ptr& api, const exchange_ptr& call) {
  const auto server = live_server(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  const auto force = call->req().query_value("force").value_or("false");
  if (force != "true" && force != "false")
    return reply_fault(call, wrong_parameter("force", "true or false"));
  const auto id = (*server)->uuid;
  if (const auto job = live_transfer(api, id))
    return cancel(api, call, id, *job);
  if (force == "true") {
    jobs::submission what;
    what.kind = jobs::release_server.name;
    what.server = id;
    return submit(api, call, std::move(what), answer_style::at_once);
  }
  // One that comes from another node is made here first.
  const bool is_taken =
      (*server)->transferring && (*server)->state == jobs::server_state::active;
  reply_fault(call, is_taken ? taken_elsewhere(id) : jobs::not_in_transfer(id));
}

} // namespace alula::http
