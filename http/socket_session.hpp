/// One websocket of one server: who is at the other end, what they may see,
/// and how long they may stay (wings-protocol 5).
///
///   upgrading ──attach──▶ open ──close──▶ closing ──kill──▶ gone
///                          │                                 ▲
///                          └── peer left, too slow, dead ────┘
///
/// While it is open it is a guest until the first `auth` succeeds. Any thread
/// may call any method; frames leave in the order of the calls.
#pragma once

#include "http/exchange.hpp"
#include "http/jwt.hpp"
#include "http/socket_message.hpp"
#include "http/socket_services.hpp"
#include "http/token_bucket.hpp"
#include "jobs/activity.hpp"
#include "jobs/engine.hpp"
#include "jobs/ids.hpp"
#include "jobs/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

using steady_time = std::chrono::steady_clock::time_point;

/// Wings has none of these limits (wings-protocol 5.1, 11.6 #99). A stock
/// client sends three frames when it connects, one of them a token of 1 to 3
/// kB, and authenticates at once.
struct socket_limits {
  /// Authenticated sockets of one server: its owner, its team, their tabs.
  std::size_t per_server = 100;
  /// Sockets of one server that have not authenticated. They need no token, so
  /// they must not keep others out: a newcomer pushes the oldest one out.
  std::size_t guests_per_server = 32;
  /// All sockets of the node. Keep it below the door's connection limit, so
  /// that the Panel still gets in.
  std::size_t on_node = 10'000;
  /// From the upgrade, or from the denial of a token, to a valid `auth`.
  std::chrono::milliseconds auth_deadline = std::chrono::seconds{30};
  /// From the end of a token that is not renewed to the end of its socket.
  std::chrono::milliseconds expired_grace = std::chrono::minutes{10};
  /// `auth` frames that fail in a row.
  int failed_auths = 5;
  std::chrono::milliseconds ping_every = std::chrono::seconds{30};
  /// A peer that left this many pings unanswered is dead.
  int missed_pongs = 2;
  /// How often the token's end is looked at, and from when on the client is
  /// told of it (wings-protocol 5.8).
  std::chrono::milliseconds expiry_tick = std::chrono::seconds{30};
  std::chrono::milliseconds expiring = std::chrono::seconds{60};
  /// Frames from a client: what is over is dropped and answered once; this
  /// many dropped before the client has been quiet end the connection.
  double frames_per_second = 10;
  double frames_burst = 30;
  int most_dropped = 100;
  /// Between our close frame and the end of the TCP connection.
  std::chrono::milliseconds close_grace = std::chrono::seconds{2};
};

/// A message on its way to many sockets.
struct broadcast {
  frame_ptr frame;
  std::string_view permission; ///< needed to receive it; empty: none
  std::int64_t seq = 0;        ///< its number among its server's; 0: none
};

/// What a session asks of the hub. Never calls back. Called with the session's
/// lock held, unless said otherwise.
class session_host {
public:
  virtual ~session_host() = default;
  /// What sockets may use; the same for ever. With or without the lock.
  virtual const socket_services& services() const = 0;
  /// The completions of a server with numbers beyond `seq`, oldest first.
  /// Without the session's lock.
  virtual std::vector<broadcast>
  completions_after(const jobs::server_id& server, std::int64_t seq) const = 0;
  /// The number of what was announced last. Without the session's lock.
  virtual std::int64_t last_seq(const jobs::server_id& server) const = 0;
  virtual steady_time now() const = 0;
  virtual jobs::time_ms wall_now() const = 0;
  virtual jobs::result<token_claims> read(std::string_view token) const = 0;
  virtual bool is_denied(const token_claims& claims) const = 0;
  /// The guest has authenticated. False when the server has no seat left.
  virtual bool seat(std::uint64_t session) = 0;
  /// Calls run_due() at that time, and no longer at the one asked before.
  virtual void wake_at(std::uint64_t session, steady_time when) = 0;
  /// Takes no part in its server any more.
  virtual void leave(std::uint64_t session) = 0;
  /// Nothing is left of it.
  virtual void forget(std::uint64_t session) = 0;
};

class socket_session : public std::enable_shared_from_this<socket_session> {
public:
  struct identity {
    std::uint64_t id = 0;
    jobs::server_id server;
    std::string remote;
  };

  /// `host`, `engine` and `limits` outlive the session.
  socket_session(session_host& host, jobs::engine& engine,
                 const socket_limits& limits, identity who);

  /// The connection is upgraded; from here on the clocks run.
  void attach(std::shared_ptr<websocket> socket);

  // From the connection.
  void on_text(const std::string& frame);
  void on_pong();
  /// Takes no lock of the session: the connection may end inside any call we
  /// make on it.
  void on_closed();

  /// Sends it if the token allows; if the token no longer does, says so once.
  void deliver(const broadcast& message);

  /// It has asked to hear of its server's jobs. Any thread.
  bool follows_jobs() const;
  /// How one of them is now: `whole` for those who may see why something
  /// failed, `plain` for the others.
  void deliver_job(const jobs::job_record& job, const broadcast& whole,
                   const frame_ptr& plain);
  /// Some were not told: sends all that are under way, and those whose end it
  /// has not heard of, as far as the engine still knows them.
  void send_jobs();

  /// The token is one of this user's.
  bool is_of(std::string_view user) const;

  /// The deny list has grown: a denied token is told at once, and its bearer
  /// has the auth deadline to bring a better one.
  void recheck();

  /// A close frame after what is queued, the end of the connection after
  /// `grace`. Before attach(): as soon as it is attached.
  void dismiss(std::uint16_t code, std::string_view reason,
               std::chrono::milliseconds grace);

  /// Ends the connection now.
  void kill(std::string_view why);

  /// Does what is due at `now`, and asks the host for the next time.
  void run_due(steady_time now);

private:
  enum class phase { upgrading, open, closing, gone };

  bool take_turn();
  /// What a frame leads to that is done without the lock; null: nothing.
  using errand = std::function<void()>;
  errand authenticate(const std::string& token);
  void refuse_auth(std::string_view reason, bool is_token_problem);
  errand dispatch(const client_message& message);
  errand order(const client_message& message);
  std::string_view objection(const token_claims& claims) const;
  bool has_access() const;
  void access_lost(std::string_view reason);
  void look_at_expiry();
  void ask_status();
  void tell_status(
      const jobs::result<std::optional<jobs::container_info>>& container);
  void correct_status(std::string_view told);

  // Orders of the client; without the lock.
  void change_power(const std::string& action, const std::string& user);
  void send_command(const std::string& line, const std::string& user);
  void send_stats();
  void send_logs();
  void send_completions(std::int64_t after);
  void welcome();
  void send_job(const jobs::job_id& id);
  void refuse_order(const jobs::fault& why);
  jobs::activity activity_of(std::string event, const std::string& user) const;
  void log_order(const jobs::activity& what) const;
  jobs::audit_record audit_of(std::string_view order,
                              const std::string& user) const;
  /// If it is open and its token good.
  void say(std::string_view event, const std::vector<std::string>& args);

  void send(std::string_view event, const std::vector<std::string>& args = {});
  void send_error(std::string_view event, std::string_view text,
                  std::string_view cause);
  void put(const frame_ptr& frame);
  void close(std::uint16_t code, std::string_view reason,
             std::chrono::milliseconds grace);
  void end(std::string_view why);
  void wake_for_next();

  session_host& host_;
  jobs::engine& engine_;
  const socket_limits& limits_;
  const identity who_;
  const jobs::log_context whose_; ///< of the request that opened it

  mutable std::mutex mutex_;
  phase phase_ = phase::upgrading;
  std::shared_ptr<websocket> socket_;
  std::optional<token_claims> claims_; ///< of the last good `auth`
  std::string_view told_; ///< why the token is no longer good, if it was told
  bool expiry_told_ = false;
  bool status_known_ = false;
  bool follows_jobs_ = false;
  /// Jobs that were or should have been told, but not how they ended.
  std::set<jobs::job_id> unfinished_;
  /// Of the last message that could be delivered, when a later one could not.
  std::optional<std::int64_t> missed_after_;
  std::int64_t last_seq_ = 0; ///< of those delivered
  int failed_auths_ = 0;
  int missed_pongs_ = 0;
  int dropped_ = 0;
  token_bucket turns_;

  std::optional<steady_time> next_ping_;
  std::optional<steady_time> next_tick_; ///< from the first `auth` on
  std::optional<steady_time> access_deadline_;
  std::optional<steady_time> kill_at_;
  std::uint16_t close_code_ = 0; ///< asked for before attach()
  std::string close_reason_;
};

} // namespace alula::http
