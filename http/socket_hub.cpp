#include "http/socket_hub.hpp"

#include "http/reply.hpp"
#include "http/text.hpp"
#include "jobs/log.hpp"

#include <algorithm>

namespace alula::http {

namespace {

response plain_answer(int status, header_list headers, std::string body) {
  headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  return {status, std::move(headers), std::move(body)};
}

} // namespace

jobs::fault no_server_here() {
  return {jobs::fault_code::server_not_found,
          "No server with this uuid is on this node."};
}

socket_hub::socket_hub(socket_access access, socket_settings settings,
                       const jobs::clock& clock)
  : settings_(std::move(settings)), clock_(clock), denied_(clock.now()),
    first_seq_(clock.now() * 1'000), access_(std::move(access)) {
  if (settings_.own_thread)
    thread_ = std::make_unique<deadline_thread>(
        [this](steady_time at) { return run_due(at); });
}

socket_hub::~socket_hub() {
  stop();
}

void socket_hub::serve(socket_services services) {
  services_ = std::move(services);
}

void socket_hub::change_access(socket_access access) {
  const std::lock_guard lock{mutex_};
  access_ = std::move(access);
}

// -- in ----------------------------------------------------------------------

void socket_hub::admit(const exchange_ptr& asked, jobs::engine& engine) {
  const request& req = asked->req();
  if (!engine.is_ready())
    return reply_fault(
        asked, {jobs::fault_code::starting,
                "This node is still starting: " + engine.not_ready_reason()});
  const auto id = jobs::server_id::parse(req.param("server"));
  if (!id || !engine.find_server(*id))
    return reply_fault(asked, no_server_here());
  if (!is_welcome(req.header("Origin")))
    return asked->reply(
        plain_answer(403, {{"Sec-Websocket-Version", "13"}},
                     "This origin may not open a websocket here.\n"));
  if (!has_token(req.header("Upgrade").value_or(""), "websocket"))
    return asked->reply(plain_answer(426, {{"Upgrade", "websocket"}},
                                     "This URL speaks websocket only.\n"));

  // The place in the room comes before the look at the server: whatever
  // happens in between, either dismiss() finds the session or the look finds
  // the server being deleted.
  const auto reserved = reserve(*id, req.remote, engine);
  if (!reserved)
    return reply_fault(asked, reserved.error());
  const session_ptr& session = *reserved;
  const auto server = engine.find_server(*id);
  if (!server || server->state == jobs::server_state::deleting) {
    session->kill("the server is being deleted");
    return reply_fault(asked, server
                                  ? jobs::fault{jobs::fault_code::server_locked,
                                                "The server is being deleted."}
                                  : no_server_here());
  }

  const std::weak_ptr<socket_session> weak = session;
  auto socket = asked->upgrade({
      .on_text =
          [weak](const std::string& frame) {
            if (const auto self = weak.lock())
              self->on_text(frame);
          },
      .on_pong =
          [weak] {
            if (const auto self = weak.lock())
              self->on_pong();
          },
      .on_closed =
          [weak](std::uint16_t) {
            if (const auto self = weak.lock())
              self->on_closed();
          },
  });
  if (socket)
    return session->attach(std::move(socket));
  session->kill("the upgrade failed");
  asked->reply(
      plain_answer(400, {}, "This is no websocket upgrade we can accept.\n"));
}

bool socket_hub::is_welcome(std::optional<std::string_view> origin) const {
  const std::lock_guard lock{mutex_};
  if (origin && !origin->empty() && *origin == access_.panel_url)
    return true;
  const auto& allowed = access_.allowed_origins;
  return std::any_of(allowed.begin(), allowed.end(), [&](const auto& one) {
    return one == "*" || (origin && one == *origin);
  });
}

jobs::result<socket_hub::session_ptr>
socket_hub::reserve(const jobs::server_id& server, const std::string& remote,
                    jobs::engine& engine) {
  session_ptr pushed_out;
  session_ptr session;
  {
    const std::lock_guard lock{mutex_};
    if (auto free = make_room(server, pushed_out); !free)
      return free.error();
    const auto id = ++last_id_;
    session = std::make_shared<socket_session>(
        static_cast<session_host&>(*this), engine, settings_.limits,
        socket_session::identity{id, server, remote});
    places_.emplace(id, place{session, server});
    auto& to = rooms_[server];
    to.members.emplace(id, session);
    to.guests.insert(id);
    guests_.insert(id);
  }
  if (pushed_out)
    pushed_out->kill("pushed out before it authenticated");
  return session;
}

/// With the lock held. `pushed_out` gets the guest that must go for it.
jobs::status socket_hub::make_room(const jobs::server_id& server,
                                   session_ptr& pushed_out) const {
  if (closed_)
    return jobs::fault{jobs::fault_code::shutting_down,
                       "This node is going down."};
  const auto& limits = settings_.limits;
  if (const auto found = rooms_.find(server); found != rooms_.end()) {
    const auto& [members, guests] = found->second;
    if (members.size() - guests.size() >= limits.per_server)
      return jobs::fault{jobs::fault_code::rate_limited,
                         "The server has as many connections as it may have, "
                             + std::to_string(limits.per_server) + "."};
    if (guests.size() >= limits.guests_per_server) {
      pushed_out = members.at(*guests.begin());
      return {};
    }
  }
  if (places_.size() < limits.on_node)
    return {};
  if (guests_.empty())
    return jobs::fault{jobs::fault_code::rate_limited,
                       "This node has as many websockets as it may have, "
                           + std::to_string(limits.on_node) + "."};
  pushed_out = places_.at(*guests_.begin()).session;
  return {};
}

// -- who is denied -----------------------------------------------------------

void socket_hub::deny(const std::vector<std::string>& jtis) {
  for (const auto& jti : jtis)
    denied_.deny(jti, clock_.now());
  for (const auto& session : sessions())
    session->recheck();
}

void socket_hub::deauthorize(std::string_view user,
                             const std::vector<jobs::server_id>& servers) {
  constexpr std::uint16_t policy_violation = 1008; // RFC 6455, 7.4.1
  const auto now = clock_.now();
  if (servers.empty())
    denied_.deny_user(user, {}, now);
  for (const auto& server : servers)
    denied_.deny_user(user, server.view(), now);
  std::vector<session_ptr> leaving;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [id, taken] : places_)
      if (servers.empty()
          || std::ranges::find(servers, taken.server) != servers.end())
        leaving.push_back(taken.session);
  }
  for (const auto& session : leaving)
    if (session->is_of(user))
      session->dismiss(policy_violation, "access was taken back",
                       settings_.limits.close_grace);
  jobs::log(jobs::log_level::info, "user-deauthorized",
            {{"user", user}, {"servers", servers.size()}});
}

std::size_t socket_hub::count(const jobs::server_id& server) const {
  const std::lock_guard lock{mutex_};
  const auto found = rooms_.find(server);
  return found == rooms_.end() ? 0 : found->second.members.size();
}

std::vector<socket_hub::session_ptr> socket_hub::sessions() const {
  const std::lock_guard lock{mutex_};
  std::vector<session_ptr> all;
  all.reserve(places_.size());
  for (const auto& [id, taken] : places_)
    all.push_back(taken.session);
  return all;
}

// -- out ---------------------------------------------------------------------

void socket_hub::dismiss(const jobs::server_id& server, std::uint16_t code,
                         std::string_view reason,
                         std::chrono::milliseconds grace) {
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  std::vector<session_ptr> leaving;
  {
    const std::lock_guard lock{mutex_};
    if (const auto found = rooms_.find(server); found != rooms_.end())
      for (const auto& [id, session] : found->second.members)
        leaving.push_back(session);
  }
  for (const auto& session : leaving)
    session->dismiss(code, reason, grace);
  if (code == going_away) {
    // Nothing more is said of a server that is gone. Not before its room is
    // empty: whoever speaks to it would have a voice made again.
    const std::lock_guard lock{mutex_};
    voices_.erase(server);
  }
  if (leaving.empty())
    return;
  jobs::log(jobs::log_level::info, "sockets-dismissed",
            {{"server", server.view()},
             {"sockets", leaving.size()},
             {"code", int{code}}});
}

void socket_hub::dismiss_all(std::uint16_t code, std::string_view reason,
                             std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  for (const auto& session : sessions())
    session->dismiss(code, reason, grace);
}

void socket_hub::stop() {
  std::unique_ptr<jobs::subscription> news;
  {
    const std::lock_guard lock{following_};
    followed_ = nullptr;
    news = std::move(news_);
  }
  news.reset();
  std::unique_ptr<deadline_thread> thread;
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    thread = std::move(thread_);
  }
  thread.reset();
  for (const auto& session : sessions())
    session->kill("the node goes down");
}

// -- what sessions ask -------------------------------------------------------

steady_time socket_hub::now() const {
  return settings_.now();
}

jobs::time_ms socket_hub::wall_now() const {
  return clock_.now();
}

jobs::result<token_claims> socket_hub::read(std::string_view token) const {
  std::string key;
  {
    const std::lock_guard lock{mutex_};
    key = access_.token;
  }
  return read_token(token, key);
}

bool socket_hub::is_denied(const token_claims& claims) const {
  return denied_.is_denied(claims, clock_.now());
}

bool socket_hub::seat(std::uint64_t session) {
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(session);
  if (found == places_.end() || found->second.is != role::guest)
    return false;
  auto& [members, guests] = rooms_.at(found->second.server);
  if (members.size() - guests.size() >= settings_.limits.per_server)
    return false;
  found->second.is = role::member;
  guests.erase(session);
  guests_.erase(session);
  return true;
}

void socket_hub::wake_at(std::uint64_t session, steady_time when) {
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(session);
  if (found == places_.end())
    return;
  if (auto& due = found->second.due; due != when) {
    if (due)
      due_.erase({*due, session});
    due = when;
    const auto at = due_.emplace(when, session).first;
    if (at == due_.begin() && thread_)
      thread_->wake();
  }
}

void socket_hub::leave(std::uint64_t session) {
  const std::lock_guard lock{mutex_};
  if (const auto found = places_.find(session); found != places_.end())
    take_out(session, found->second);
}

void socket_hub::forget(std::uint64_t session) {
  // Its last reference may be this one, and goes without the lock.
  session_ptr last;
  const std::lock_guard lock{mutex_};
  const auto found = places_.find(session);
  if (found == places_.end())
    return;
  take_out(session, found->second);
  if (found->second.due)
    due_.erase({*found->second.due, session});
  last = std::move(found->second.session);
  places_.erase(found);
}

/// With the lock held: out of its room, but not out of the list.
void socket_hub::take_out(std::uint64_t id, place& from) {
  if (std::exchange(from.is, role::leaving) == role::leaving)
    return;
  guests_.erase(id);
  const auto in = rooms_.find(from.server);
  in->second.guests.erase(id);
  in->second.members.erase(id);
  if (in->second.members.empty())
    rooms_.erase(in);
}

std::optional<steady_time> socket_hub::run_due(steady_time now) {
  std::vector<session_ptr> called;
  {
    const std::lock_guard lock{mutex_};
    while (!due_.empty() && due_.begin()->first <= now) {
      auto& taken = places_.at(due_.begin()->second);
      taken.due.reset();
      called.push_back(taken.session);
      due_.erase(due_.begin());
    }
  }
  for (const auto& session : called)
    session->run_due(now);
  const std::lock_guard lock{mutex_};
  if (due_.empty())
    return std::nullopt;
  return due_.begin()->first;
}

} // namespace alula::http
