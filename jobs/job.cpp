#include "jobs/job.hpp"

#include "jobs/advice.hpp"
#include "jobs/clock.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace alula::jobs {

namespace {

constexpr std::array<std::string_view, 8> job_states{
    "queued", "running",   "retry_wait", "cancelling",
    "parked", "succeeded", "failed",     "cancelled"};
constexpr std::array<std::string_view, 3> step_classes{"compensatable", "pivot",
                                                       "retriable"};
constexpr std::array<std::string_view, 6> step_states{
    "pending", "started", "done", "skipped", "undoing", "undone"};

template<class Enum>
std::optional<Enum> parse(std::span<const std::string_view> names,
                          std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

using json = nlohmann::ordered_json;

/// Null for "never".
json time_text(time_ms at) {
  return at == 0 ? json(nullptr) : json(to_rfc3339(at));
}

json embedded(const std::string& text) {
  if (text.empty())
    return nullptr;
  auto value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

/// An RFC 9457 problem without a status: the poll itself succeeded.
json problem(const std::optional<fault>& f) {
  if (!f)
    return nullptr;
  json out{
      {"code", slug(f->code)}, {"title", title(f->code)}, {"detail", f->what}};
  if (!f->where.empty())
    out["where"] = f->where;
  if (!f->in_the_way.empty())
    out["owner_job"] = f->in_the_way;
  return out;
}

json count_object(const work_count& c) {
  return {{"done", c.done},
          {"total", c.total > 0 ? json(c.total) : json(nullptr)}};
}

json progress_object(const progress& p) {
  json out{{"done", p.done}, {"unit", p.unit}};
  if (p.total > 0) {
    out["total"] = p.total;
    out["percent"] = std::min<std::int64_t>(100, p.done * 100 / p.total);
  } else {
    out["total"] = nullptr;
    out["percent"] = nullptr;
  }
  out["rate"] = std::llround(p.rate);
  if (p.total > 0 && p.rate > 0)
    out["eta_seconds"] = std::llround(
        static_cast<double>(std::max<std::int64_t>(0, p.total - p.done))
        / p.rate);
  else
    out["eta_seconds"] = nullptr;
  if (p.files)
    out["files"] = count_object(*p.files);
  if (p.bytes)
    out["bytes"] = count_object(*p.bytes);
  out["updated_at"] = time_text(p.updated_at);
  return out;
}

json step_object(const step_record& s) {
  json out{{"name", s.name},
           {"class", to_string(s.cls)},
           {"state", to_string(s.state)},
           {"attempt", s.attempt},
           {"crashes", s.crashes},
           {"started_at", time_text(s.started_at)},
           {"finished_at", time_text(s.finished_at)}};
  if (s.error)
    out["error"] = problem(s.error);
  return out;
}

bool is_of_restore(const job_record& job) {
  return job.kind == "backup.restore" || job.kind == "backup.undo_restore";
}

/// A failed job is asked for again with its stored input. A create's lacks the
/// configuration, which may hold secrets, and a transfer's the token; an
/// undelete is asked of the trash.
bool can_be_retried(const job_record& job) {
  if (job.state == job_state::parked)
    return true;
  return job.state == job_state::failed && job.kind != "server.create"
         && job.kind != "server.undelete" && job.kind != "server.transfer";
}

json links_of(const job_record& job, std::optional<time_ms> undo_until) {
  const auto self = "/api/jobs/" + job.id.to_string();
  json links{{"self", self}, {"events", self + "/events"}};
  links["cancel"] = job.is_cancellable() ? json(self + "/cancel") : nullptr;
  links["retry"] = can_be_retried(job) ? json(self + "/retry") : nullptr;
  links["abandon"] =
      job.state == job_state::parked ? json(self + "/abandon") : nullptr;
  // Left out where it may be and nobody has asked: an offer would be a guess.
  if (is_of_restore(job) && undo_until)
    links["undo"] = *undo_until > 0 ? json(self + "/undo") : nullptr;
  links["server"] = job.server.empty()
                        ? json(nullptr)
                        : json("/api/servers/" + job.server.to_string());
  return links;
}

std::string render(const job_record& job,
                   const std::optional<progress>& current,
                   std::optional<time_ms> undo_until) {
  const bool says = current && !job.is_done();
  const bool moving = says && !current->unit.empty();
  json out{
      {"id", job.id.view()},
      {"kind", job.kind},
      {"server", job.server.empty() ? json(nullptr) : json(job.server.view())},
      {"state", to_string(job.state)},
      {"done", job.is_done()},
      {"answered", job.is_answered()},
      {"cancellable", job.is_cancellable()}};
  out["reason"] = job.reason.empty() ? json(nullptr) : json(job.reason);
  const auto& message =
      job.message.empty() && says ? current->message : job.message;
  out["message"] = message.empty() ? json(nullptr) : json(message);
  const auto since = waiting_since(job);
  out["waiting_since"] = since == 0 ? json(nullptr) : time_text(since);
  out["held_since"] = time_text(job.held_since);
  const auto advice = advice_about(job);
  out["advice"] = advice.empty() ? json(nullptr) : json(advice);
  out["progress"] = moving ? progress_object(*current) : json(nullptr);
  out["steps"] = json::array();
  for (const auto& step : job.steps)
    out["steps"].push_back(step_object(step));
  out["lane"] = job.lane;
  out["pool"] = job.pool;
  out["priority"] = job.priority;
  out["attempt"] = job.attempt;
  out["max_attempts"] = job.max_attempts;
  out["crashes"] = job.crashes;
  out["version"] = job.version;
  const bool waits = !job.is_done() && job.run_at > job.created_at
                     && job.state != job_state::running;
  out["next_try_at"] = waits ? time_text(job.run_at) : json(nullptr);
  out["cancel_requested_at"] = time_text(job.cancel_requested_at);
  out["created_at"] = time_text(job.created_at);
  out["started_at"] = time_text(job.started_at);
  out["finished_at"] = time_text(job.finished_at);
  out["expires_at"] = time_text(job.expires_at);
  out["retry_of"] =
      job.retry_of.empty() ? json(nullptr) : json(job.retry_of.view());
  if (undo_until)
    out["undo_until"] = time_text(*undo_until);
  out["result"] = embedded(job.result);
  out["error"] = problem(job.error);
  out["links"] = links_of(job, undo_until);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string_view to_string(job_state s) {
  return job_states[static_cast<std::size_t>(s)];
}

std::string_view to_string(step_class c) {
  return step_classes[static_cast<std::size_t>(c)];
}

std::string_view to_string(step_state s) {
  return step_states[static_cast<std::size_t>(s)];
}

std::optional<job_state> parse_job_state(std::string_view text) {
  return parse<job_state>(job_states, text);
}

std::optional<step_class> parse_step_class(std::string_view text) {
  return parse<step_class>(step_classes, text);
}

std::optional<step_state> parse_step_state(std::string_view text) {
  return parse<step_state>(step_states, text);
}

bool is_terminal(job_state s) {
  return s == job_state::succeeded || s == job_state::failed
         || s == job_state::cancelled;
}

bool is_owner(job_state s) {
  return s != job_state::queued && !is_terminal(s);
}

bool may_follow(job_state from, job_state to) {
  using enum job_state;
  switch (from) {
  case queued:
    return to == running || to == cancelling || to == cancelled || to == parked;
  case running:
    return to == succeeded || to == retry_wait || to == cancelling
           || to == failed || to == parked || to == queued;
  case retry_wait:
    return to == running || to == cancelling || to == cancelled || to == failed
           || to == parked;
  case cancelling:
    return to == cancelled || to == failed || to == parked;
  case parked:
    return to == retry_wait || to == cancelling || to == cancelled
           || to == failed;
  default:
    return false;
  }
}

bool job_record::is_answered() const {
  if (answer_after < 0)
    return true;
  const auto index = static_cast<std::size_t>(answer_after);
  return index < steps.size()
         && (steps[index].state == step_state::done
             || steps[index].state == step_state::skipped);
}

bool job_record::is_cancellable() const {
  if (is_done() || past_pivot || state == job_state::cancelling)
    return false;
  // A pivot that has been started may already have happened.
  return std::ranges::none_of(steps, [](const step_record& s) {
    return s.cls == step_class::pivot && s.state != step_state::pending
           && s.state != step_state::skipped;
  });
}

bool job_record::may_be_undone() const {
  const bool was_given_up = error && error->code == fault_code::abandoned;
  return is_of_restore(*this)
         && (state == job_state::succeeded || was_given_up);
}

const step_record* job_record::find_step(std::string_view name) const {
  const auto found = std::ranges::find(steps, name, &step_record::name);
  return found == steps.end() ? nullptr : &*found;
}

job_view::job_view(job_record record, std::optional<jobs::progress> progress,
                   std::int64_t progress_revision)
  : record_(std::move(record)), progress_(std::move(progress)),
    undo_until_(record_.may_be_undone() ? std::nullopt : std::optional{0}),
    etag_("\"" + std::to_string(record_.version) + "."
          + std::to_string(progress_revision) + "\"") {}

job_view::job_view(const job_view& job, time_ms undo_until)
  : record_(job.record_), progress_(job.progress_), undo_until_(undo_until),
    etag_(job.etag_) {
  if (undo_until > 0)
    etag_.insert(etag_.size() - 1, "." + std::to_string(undo_until));
}

const std::string& job_view::json() const {
  std::call_once(rendered_,
                 [this] { json_ = render(record_, progress_, undo_until_); });
  return json_;
}

} // namespace alula::jobs
