#include "http/submit.hpp"

#include "http/job_answers.hpp"
#include "http/prefer.hpp"
#include "http/reply.hpp"
#include "http/sha256.hpp"
#include "http/undoable.hpp"
#include "http/words.hpp"
#include "jobs/catalog.hpp"

#include <algorithm>
#include <utility>

namespace alula::http {

namespace {

using std::chrono::milliseconds;

/// What one client is to be told, decided before there is a job.
struct manner {
  answer_style style = answer_style::at_once;
  preferences prefers;
  milliseconds wait{0};
  bool shows_job = false;

  jobs::await_for until() const {
    return style == answer_style::at_the_mark ? jobs::await_for::answered
                                              : jobs::await_for::finished;
  }
};

manner manner_of(const request& req, answer_style style,
                 milliseconds sync_wait) {
  manner out{.style = style, .prefers = read_preferences(req)};
  const auto& prefers = out.prefers;
  if (prefers.wait)
    out.wait = *prefers.wait;
  else if (style == answer_style::at_the_mark && !prefers.respond_async)
    out.wait = sync_wait;
  const bool usually = style == answer_style::with_job || prefers.respond_async;
  out.shows_job = prefers.body == return_preference::representation
                  || (usually && prefers.body != return_preference::minimal);
  return out;
}

enum class verdict { reached, not_yet, gave_up };

/// A job that gave up behind the mark has earned its 204 before.
verdict judge(const jobs::job_record& job, answer_style style) {
  using enum jobs::job_state;
  if (job.state == succeeded)
    return verdict::reached;
  const bool at_the_mark = style == answer_style::at_the_mark;
  if (at_the_mark && job.is_answered())
    return verdict::reached;
  if (job.is_done() || (at_the_mark && job.state == parked))
    return verdict::gave_up;
  return verdict::not_yet;
}

jobs::fault reason_of(const jobs::job_record& job) {
  if (job.error)
    return *job.error;
  if (job.state == jobs::job_state::cancelled)
    return {.code = jobs::fault_code::cancelled,
            .what = "the job was cancelled before it had done its work"};
  return {.what = "the job ended as " + std::string{to_string(job.state)}};
}

/// Whatever status the reason has elsewhere, the request itself was good. What
/// does not fit, and what was asked for and is not in the backup, has a status
/// of its own, which a client can act on.
response gave_up(const request& req, const jobs::fault& why) {
  if (why.code == jobs::fault_code::no_room
      || why.code == jobs::fault_code::path_not_found)
    return problem(req, why);
  return problem(req.request_id, why, 500);
}

response say(const manner& how, const request& req, const jobs::job_view& job,
             jobs::time_ms now) {
  // Nothing was waited for, so nothing is claimed about the outcome.
  const auto reached =
      how.wait.count() > 0 ? judge(job.record(), how.style) : verdict::not_yet;
  if (reached == verdict::gave_up)
    return gave_up(req, reason_of(job.record()));
  const bool finished = reached == verdict::reached;
  response out = how.shows_job ? json_answer(finished ? 200 : 202, job.json())
                               : empty_answer(finished ? 204 : 202);
  if (how.shows_job) {
    add_etag(out, job);
    out.headers.emplace_back("Content-Location", job_url(job.record().id));
  }
  if (!finished)
    out.headers.emplace_back(
        "Retry-After",
        std::to_string(std::max(1, poll_after(job.record(), now))));
  return out;
}

void finish_as_known(const api_ptr& api, const exchange_ptr& call,
                     const manner& how, const jobs::job_view& job,
                     jobs::accept_outcome outcome) {
  auto out = say(how, call->req(), job, api->clock.now());
  const auto url = job_url(job.record().id);
  out.headers.emplace_back("Location", url);
  out.headers.emplace_back("Operation-Location", url);
  if (const auto applied = how.prefers.applied(); !applied.empty())
    out.headers.emplace_back("Preference-Applied", applied);
  if (outcome != jobs::accept_outcome::created)
    out.headers.emplace_back("Idempotency-Replayed", "true");
  call->reply(std::move(out));
}

void finish(const api_ptr& api, const exchange_ptr& call, const manner& how,
            const jobs::job_view_ptr& job, jobs::accept_outcome outcome) {
  if (!how.shows_job)
    return finish_as_known(api, call, how, *job, outcome);
  with_undo(api, job, [=](const jobs::job_view_ptr& known) {
    finish_as_known(api, call, how, *known, outcome);
  });
}

void wait_and_finish(const api_ptr& api, const exchange_ptr& call,
                     const manner& how, const jobs::ticket& ticket) {
  const auto& job = *ticket.job;
  if (how.wait.count() == 0
      || judge(job.record(), how.style) != verdict::not_yet) {
    finish(api, call, how, ticket.job, ticket.outcome);
    return;
  }
  api->engine.await(
      job.record().id, how.until(), {}, how.wait,
      [api, call, how, ticket](const jobs::result<jobs::job_view_ptr>& newest) {
        // The job is on disk whatever became of the wait: 202 at least.
        finish(api, call, how, newest ? *newest : ticket.job, ticket.outcome);
      });
}

/// A server that is being deleted is suspended, and registered still: either is
/// true, and neither says what to wait for.
jobs::fault with_deletion(const jobs::engine& engine,
                          const jobs::server_id& server, jobs::fault why) {
  const auto live = engine.live_jobs(server);
  const auto found = std::ranges::find(live, jobs::delete_server.name,
                                       &jobs::job_record::kind);
  if (found == live.end())
    return why;
  why.in_the_way = found->id.to_string();
  why.what += (why.what.empty() ? "" : "; ")
              + ("job " + why.in_the_way + " is deleting it");
  return why;
}

/// Those that a server may not be started beside.
bool holds_server(const jobs::job_record& job) {
  return job.kind == jobs::transfer_server.name
         || job.kind == jobs::receive_server.name
         || job.kind == jobs::restore_backup.name
         || job.kind == jobs::undo_restore.name;
}

/// Without a job in the way, another node has taken the server.
jobs::fault with_holder(const jobs::engine& engine,
                        const jobs::server_id& server, jobs::fault why) {
  for (const auto& job : engine.live_jobs(server))
    if (holds_server(job))
      why.in_the_way = job.id.to_string();
  const auto known = engine.find_server(server);
  if (why.in_the_way.empty() && known && known->transferring
      && known->state == jobs::server_state::active)
    why.what = "server " + server.to_string()
               + " has been taken by another node and waits for the Panel to "
                 "delete it here";
  return why;
}

std::string fingerprint_of(const request& req) {
  std::string text = req.method + '\n' + req.path + '\n';
  for (const auto& [name, value] : req.query)
    text += percent_encoded(name) + '=' + percent_encoded(value) + '&';
  return to_hex(sha256(text + '\n' + req.body));
}

} // namespace

jobs::fault with_owner(const jobs::engine& engine,
                       const jobs::server_id& server, jobs::fault why) {
  using enum jobs::fault_code;
  if (!why.in_the_way.empty())
    return why;
  if (why.code == server_locked)
    return with_holder(engine, server, std::move(why));
  if (why.code == server_exists || why.code == server_suspended)
    return with_deletion(engine, server, std::move(why));
  return why;
}

jobs::result<std::optional<jobs::idempotency>>
read_idempotency(const request& req) {
  const auto header = req.header("Idempotency-Key");
  if (!header)
    return std::optional<jobs::idempotency>{};
  auto key = trimmed(*header);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"')
    key = key.substr(1, key.size() - 2);
  const bool visible =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  constexpr std::size_t longest = 255;
  if (key.empty() || key.size() > longest || !visible)
    return jobs::fault{.code = jobs::fault_code::malformed,
                       .what = "Idempotency-Key must be 1 to 255 visible "
                               "ASCII characters",
                       .where = "Idempotency-Key"};
  return std::optional{
      jobs::idempotency{.principal = req.who ? req.who->id : "",
                        .key = std::string{key},
                        .fingerprint = fingerprint_of(req)}};
}

std::chrono::milliseconds wait_of(const api_ptr& api, const request& req,
                                  answer_style style) {
  return manner_of(req, style, api->settings.sync_wait).wait;
}

void submit(const api_ptr& api, const exchange_ptr& call, jobs::submission what,
            answer_style style) {
  const auto refuse = [api, call,
                       server = what.server](const jobs::fault& why) {
    reply_fault(call, with_owner(api->engine, server, why));
  };
  submit_or(api, call, std::move(what), style, refuse);
}

void submit_or(const api_ptr& api, const exchange_ptr& call,
               jobs::submission what, answer_style style,
               std::function<void(const jobs::fault&)> refused,
               milliseconds most) {
  auto key = read_idempotency(call->req());
  if (!key)
    return reply_fault(call, key.error());
  what.key = *std::move(key);
  api->engine.submit(std::move(what),
                     [api, call, style, most, refused = std::move(refused)](
                         const jobs::result<jobs::ticket>& taken) {
                       if (!taken)
                         return refused(taken.error());
                       answer_about(api, call, *taken, style, most);
                     });
}

void answer_about(const api_ptr& api, const exchange_ptr& call,
                  const jobs::ticket& ticket, answer_style style,
                  milliseconds most) {
  auto how = manner_of(call->req(), style, api->settings.sync_wait);
  how.wait = std::min(how.wait, most);
  wait_and_finish(api, call, how, ticket);
}

} // namespace alula::http
