#include "http/job_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/json_body.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/submit.hpp"
#include "http/undoable.hpp"
#include "http/words.hpp"
#include "jobs/measures.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;
using jobs::job_view_ptr;

/// An id that no job can have is an id that no job has.
jobs::result<jobs::job_id> read_job_id(const request& req) {
  if (const auto id = jobs::job_id::parse(req.param("job")))
    return *id;
  return fault{.code = fault_code::job_not_found,
               .what = "\"" + std::string{req.param("job")}
                       + "\" is not the id of a job"};
}

/// What a poller asked for.
struct poll {
  jobs::job_id id;
  std::chrono::milliseconds wait{0};
  std::optional<std::string> known = {}; ///< If-None-Match
  std::vector<std::string> fields = {};

  bool knows(const jobs::job_view& job) const {
    return known && names_job(*known, job);
  }
  /// Nothing to wait for: it is news already, or will never be any.
  bool is_over(const jobs::job_view& job) const {
    return wait.count() == 0 || job.record().is_done()
           || (known && !knows(job));
  }
};

jobs::result<poll> read_poll(const request& req) {
  auto id = read_job_id(req);
  if (!id)
    return std::move(id).error();
  poll out{.id = *id};
  if (const auto text = req.query_value("wait")) {
    const auto wait = parse_wait(*text);
    if (!wait)
      return fault{.code = fault_code::malformed,
                   .what = "query parameter \"wait\" must be a time such as "
                           "30s, 30 or 250ms",
                   .where = "wait"};
    out.wait = *wait;
  }
  if (const auto known = req.header("If-None-Match"))
    out.known = std::string{*known};
  for (const auto field : split(req.query_value("fields").value_or(""), ','))
    out.fields.emplace_back(field);
  return out;
}

fault no_such_job(const jobs::job_id& id) {
  return {.code = fault_code::job_not_found,
          .what = "there is no job " + id.to_string() + " here"};
}

/// Goes on with the id of the URL, when the principal may change that job.
template<class Then>
void with_job_to_change(const api_ptr& api, const exchange_ptr& call,
                        Then then) {
  const auto id = read_job_id(call->req());
  if (!id)
    return reply_fault(call, id.error());
  api->engine.find(*id, [call, id = *id, then = std::move(then)](
                            const jobs::result<job_view_ptr>& job) {
    if (job) {
      const auto& record = (*job)->record();
      call->is_about(
          jobs::subject_of(record.kind, record.server, record.input));
    }
    // What is not there is then told by the change itself.
    if (changes_all_jobs(call->req()))
      return then(id);
    if (!job)
      return reply_fault(call, job.error());
    if (!sees_job(call->req(), (*job)->record()))
      return reply_fault(call, no_such_job(id));
    if (const auto why = objection_to_change(call->req(), (*job)->record()))
      return reply_fault(call, *why);
    then(id);
  });
}

void show_as_known(const api_ptr& api, const exchange_ptr& call,
                   const poll& asked, const jobs::job_view& job, bool waited) {
  if (asked.knows(job)) {
    auto same = empty_answer(304);
    add_poll_headers(same, job, api->clock.now());
    // Whoever has waited may ask again at once.
    if (waited)
      for (auto& [name, value] : same.headers)
        if (name == "Retry-After")
          value = "0";
    return call->reply(std::move(same));
  }
  auto body = select_fields(job, asked.fields);
  if (!body)
    return reply_fault(call, body.error());
  auto answer = json_answer(200, *std::move(body));
  add_poll_headers(answer, job, api->clock.now());
  call->reply(std::move(answer));
}

void show(const api_ptr& api, const exchange_ptr& call, const poll& asked,
          const job_view_ptr& job, bool waited) {
  with_undo(api, job, [=](const job_view_ptr& known) {
    show_as_known(api, call, asked, *known, waited);
  });
}

void show_or_wait(const api_ptr& api, const exchange_ptr& call,
                  const poll& asked, const job_view_ptr& job) {
  if (!sees_job(call->req(), job->record()))
    return reply_fault(call, no_such_job(asked.id));
  if (asked.is_over(*job))
    return show(api, call, asked, job, false);
  const auto until =
      asked.known ? jobs::await_for::changed : jobs::await_for::finished;
  api->engine.await(
      asked.id, until, job->etag(), asked.wait,
      [api, call, asked](const jobs::result<job_view_ptr>& newest) {
        if (!newest)
          return reply_fault(call, newest.error());
        show(api, call, asked, *newest, true);
      });
}

/// Answers with the job as it is now.
void show_acted_on(const api_ptr& api, const exchange_ptr& call,
                   const jobs::job_view& job, int status) {
  auto answer = json_answer(status, job.json());
  add_poll_headers(answer, job, api->clock.now());
  call->reply(with_job(std::move(answer), job.record().id.view()));
}

/// A second cancel is no error when the first one did it.
void explain_finished(const api_ptr& api, const exchange_ptr& call,
                      const jobs::job_id& id, const fault& why) {
  api->engine.find(
      id, [api, call, why](const jobs::result<job_view_ptr>& found) {
        const bool was =
            found && (*found)->record().state == jobs::job_state::cancelled;
        if (!was)
          return reply_fault(call, why);
        show_acted_on(api, call, **found, 200);
      });
}

} // namespace

std::optional<std::chrono::milliseconds> parse_wait(std::string_view text) {
  std::int64_t unit = 1'000;
  if (text.ends_with("ms")) {
    unit = 1;
    text.remove_suffix(2);
  } else if (text.ends_with("s")) {
    text.remove_suffix(1);
  }
  if (text.empty()
      || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::int64_t count = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), count);
  const auto most = max_poll_wait.count() / unit;
  if (error != std::errc{} || count > most)
    return max_poll_wait;
  return std::chrono::milliseconds{count * unit};
}

void show_job(const api_ptr& api, const exchange_ptr& call) {
  jobs::observe(jobs::measure::poll, 1);
  const auto asked = read_poll(call->req());
  if (!asked)
    return reply_fault(call, asked.error());
  if (const auto job = api->engine.peek(asked->id))
    return show_or_wait(api, call, *asked, job);
  api->engine.find(asked->id, [api, call, asked = *asked](
                                  const jobs::result<job_view_ptr>& found) {
    if (!found)
      return reply_fault(call, found.error());
    show_or_wait(api, call, asked, *found);
  });
}

void forget_job(const api_ptr& api, const exchange_ptr& call) {
  with_job_to_change(api, call, [api, call](const jobs::job_id& id) {
    api->engine.forget(id, [call](const jobs::status& forgotten) {
      if (!forgotten)
        return reply_fault(call, forgotten.error());
      call->reply(empty_answer());
    });
  });
}

void cancel_job(const api_ptr& api, const exchange_ptr& call) {
  with_job_to_change(api, call, [api, call](const jobs::job_id& id) {
    api->engine.cancel(
        id, [api, call, id](const jobs::result<job_view_ptr>& job) {
          if (!job && job.error().code == fault_code::already_finished)
            return explain_finished(api, call, id, job.error());
          if (!job)
            return reply_fault(call, job.error());
          const bool cancelled =
              (*job)->record().state == jobs::job_state::cancelled;
          show_acted_on(api, call, **job, cancelled ? 200 : 202);
        });
  });
}

void retry_job(const api_ptr& api, const exchange_ptr& call) {
  auto key = read_idempotency(call->req());
  if (!key)
    return reply_fault(call, key.error());
  with_job_to_change(
      api, call, [api, call, key = *key](const jobs::job_id& id) {
        api->engine.retry(
            id, key, [api, call](const jobs::result<jobs::ticket>& taken) {
              if (!taken)
                return reply_fault(call, taken.error());
              answer_about(api, call, *taken, answer_style::with_job);
            });
      });
}

void abandon_job(const api_ptr& api, const exchange_ptr& call) {
  const auto body = json_body::parse(call->req().body);
  if (!body)
    return reply_fault(call, body.error());
  constexpr std::size_t longest_reason = 1'000;
  const auto reason = body->root().required_text("reason", longest_reason);
  if (const auto checked = body->check(); !checked)
    return reply_fault(call, checked.error());
  with_job_to_change(api, call, [api, call, reason](const jobs::job_id& id) {
    api->engine.abandon(id, reason,
                        [api, call](const jobs::result<job_view_ptr>& job) {
                          if (!job)
                            return reply_fault(call, job.error());
                          show_acted_on(api, call, **job, 200);
                        });
  });
}

} // namespace alula::http
