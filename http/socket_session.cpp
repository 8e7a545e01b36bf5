#include "http/socket_session.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <utility>

namespace alula::http {

namespace {

// RFC 6455, section 7.4.1, and the registry it opened.
constexpr std::uint16_t policy_violation = 1008;
constexpr std::uint16_t try_again_later = 1013;

// A Panel's page looks for the first two, word for word, and fetches a new
// token (wings-protocol 5.7); any other reason it shows to the user.
constexpr std::string_view token_expired = "jwt: exp claim is invalid";
constexpr std::string_view token_denied =
    "jwt: created too far in past (denylist)";
constexpr std::string_view token_early = "jwt: the token is not valid yet";
constexpr std::string_view token_missing = "jwt: no token was sent yet";
constexpr std::string_view token_powerless =
    "jwt: the token lacks the permission websocket.connect";
constexpr std::string_view token_elsewhere =
    "jwt: the token belongs to another server";

constexpr std::string_view unexplained =
    "An unexpected error happened while this message was handled.";

} // namespace

socket_session::socket_session(session_host& host, jobs::engine& engine,
                               const socket_limits& limits, identity who)
  : host_(host), engine_(engine), limits_(limits), who_(std::move(who)),
    turns_(limits.frames_per_second, limits.frames_burst, host.now()) {}

void socket_session::attach(std::shared_ptr<websocket> socket) {
  const std::lock_guard lock{mutex_};
  if (phase_ == phase::gone) {
    socket->kill();
    return;
  }
  socket_ = std::move(socket);
  if (phase_ == phase::closing) {
    socket_->close(close_code_, close_reason_);
    return;
  }
  phase_ = phase::open;
  const auto now = host_.now();
  access_deadline_ = now + limits_.auth_deadline;
  next_ping_ = now + limits_.ping_every;
  wake_for_next();
}

// -- from the client ---------------------------------------------------------

void socket_session::on_text(const std::string& frame) {
  errand then;
  {
    const std::lock_guard lock{mutex_};
    if (phase_ != phase::open)
      return;
    missed_pongs_ = 0;
    if (!take_turn())
      return;
    const auto message = read_message(frame);
    if (!message)
      return;
    then = message->event == "auth" ? authenticate(message->text)
                                    : dispatch(*message);
  }
  // Outside the lock: an engine may answer before it returns.
  if (then)
    then();
}

void socket_session::on_pong() {
  const std::lock_guard lock{mutex_};
  missed_pongs_ = 0;
}

void socket_session::on_closed() {
  host_.forget(who_.id);
}

bool socket_session::take_turn() {
  const auto now = host_.now();
  if (turns_.is_full(now))
    dropped_ = 0;
  if (turns_.take(now))
    return true;
  ++dropped_;
  if (dropped_ == 1)
    send_error("daemon error",
               "Too many messages in a short time; some were dropped.",
               "too many messages");
  else if (dropped_ > limits_.most_dropped)
    close(policy_violation, "too many messages", limits_.close_grace);
  return false;
}

/// After the first success of the connection, and after one that ends a time
/// of which messages are missing: tell what is now.
socket_session::errand socket_session::authenticate(const std::string& token) {
  auto read = host_.read(token);
  if (!read) {
    refuse_auth(read.error().what, false);
    return {};
  }
  token_claims claims = std::move(*read);
  // A Panel whose clock is ahead must not outrun a denial.
  claims.issued_at = std::min(claims.issued_at, host_.wall_now());
  if (const auto reason = objection(claims); !reason.empty()) {
    refuse_auth(reason, true);
    return {};
  }

  const bool first = !claims_;
  if (first && !host_.seat(who_.id)) {
    send_error("daemon error",
               "Too many connections to this server are open; close one and "
               "try again.",
               "no seat left");
    close(try_again_later, "too many connections", limits_.close_grace);
    return {};
  }
  claims_ = std::move(claims);
  told_ = {};
  expiry_told_ = false;
  failed_auths_ = 0;
  access_deadline_.reset();
  if (first)
    next_tick_ = host_.now() + limits_.expiry_tick;
  wake_for_next();
  send("auth success");
  if (first)
    return [this] { welcome(); };
  const auto missed = std::exchange(missed_after_, std::nullopt);
  if (!missed)
    return {};
  status_known_ = false;
  return [this, missed] {
    send_completions(*missed);
    ask_status();
    if (follows_jobs())
      send_jobs();
  };
}

/// The connection stays as it was, with the token it had, if any.
void socket_session::refuse_auth(std::string_view reason,
                                 bool is_token_problem) {
  const bool shown =
      is_token_problem
      || (claims_ && has_permission(*claims_, "admin.websocket.errors"));
  send_error(is_token_problem ? "jwt error" : "daemon error",
             shown ? reason : unexplained, reason);
  if (++failed_auths_ >= limits_.failed_auths)
    close(policy_violation, "too many failed authentications",
          limits_.close_grace);
}

socket_session::errand socket_session::dispatch(const client_message& message) {
  const auto reason = claims_ ? objection(*claims_) : token_missing;
  if (!reason.empty()) {
    send("jwt error", {std::string{reason}});
    if (claims_) {
      told_ = reason;
      access_lost(reason);
    }
    return {};
  }
  if (!is_client_event(message.event))
    return {};
  // Without the permission: silence, as in Wings (wings-protocol 5.4).
  const auto needed = permission_to_send(message);
  if (!needed.empty() && !has_permission(*claims_, needed))
    return {};
  return order(message);
}

// -- the token ---------------------------------------------------------------

/// Why this token does not open this server, now; empty when it does.
std::string_view socket_session::objection(const token_claims& claims) const {
  const auto now = host_.wall_now();
  if (is_expired(claims, now))
    return token_expired;
  if (is_early(claims, now))
    return token_early;
  if (host_.is_denied(claims))
    return token_denied;
  if (!has_permission(claims, "websocket.connect"))
    return token_powerless;
  if (claims.server_uuid != who_.server.view())
    return token_elsewhere;
  return {};
}

bool socket_session::has_access() const {
  return claims_ && objection(*claims_).empty();
}

/// The token was good and is no longer: time to bring a new one starts.
void socket_session::access_lost(std::string_view reason) {
  const auto until = host_.now()
                     + (reason == token_expired ? limits_.expired_grace
                                                : limits_.auth_deadline);
  access_deadline_ = std::min(access_deadline_.value_or(until), until);
  wake_for_next();
}

void socket_session::look_at_expiry() {
  const auto now = host_.wall_now();
  if (is_expired(*claims_, now)) {
    // Past every token check on purpose: Wings' own check eats this event.
    if (!std::exchange(expiry_told_, true))
      send("token expired");
    access_lost(token_expired);
  } else if (claims_->expires_at - now <= limits_.expiring.count()) {
    send("token expiring");
  }
}

void socket_session::deliver(const broadcast& message) {
  const std::lock_guard lock{mutex_};
  if (phase_ != phase::open || !claims_)
    return;
  if (const auto reason = objection(*claims_); !reason.empty()) {
    // Once per reason; Wings answers every event so, and a noisy console
    // becomes a flood (wings-protocol 5.8).
    if (std::exchange(told_, reason) != reason)
      send("jwt error", {std::string{reason}});
    if (!missed_after_)
      missed_after_ = last_seq_;
    access_lost(reason);
    return;
  }
  last_seq_ = std::max(last_seq_, message.seq);
  if (message.permission.empty()
      || has_permission(*claims_, message.permission))
    put(message.frame);
}

void socket_session::recheck() {
  const std::lock_guard lock{mutex_};
  if (phase_ != phase::open || !claims_ || !host_.is_denied(*claims_))
    return;
  if (std::exchange(told_, token_denied) != token_denied)
    send("jwt error", {std::string{token_denied}});
  access_lost(token_denied);
}

// -- the clocks --------------------------------------------------------------

void socket_session::run_due(steady_time now) {
  bool wants_status = false;
  {
    const std::lock_guard lock{mutex_};
    const auto is_due = [now](const std::optional<steady_time>& at) {
      return at && *at <= now;
    };
    if (phase_ == phase::closing && is_due(kill_at_))
      return end("no close in time");
    if (phase_ == phase::open && is_due(access_deadline_))
      close(policy_violation,
            claims_ ? "the token was not renewed" : "no authentication in time",
            limits_.close_grace);
    if (phase_ == phase::open && is_due(next_ping_)) {
      if (missed_pongs_ >= limits_.missed_pongs)
        return end("no answer to pings");
      ++missed_pongs_;
      next_ping_ = now + limits_.ping_every;
      socket_->ping();
    }
    if (phase_ == phase::open && is_due(next_tick_)) {
      next_tick_ = now + limits_.expiry_tick;
      look_at_expiry();
      wants_status = phase_ == phase::open && !status_known_ && has_access();
    }
    wake_for_next();
  }
  if (wants_status)
    ask_status();
}

void socket_session::wake_for_next() {
  std::optional<steady_time> next;
  const auto consider = [&next](const std::optional<steady_time>& at) {
    if (at && (!next || *at < *next))
      next = at;
  };
  if (phase_ == phase::closing) {
    consider(kill_at_);
  } else if (phase_ == phase::open) {
    consider(next_ping_);
    consider(next_tick_);
    consider(access_deadline_);
  }
  if (next)
    host_.wake_at(who_.id, *next);
}

// -- to the client -----------------------------------------------------------

void socket_session::send(std::string_view event,
                          const std::vector<std::string>& args) {
  put(render_message(event, args));
}

/// `text` for the client, `cause` for the log, and a number that joins them.
void socket_session::send_error(std::string_view event, std::string_view text,
                                std::string_view cause) {
  const auto number = jobs::make_random_uuid();
  // What the client was told in full needs no line of its own, and must not
  // let a client fill the log.
  const auto level =
      text == unexplained ? jobs::log_level::info : jobs::log_level::debug;
  const jobs::log_scope as{whose_};
  jobs::log(level, "socket-error",
            {{"error_event", number},
             {"server", who_.server.view()},
             {"remote", who_.remote},
             {"cause", cause}});
  send(event, {"Error Event [" + number + "]: " + std::string{text}});
}

void socket_session::put(const frame_ptr& frame) {
  if (phase_ == phase::open && !socket_->send(frame))
    end("too slow or gone");
}

void socket_session::close(std::uint16_t code, std::string_view reason,
                           std::chrono::milliseconds grace) {
  if (phase_ == phase::closing || phase_ == phase::gone)
    return;
  const bool attached = phase_ == phase::open;
  phase_ = phase::closing;
  close_code_ = code;
  close_reason_ = reason;
  kill_at_ = host_.now() + grace;
  host_.leave(who_.id);
  wake_for_next();
  if (attached)
    socket_->close(code, reason);
}

void socket_session::dismiss(std::uint16_t code, std::string_view reason,
                             std::chrono::milliseconds grace) {
  const std::lock_guard lock{mutex_};
  close(code, reason, grace);
}

void socket_session::kill(std::string_view why) {
  const std::lock_guard lock{mutex_};
  end(why);
}

void socket_session::end(std::string_view why) {
  if (std::exchange(phase_, phase::gone) == phase::gone)
    return;
  const jobs::log_scope as{whose_};
  jobs::log(jobs::log_level::debug, "socket-ended",
            {{"server", who_.server.view()},
             {"remote", who_.remote},
             {"cause", why}});
  host_.forget(who_.id);
  if (socket_)
    socket_->kill();
}

} // namespace alula::http
