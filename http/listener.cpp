#include "http/listener.hpp"

#include "http/reply.hpp"
#include "http/text.hpp"
#include "http/wire.hpp"
#include "jobs/ids.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using std::chrono::milliseconds;

/// After a failed accept: descriptors come back when something else is done.
constexpr milliseconds accept_pause{100};
/// How long sent bytes may stay unacknowledged before the kernel gives up.
constexpr int unacknowledged_ms = 60'000;
constexpr int accept_batch = 64;

std::size_t count_allowed(const door_limits& limits) {
  rlimit descriptors{};
  auto most = limits.connections > 0 ? limits.connections
                                     : door_limits::usual_connections;
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0
      && descriptors.rlim_cur != RLIM_INFINITY) {
    const auto all = static_cast<std::size_t>(descriptors.rlim_cur);
    // A tiny limit is shared half and half.
    const auto kept = std::min(limits.reserved_descriptors, all / 2);
    most = std::min(most, all - kept);
  }
  return std::max<std::size_t>(1, most);
}

connection_limits limits_from(const door_limits& given) {
  connection_limits limits;
  limits.message = {given.url, given.head, given.fields, given.body,
                    given.open_body};
  limits.frame = {given.socket_message, given.socket_frames_per_second,
                  given.socket_frames_burst};
  limits.handshake = given.handshake;
  limits.idle = given.idle;
  limits.head = given.head_time;
  limits.body = given.body_time;
  limits.streamed_pace = given.streamed_pace;
  limits.handling = given.handling;
  limits.writing = given.writing;
  return limits;
}

milliseconds sweep_period(const door_limits& limits) {
  const auto shortest =
      std::min({limits.handshake, limits.idle, limits.head_time,
                limits.body_time, limits.handling, limits.writing});
  return std::clamp(shortest / 4, milliseconds{20}, milliseconds{500});
}

jobs::fault cannot_listen(const server_settings& settings,
                          const std::string& why) {
  const auto where = settings.host + ":" + std::to_string(settings.port);
  return {jobs::fault_code::io_error, "cannot listen on " + where + ": " + why,
          where};
}

void tune(asio::ip::tcp::socket& socket) {
  std::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  // A peer that lost its power says nothing: ask it.
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT,
               &unacknowledged_ms, sizeof unacknowledged_ms);
}

} // namespace

listener::listener(asio::io_context& context, const server_settings& settings,
                   door& behind, disk_reads& reads)
  : context_(context), settings_(settings), door_(behind), reads_(reads),
    limits_(limits_from(settings.limits)), acceptor_(std::in_place, context),
    sweep_timer_(std::in_place, context), retry_timer_(std::in_place, context),
    sweep_every_(sweep_period(settings.limits)) {}

listener::~listener() = default;

jobs::status listener::open(adopt_function adopt) {
  adopt_ = std::move(adopt);
  std::error_code ec;
  asio::ip::tcp::resolver resolver{context_};
  const auto found =
      resolver.resolve(settings_.host, std::to_string(settings_.port),
                       asio::ip::resolver_base::passive
                           | asio::ip::resolver_base::numeric_service,
                       ec);
  if (ec || found.empty())
    return cannot_listen(settings_, ec.message());
  const auto where = found.begin()->endpoint();
  acceptor_->open(where.protocol(), ec);
  if (!ec)
    acceptor_->set_option(asio::socket_base::reuse_address{true}, ec);
  if (!ec)
    acceptor_->bind(where, ec);
  if (!ec)
    acceptor_->listen(asio::socket_base::max_listen_connections, ec);
  if (!ec)
    acceptor_->non_blocking(true, ec);
  if (ec)
    return cannot_listen(settings_, ec.message());
  port_ = acceptor_->local_endpoint(ec).port();
  max_connections_ = count_allowed(settings_.limits);
  jobs::log(jobs::log_level::info, "door-open",
            {{"host", settings_.host},
             {"port", port_},
             {"tls", tls_ ? "yes" : "no"},
             {"connections", max_connections_}});
  accept_next();
  return {};
}

void listener::use_tls(std::shared_ptr<asio::ssl::context> context) {
  tls_ = std::move(context);
}

// -- accepting ----------------------------------------------------------------

void listener::accept_next() {
  if (!acceptor_ || !acceptor_->is_open())
    return;
  acceptor_->async_wait(asio::socket_base::wait_read,
                        [this](const std::error_code& ec) {
                          if (!ec)
                            accept_waiting();
                        });
}

/// Somebody waits. Others are served between two batches.
void listener::accept_waiting() {
  for (int i = 0; i < accept_batch; ++i) {
    // Nobody can be sent away: the kernel's queue waits for ended() or
    // became_idle().
    is_full_ = connections() >= max_connections_ && silent_.empty();
    if (is_full_ || !acceptor_->is_open())
      return;
    std::error_code ec;
    asio::ip::tcp::socket socket{context_};
    acceptor_->accept(socket, ec);
    if (ec == asio::error::would_block || ec == asio::error::try_again)
      break;
    if (ec == asio::error::connection_aborted)
      continue;
    if (ec) {
      accept_failed(ec);
      return;
    }
    if (connections() >= max_connections_)
      make_room();
    welcome(std::move(socket));
  }
  accept_next();
}

void listener::make_room() {
  if (!silent_.empty())
    silent_.front()->end();
}

void listener::welcome(asio::ip::tcp::socket socket) {
  std::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  if (ec) // gone already
    return;
  tune(socket);
  std::shared_ptr<connection> fresh;
  try {
    fresh =
        std::make_shared<connection>(std::move(socket), tls_, limits_, *this);
    fresh->remote = peer.address().to_string();
    fresh->place = silent_.insert(silent_.end(), fresh.get());
    adopt_(fresh);
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "connection-refused",
              {{"what", e.what()}});
    if (fresh) // it may stand in a list already
      fresh->end();
  }
  if (!std::exchange(sweeping_, true))
    sweep();
}

void listener::accept_failed(const std::error_code& ec) {
  const auto now = connection::clock::now();
  if (now - last_complaint_ > std::chrono::seconds{10}) {
    last_complaint_ = now;
    jobs::log(jobs::log_level::warning, "accept-failed",
              {{"error", ec.message()}, {"connections", connections()}});
  }
  // Out of descriptors: give one back.
  if (ec == asio::error::no_descriptors
      || ec == std::errc::too_many_files_open_in_system)
    make_room();
  retry_timer_->expires_after(accept_pause);
  retry_timer_->async_wait([this](const std::error_code& stopped) {
    if (!stopped)
      accept_next();
  });
}

// -- watching -----------------------------------------------------------------

void listener::sweep() {
  const auto now = connection::clock::now();
  std::vector<std::shared_ptr<connection>> due;
  for (const auto* all : {&silent_, &busy_})
    for (auto* one : *all)
      if (one->is_due(now))
        due.push_back(one->shared_from_this());
  for (const auto& one : due)
    one->check(now);
  sweeping_ = sweep_timer_ && connections() > 0;
  if (!sweeping_)
    return;
  sweep_timer_->expires_after(sweep_every_);
  sweep_timer_->async_wait([this](const std::error_code& stopped) {
    if (!stopped)
      sweep();
  });
}

void listener::head_came(connection& which, streamed_head head) {
  if (on_head)
    on_head(which, std::move(head));
  else
    which.end();
}

void listener::became_idle(connection& which) {
  auto& from = which.is_silent ? silent_ : busy_;
  silent_.splice(silent_.end(), from, which.place);
  which.is_silent = true;
  if (is_closing_) // not under its feet
    asio::post(context_, [late = which.weak_from_this()] {
      if (const auto one = late.lock(); one && one->is_idle())
        one->end();
    });
  if (std::exchange(is_full_, false))
    accept_next();
}

void listener::became_busy(connection& which) {
  auto& from = which.is_silent ? silent_ : busy_;
  busy_.splice(busy_.end(), from, which.place);
  which.is_silent = false;
}

void listener::ended(connection& which) {
  (which.is_silent ? silent_ : busy_).erase(which.place);
  if (on_ended)
    on_ended(which);
  if (connections() == 0 && on_empty)
    on_empty();
  if (std::exchange(is_full_, false))
    accept_next();
}

bool listener::read_beside(disk_read what) {
  return reads_.run(std::move(what));
}

// -- closing ------------------------------------------------------------------

void listener::close_acceptor() {
  std::error_code ignored;
  is_closing_ = true;
  if (acceptor_)
    acceptor_->close(ignored);
  if (retry_timer_)
    retry_timer_->cancel();
  std::vector<std::shared_ptr<connection>> idle;
  for (auto* one : silent_)
    if (one->is_idle())
      idle.push_back(one->shared_from_this());
  for (const auto& one : idle)
    one->end();
  if (connections() == 0 && on_empty)
    on_empty();
}

void listener::end_all() {
  std::vector<std::shared_ptr<connection>> all;
  for (const auto* list : {&silent_, &busy_})
    for (auto* one : *list)
      all.push_back(one->shared_from_this());
  for (const auto& one : all)
    one->end();
  if (sweep_timer_)
    sweep_timer_->cancel();
}

void listener::forget_context() {
  acceptor_.reset();
  sweep_timer_.reset();
  retry_timer_.reset();
}

// -- for the guards -----------------------------------------------------------

std::string listener::write_refusal(const jobs::fault& why,
                                    std::optional<int> status,
                                    std::string_view target) {
  const auto id = jobs::make_random_uuid();
  jobs::log(jobs::log_level::debug, "request-refused",
            {{"request", id}, {"why", why.what}});
  // A flood of bodies is an overload, not the client's fault.
  if (why.code == jobs::fault_code::rate_limited)
    status = 503;
  const auto cross_origin = door_.cross_origin();
  wire_frame frame{id, cross_origin->lines_for({})};
  frame.keep_alive = false;
  return write_whole(problem(id, why, status, split_target(target).path),
                     frame);
}

bool listener::is_trusted(std::string_view authorization) const {
  return door_.auth().identify(authorization).who != nullptr;
}

bool listener::is_streamed(std::string_view method,
                           std::string_view target) const {
  return door_.is_streamed(method, target);
}

bool listener::reserve(std::size_t bytes) {
  if (bytes > settings_.limits.all_bodies - reserved_bodies_)
    return false;
  reserved_bodies_ += bytes;
  return true;
}

void listener::release(std::size_t bytes) {
  reserved_bodies_ -= bytes;
}

} // namespace alula::http
