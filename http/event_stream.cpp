#include "http/event_stream.hpp"

#include "http/event_session.hpp"
#include "http/list_query.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "jobs/clock.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

/// The parameters of a stream; what a client misspells it would miss for ever.
jobs::status check_parameters(const request& req, bool of_one_job) {
  std::vector<std::string_view> known{"last_event_id"};
  if (!of_one_job)
    known.insert(known.end(), {"server", "kind"});
  return allow_parameters(req, known);
}

fault wrong(std::string_view name, std::string_view rule) {
  return {.code = fault_code::malformed,
          .what = std::string{name} + " must be " + std::string{rule},
          .where = std::string{name}};
}

/// The header counts: an EventSource that comes back still has the old URL.
jobs::result<std::optional<std::int64_t>> read_cursor(const request& req) {
  auto text = req.header("Last-Event-ID");
  if (!text || text->empty())
    text = req.query_value("last_event_id");
  if (!text || text->empty())
    return std::optional<std::int64_t>{};
  std::int64_t seq = 0;
  const auto end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, seq);
  if (error != std::errc{} || stop != end || seq < 0)
    return wrong("Last-Event-ID", "the id of an event");
  return std::optional{seq};
}

jobs::result<jobs::event_filter> read_filter(const request& req) {
  jobs::event_filter out;
  if (const auto text = req.query_value("server")) {
    const auto id = jobs::server_id::parse(*text);
    if (!id)
      return wrong("server", "a server's uuid");
    out.server = *id;
  }
  if (const auto text = req.query_value("kind")) {
    if (!is_kind_pattern(*text))
      return wrong("kind", "a kind, or a prefix that ends in \".*\"");
    out.kind = std::string{*text};
  }
  return out;
}

response stream_head() {
  return {200,
          {{"Content-Type", "text/event-stream; charset=utf-8"},
           {"Cache-Control", "no-store"},
           // nginx would collect the stream in a buffer.
           {"X-Accel-Buffering", "no"}},
          {}};
}

} // namespace

struct event_streams::core : std::enable_shared_from_this<core> {
  core(jobs::engine& asked, const event_stream_settings& given)
    : engine(asked), settings(given) {}

  void begin(const exchange_ptr& call, const event_start& how);
  void begin_ended_job(const exchange_ptr& call, const event_start& how);

  jobs::engine& engine;
  const event_stream_settings settings;
  std::mutex mutex;
  bool closed = false;
  std::vector<std::shared_ptr<event_session>> sessions;
};

void event_streams::core::begin(const exchange_ptr& call,
                                const event_start& how) {
  std::shared_ptr<event_session> opened;
  {
    const std::lock_guard lock{mutex};
    if (closed)
      return reply_fault(call, {.code = fault_code::shutting_down,
                                .what = "alula is stopping"});
    std::erase_if(sessions, [](const auto& s) { return s->is_closed(); });
    if (sessions.size() >= settings.most_streams)
      return reply_fault(call, {.code = fault_code::rate_limited,
                                .what = "too many event streams are open"});
    auto out = call->start_stream(stream_head());
    if (!out)
      return;
    opened =
        std::make_shared<event_session>(engine, settings, std::move(out), how);
    sessions.push_back(opened);
  }
  opened->run();
}

void event_streams::core::begin_ended_job(const exchange_ptr& call,
                                          const event_start& how) {
  engine.events_after(how.cursor, how.filter, 1,
                      [self = shared_from_this(), call,
                       how](const jobs::result<jobs::event_page>& rest) {
                        if (!rest)
                          return reply_fault(call, rest.error());
                        const bool knows_all = rest->items.empty()
                                               && !rest->truncated
                                               && how.cursor <= rest->last_seq;
                        if (knows_all)
                          return call->reply(empty_answer());
                        self->begin(call, how);
                      });
}

event_streams::event_streams(jobs::engine& engine,
                             const event_stream_settings& settings)
  : core_(std::make_shared<core>(engine, settings)),
    heart_([this, every = settings.heartbeat,
            due = deadline_thread::time::max()](auto now) mutable {
      if (now >= due)
        beat();
      due = now + every;
      return std::optional{due};
    }) {}

event_streams::~event_streams() {
  close();
}

void event_streams::open_all(const exchange_ptr& call) {
  if (const auto allowed = check_parameters(call->req(), false); !allowed)
    return reply_fault(call, allowed.error());
  const auto filter = read_filter(call->req());
  if (!filter)
    return reply_fault(call, filter.error());
  const auto cursor = read_cursor(call->req());
  if (!cursor)
    return reply_fault(call, cursor.error());
  if (*cursor)
    return core_->begin(call, {.filter = *filter,
                               .cursor = **cursor,
                               .resumes = true,
                               .who = call->req().who});
  constexpr auto beyond = std::numeric_limits<std::int64_t>::max() - 1;
  core_->engine.events_after(beyond, *filter, 1,
                             [core = core_, call, filter = *filter](
                                 const jobs::result<jobs::event_page>& end) {
                               if (!end)
                                 return reply_fault(call, end.error());
                               core->begin(call, {.filter = filter,
                                                  .cursor = end->last_seq,
                                                  .tells = true,
                                                  .who = call->req().who});
                             });
}

void event_streams::open_job(const exchange_ptr& call) {
  const auto id = jobs::job_id::parse(call->req().param("job"));
  if (!id)
    return reply_fault(call, {.code = fault_code::job_not_found,
                              .what = "no job has such an id"});
  if (const auto allowed = check_parameters(call->req(), true); !allowed)
    return reply_fault(call, allowed.error());
  const auto cursor = read_cursor(call->req());
  if (!cursor)
    return reply_fault(call, cursor.error());
  event_start how{.cursor = cursor->value_or(0),
                  .resumes = cursor->has_value()};
  how.filter.job = *id;
  how.who = call->req().who;
  core_->engine.find(*id, [core = core_, call,
                           how](const jobs::result<jobs::job_view_ptr>& job) {
    if (!job)
      return reply_fault(call, job.error());
    if (!sees_job(call->req(), (*job)->record()))
      return reply_fault(call, {.code = fault_code::job_not_found,
                                .what = "there is no such job here"});
    auto begin = how;
    begin.ends = (*job)->record().is_done();
    if (begin.ends && begin.resumes)
      core->begin_ended_job(call, begin);
    else
      core->begin(call, begin);
  });
}

void event_streams::beat() {
  std::vector<std::shared_ptr<event_session>> all;
  {
    const std::lock_guard lock{core_->mutex};
    std::erase_if(core_->sessions,
                  [](const auto& s) { return s->is_closed(); });
    all = core_->sessions;
  }
  const auto now = jobs::system_clock{}.now();
  for (const auto& s : all)
    s->is_expired(now) ? s->close() : s->beat();
}

void event_streams::close_of(std::string_view principal) {
  std::vector<std::shared_ptr<event_session>> theirs;
  {
    const std::lock_guard lock{core_->mutex};
    for (const auto& s : core_->sessions)
      if (s->is_of(principal))
        theirs.push_back(s);
  }
  for (const auto& s : theirs)
    s->close();
}

void event_streams::close() {
  std::vector<std::shared_ptr<event_session>> all;
  {
    const std::lock_guard lock{core_->mutex};
    core_->closed = true;
    all.swap(core_->sessions);
  }
  for (const auto& s : all)
    s->close();
}

std::size_t event_streams::count() const {
  const std::lock_guard lock{core_->mutex};
  return static_cast<std::size_t>(std::ranges::count_if(
      core_->sessions, [](const auto& s) { return !s->is_closed(); }));
}

} // namespace alula::http
