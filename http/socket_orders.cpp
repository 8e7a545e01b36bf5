// The part of a session that tells its client how the server is, and does what
// he asks for (wings-protocol 5.5). Nothing here holds the session's lock while
// it asks the node.
#include "http/backup_lookup.hpp"
#include "http/reply.hpp"
#include "http/socket_jobs.hpp"
#include "http/socket_session.hpp"
#include "http/submit.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <charconv>
#include <type_traits>
#include <utility>

namespace alula::http {

namespace {

std::int64_t number_of(std::string_view text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// A sentence that says nothing about the inside of a node; any other is for
/// those who may see real errors.
bool is_for_everybody(jobs::fault_code code) {
  using enum jobs::fault_code;
  return code == server_suspended || code == server_locked
         || code == rate_limited || code == starting || code == shutting_down
         || code == not_implemented;
}

/// As a request would have been answered.
template<class Outcome>
void write_down(const std::function<void(jobs::audit_record)>& audit,
                jobs::audit_record row, const Outcome& outcome) {
  if (!audit)
    return;
  if constexpr (std::is_same_v<Outcome, jobs::result<jobs::ticket>>)
    if (outcome && outcome->job)
      row.job = outcome->job->record().id.to_string();
  row.status = outcome ? 202 : status_of(outcome.error().code);
  audit(std::move(row));
}

} // namespace

// -- the server's state ------------------------------------------------------

/// What was announced before it came is not missed.
void socket_session::welcome() {
  const auto seq = host_.last_seq(who_.server);
  {
    const std::lock_guard lock{mutex_};
    last_seq_ = std::max(last_seq_, seq);
  }
  ask_status();
}

void socket_session::ask_status() {
  // What the node knows by itself needs no Docker; "offline" may only mean that
  // Docker has not answered since the start.
  const auto* processes = host_.services().processes;
  if (processes
      && processes->state(who_.server) != jobs::process_state::offline)
    return tell_status(std::optional<jobs::container_info>{});
  engine_.inspect_server(who_.server, [weak = weak_from_this()](auto answer) {
    if (const auto self = weak.lock())
      self->tell_status(answer);
  });
}

/// The node's own word counts; without processes of its own, Docker's.
void socket_session::tell_status(
    const jobs::result<std::optional<jobs::container_info>>& container) {
  const auto* processes = host_.services().processes;
  const bool running = container && *container && (*container)->running;
  const auto now = processes
                       ? to_string(processes->state(who_.server))
                       : std::string_view{running ? "running" : "offline"};
  {
    const std::lock_guard lock{mutex_};
    if (phase_ != phase::open || status_known_)
      return;
    // Without an answer nobody knows the state, and "offline" would be a
    // guess: it is asked again with the next tick. One that runs and is not
    // taken over yet is announced when it is.
    if (now == "offline" && (!container || running)) {
      const jobs::log_scope as{whose_};
      jobs::log(jobs::log_level::info, "socket-status-unknown",
                {{"server", who_.server.view()},
                 {"error", container ? "it runs and is not listened to yet"
                                     : container.error().what}});
      return;
    }
    if (!has_access())
      return;
    status_known_ = true;
    send("status", {std::string{now}});
  }
  if (processes)
    correct_status(now);
}

/// A change that was announced after it was looked up came before it: the last
/// word must be the true one. A server that is off says what it uses once.
void socket_session::correct_status(std::string_view told) {
  const auto& processes = *host_.services().processes;
  constexpr int most = 8;
  for (int i = 0; i < most; ++i) {
    const auto now = to_string(processes.state(who_.server));
    if (now == told)
      break;
    told = now;
    say("status", {std::string{now}});
  }
  if (told == "offline")
    send_stats();
}

// -- orders ------------------------------------------------------------------

/// With the lock held; what it returns runs without.
socket_session::errand socket_session::order(const client_message& message) {
  const auto& [event, text] = message;
  if (event == "set state")
    return [this, action = text, user = claims_->user_uuid] {
      change_power(action, user);
    };
  if (event == "send command")
    return [this, line = text, user = claims_->user_uuid] {
      send_command(line, user);
    };
  if (event == "send stats")
    return [this] { send_stats(); };
  if (event == "send logs")
    return [this] { send_logs(); };
  if (event == "resume")
    return [this, after = number_of(text)] { send_completions(after); };
  // subscribe and unsubscribe; there is one thing to subscribe to.
  if (text != "jobs")
    return {};
  follows_jobs_ = event == "subscribe";
  unfinished_.clear();
  send(follows_jobs_ ? "subscribed" : "unsubscribed", {"jobs"});
  if (!follows_jobs_)
    return {};
  return [this] { send_jobs(); };
}

// -- the process -------------------------------------------------------------

void socket_session::change_power(const std::string& action,
                                  const std::string& user) {
  if (action != "start" && action != "stop" && action != "restart"
      && action != "kill")
    return refuse_order({.code = jobs::fault_code::validation,
                         .what = "there is no such power action"});
  const auto done = activity_of("server:power." + action, user);
  jobs::submission what;
  what.kind = "server.power";
  what.server = who_.server;
  what.body = R"({"action":")" + action + "\"}";
  if (const auto& report = host_.services().report)
    what.report = report(done);
  engine_.submit(std::move(what), [weak = weak_from_this(), done,
                                   row = audit_of("set state/" + action, user),
                                   audit = host_.services().audit](
                                      const jobs::result<jobs::ticket>& taken) {
    // Also of a client who has left meanwhile.
    write_down(audit, row, taken);
    const auto self = weak.lock();
    if (!self)
      return;
    if (!taken)
      return self->refuse_order(
          with_owner(self->engine_, self->who_.server, taken.error()));
    self->log_order(done);
  });
}

void socket_session::send_command(const std::string& line,
                                  const std::string& user) {
  auto* processes = host_.services().processes;
  if (!processes)
    return refuse_order({.code = jobs::fault_code::not_implemented,
                         .what = "this node runs no servers"});
  const auto state = processes->state(who_.server);
  if (state == jobs::process_state::offline
      && !processes->usage(who_.server).is_known) {
    const auto why = not_known_to_run();
    write_down(host_.services().audit, audit_of("send command", user),
               jobs::status{why});
    return refuse_order(why);
  }
  if (state == jobs::process_state::offline)
    return;
  const auto written = processes->write(who_.server, line);
  const bool is_early =
      state == jobs::process_state::starting && !written
      && written.error().code == jobs::fault_code::docker_refused;
  if (is_early)
    return;
  write_down(host_.services().audit, audit_of("send command", user), written);
  if (!written)
    return refuse_order(written.error());
  auto done = activity_of("server:console.command", user);
  log_order(done);
  done.command = line;
  if (const auto& keep = host_.services().note)
    keep(done);
}

void socket_session::send_stats() {
  const auto* processes = host_.services().processes;
  if (!processes)
    return;
  const auto usage = processes->usage(who_.server);
  if (usage.is_known || usage.state != jobs::process_state::offline)
    say("stats", {to_json(usage)});
}

/// What the container has said; of one that does not run, or cannot be asked,
/// what was heard of it.
void socket_session::send_logs() {
  const auto& with = host_.services();
  if (!with.processes)
    return;
  const auto tell =
      [weak = weak_from_this()](const std::vector<std::string>& lines) {
        const auto self = weak.lock();
        if (!self)
          return;
        auto from = lines.end();
        for (std::size_t bytes = 0; from != lines.begin(); --from) {
          bytes += std::prev(from)->size();
          if (bytes > self->host_.services().log_bytes)
            break;
        }
        for (; from != lines.end(); ++from)
          self->say("console output", {*from});
      };
  const auto heard = [processes = with.processes, server = who_.server,
                      most = with.log_lines] {
    return processes->recent_lines(server, most);
  };
  const bool is_off =
      with.processes->state(who_.server) == jobs::process_state::offline;
  const bool is_asked =
      !is_off && with.askers
      && with.askers->run([tell, heard, processes = with.processes,
                           server = who_.server, most = with.log_lines] {
           const auto lines = processes->log(server, most);
           tell(lines && !lines->empty() ? *lines : heard());
         });
  if (!is_asked)
    tell(heard());
}

// -- jobs and what has ended -------------------------------------------------

void socket_session::send_completions(std::int64_t after) {
  for (const auto& message : host_.completions_after(who_.server, after))
    deliver(message);
}

bool socket_session::follows_jobs() const {
  const std::lock_guard lock{mutex_};
  return follows_jobs_;
}

void socket_session::deliver_job(const jobs::job_record& job,
                                 const broadcast& whole,
                                 const frame_ptr& plain) {
  constexpr std::size_t most_unfinished = 256;
  const std::lock_guard lock{mutex_};
  if (phase_ != phase::open || !follows_jobs_ || !claims_)
    return;
  const bool is_heard = has_access();
  if (is_heard && job.is_done())
    unfinished_.erase(job.id);
  else if (unfinished_.insert(job.id).second
           && unfinished_.size() > most_unfinished)
    unfinished_.erase(unfinished_.begin()); // the oldest: ids grow with time
  if (!is_heard) {
    if (!missed_after_)
      missed_after_ = last_seq_;
    return;
  }
  last_seq_ = std::max(last_seq_, whole.seq);
  if (!whole.permission.empty() && !has_permission(*claims_, whole.permission))
    return;
  put(has_permission(*claims_, "admin.websocket.errors") ? whole.frame : plain);
}

void socket_session::send_jobs() {
  std::set<jobs::job_id> ids;
  {
    // Those that still are unfinished come back with being told.
    const std::lock_guard lock{mutex_};
    ids.swap(unfinished_);
  }
  for (const auto& job : engine_.live_jobs(who_.server))
    ids.insert(job.id);
  for (const auto& id : ids)
    send_job(id);
}

/// A change that came while it was looked up may have been told before it.
void socket_session::send_job(const jobs::job_id& id) {
  std::string told;
  constexpr int most = 4;
  for (int i = 0; i < most; ++i) {
    const auto job = engine_.peek(id);
    if (!job || job->etag() == told)
      return;
    told = job->etag();
    deliver_job(job->record(),
                {render_message("job progress", {present_job(*job, true)}),
                 permission_for_job(job->record().kind), 0},
                render_message("job progress", {present_job(*job, false)}));
  }
}

// -- what is said of it ------------------------------------------------------

void socket_session::refuse_order(const jobs::fault& why) {
  const std::lock_guard lock{mutex_};
  if (phase_ != phase::open || !claims_)
    return;
  const bool shown = is_for_everybody(why.code)
                     || has_permission(*claims_, "admin.websocket.errors");
  // Any client may look at the job that is in the way.
  const auto whole = why.in_the_way.empty()
                         ? why.what
                         : why.what + " (job " + why.in_the_way + ")";
  send_error("daemon error",
             shown ? whole
                   : "An unexpected error happened while this message was "
                     "handled.",
             whole);
}

jobs::activity socket_session::activity_of(std::string event,
                                           const std::string& user) const {
  return {.server = who_.server,
          .user = user,
          .address = who_.remote,
          .event = std::move(event),
          .command = {},
          .at = host_.wall_now()};
}

/// Not the command itself: players type passwords there.
void socket_session::log_order(const jobs::activity& what) const {
  const jobs::log_scope as{whose_};
  jobs::log(jobs::log_level::info, "socket-order",
            {{"server", what.server.view()},
             {"event", what.event},
             {"user", what.user},
             {"remote", what.address}});
}

/// Without the command, for the same reason.
jobs::audit_record socket_session::audit_of(std::string_view order,
                                            const std::string& user) const {
  const auto server = who_.server.to_string();
  return {.at = host_.wall_now(),
          .principal = "user:" + user,
          .name = "a user of the Panel's",
          .method = "WS",
          .path = "/api/servers/" + server + "/ws/" + std::string{order},
          .server = server,
          .remote = who_.remote};
}

void socket_session::say(std::string_view event,
                         const std::vector<std::string>& args) {
  const std::lock_guard lock{mutex_};
  if (phase_ == phase::open && has_access())
    send(event, args);
}

bool socket_session::is_of(std::string_view user) const {
  const std::lock_guard lock{mutex_};
  return claims_ && claims_->user_uuid == user;
}

} // namespace alula::http
