#include "http/incoming_transfer_handlers.hpp"

#include "http/audited.hpp"
#include "http/body_jobs.hpp"
#include "http/job_answers.hpp"
#include "http/jwt.hpp"
#include "http/reply.hpp"
#include "http/text.hpp"
#include "http/words.hpp"
#include "jobs/catalog.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/multipart.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

/// What stands behind `Bearer`; empty: nothing does.
std::string_view bearer_of(const request& req) {
  constexpr std::string_view scheme = "Bearer ";
  const auto header = req.header("Authorization").value_or("");
  if (header.size() <= scheme.size()
      || !equal_ignoring_case(header.substr(0, scheme.size()), scheme))
    return {};
  return trimmed(header.substr(scheme.size()));
}

/// The server that a token of the Panel lets come in. Its audience is the
/// node's address as the Panel knows it, which the node does not: that it is
/// meant for this node is in its signature, whose key no other node has
/// (wings-protocol 4.1).
jobs::result<jobs::server_id> read_token_of(const api_ptr& api,
                                            const request& req) {
  const auto refuse = [](fault_code code, std::string what) {
    return fault{.code = code, .what = std::move(what), .where = "token"};
  };
  const auto token = bearer_of(req);
  if (token.empty())
    return refuse(fault_code::unauthorized,
                  "The request needs the header Authorization: Bearer <token> "
                  "with a token that the Panel has signed for this transfer.");
  const auto& signing_key = api->settings.signing_key;
  const auto claims =
      read_token(token, signing_key ? signing_key() : std::string{});
  if (!claims)
    return claims.error();
  const auto now = api->clock.now();
  if (is_expired(*claims, now))
    return refuse(fault_code::unauthorized,
                  "The token of the transfer has expired; ask the Panel for a "
                  "new transfer.");
  if (is_early(*claims, now))
    return refuse(fault_code::unauthorized,
                  "The token of the transfer is not valid yet.");
  // Tokens of one node are alike; this one may be for its websocket.
  const auto server = jobs::server_id::parse(claims->subject);
  if (!server || !claims->server_uuid.empty() || !claims->backup_uuid.empty())
    return refuse(fault_code::forbidden,
                  "The token is not for the transfer of a server.");
  return *server;
}

/// What was sent is wrong, and would be again (as Wings, 2.18); everything else
/// has the status it has elsewhere.
int status_of_outcome(fault_code code) {
  switch (code) {
  case fault_code::backup_damaged:
  case fault_code::archive_refused:
    return 400;
  default:
    return status_of(code);
  }
}

fault reason_of(const jobs::job_record& job) {
  if (job.error)
    return *job.error;
  if (job.state == jobs::job_state::cancelled)
    return {.code = fault_code::cancelled,
            .what = "the transfer was cancelled; nothing of it is left here"};
  return {.code = fault_code::transfer_failed,
          .what = "the transfer ended as " + std::string{to_string(job.state)}};
}

/// One request, from its head to its answer.
class incoming : public std::enable_shared_from_this<incoming> {
public:
  incoming(api_ptr api, exchange_ptr call, std::shared_ptr<void> place)
    : api_(std::move(api)), call_(std::move(call)), place_(std::move(place)) {}

  void begin(const jobs::server_id& server, std::string boundary) {
    const auto& req = call_->req();
    pipe_ = std::make_shared<jobs::body_pipe>();
    api_->incoming->announce(req.request_id,
                             {.body = pipe_,
                              .boundary = std::move(boundary),
                              .length = req.body_length.value_or(
                                  static_cast<std::int64_t>(req.body.size()))});
    jobs::submission what;
    what.kind = jobs::receive_server.name;
    what.body =
        nlohmann::json{{"server", server.view()}, {"request", req.request_id}}
            .dump();
    const auto self = shared_from_this();
    submit_with_body(
        api_->engine, call_, pipe_, std::move(what),
        {.refused =
             [self](const jobs::fault& why) {
               self->answer(problem(self->call_->req(), why));
             },
         .ended = [self](const auto& job,
                         const auto& newest) { self->ended(job, newest); }});
  }

private:
  void ended(const jobs::job_id& job,
             const jobs::result<jobs::job_view_ptr>& newest) {
    const auto url = job_url(job);
    const auto about_job = [&](response what) {
      what.headers.emplace_back("Location", url);
      what.headers.emplace_back("Operation-Location", url);
      answer(std::move(what));
    };
    if (!newest)
      return about_job(problem(call_->req(), newest.error()));
    const auto& record = (*newest)->record();
    if (record.is_answered() || record.state == jobs::job_state::succeeded)
      return about_job({200, {}, {}});
    const auto why = reason_of(record);
    about_job(
        problem(call_->req().request_id, why, status_of_outcome(why.code)));
  }

  void answer(response what) {
    pipe_->abandon();
    api_->incoming->forget(call_->req().request_id);
    call_->reply(std::move(what));
  }

  const api_ptr api_;
  const exchange_ptr call_;
  const std::shared_ptr<void> place_;
  std::shared_ptr<jobs::body_pipe> pipe_;
};

fault not_transferring(const jobs::server_id& server) {
  return {.code = fault_code::not_transferring,
          .what = "no other node is sending server " + server.to_string()
                  + " to this one"};
}

/// Whose token it is is known.
void begin_transfer(const api_ptr& api, const exchange_ptr& call,
                    const jobs::server_id& server) {
  const auto& req = call->req();
  if (!api->incoming)
    return reply_fault(call, {.code = fault_code::not_implemented,
                              .what = "this node takes in no servers"});
  const auto boundary =
      jobs::multipart_boundary(req.header("Content-Type").value_or(""));
  if (!boundary)
    return reply_fault(call, boundary.error());
  auto place = api->transfers->take(server.to_string());
  if (!place)
    return reply_fault(call, place.error());
  std::make_shared<incoming>(api, call, *std::move(place))
      ->begin(server, *boundary);
}

} // namespace

void receive_transfer(const api_ptr& api, const exchange_ptr& call) {
  const auto server = read_token_of(api, call->req());
  if (!server)
    return reply_fault(call, server.error());
  begin_transfer(api,
                 audited(api, call,
                         {"panel:transfer", "a transfer that the Panel let in",
                          server->to_string()}),
                 *server);
}

void cancel_incoming_transfer(const api_ptr& api, const exchange_ptr& call) {
  const auto server = jobs::server_id::parse(call->req().param("server"));
  if (!server)
    return reply_fault(call, {.code = fault_code::malformed,
                              .what = "the path has no lower-case UUID"});
  const auto live = api->engine.live_jobs(*server);
  const auto found = std::ranges::find(live, jobs::receive_server.name,
                                       &jobs::job_record::kind);
  if (found == live.end())
    return reply_fault(call, not_transferring(*server));
  api->engine.cancel(
      found->id, [call, server = *server, id = found->id](
                     const jobs::result<jobs::job_view_ptr>& cancelled) {
        if (cancelled)
          return call->reply(accepted(id.view()));
        // It has ended since it was looked up.
        const auto code = cancelled.error().code;
        reply_fault(call, code == fault_code::already_finished
                                  || code == fault_code::job_not_found
                              ? not_transferring(server)
                              : cancelled.error());
      });
}

} // namespace alula::http
