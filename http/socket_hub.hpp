/// All websockets of the node, by server: lets them in, passes messages on to
/// them, and shows them out.
#pragma once

#include "http/deadline_thread.hpp"
#include "http/exchange.hpp"
#include "http/jwt.hpp"
#include "http/socket_session.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/ports.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace alula::http {

/// Who may connect. The token is the node's secret, which signs the Panel's
/// tokens; without one nobody can authenticate. The `Origin` of an upgrade
/// must be the Panel's URL or one of the allowed ones, letter by letter; "*"
/// allows every one and none (wings-protocol 5.1).
struct socket_access {
  std::string token;
  std::string panel_url;
  std::vector<std::string> allowed_origins;
};

struct socket_settings {
  socket_limits limits = {};
  /// Without it somebody else has to call run_due().
  bool own_thread = true;
  std::function<steady_time()> now = std::chrono::steady_clock::now;
};

/// Any thread may call any method. What is announced of a server, and how its
/// jobs go on, has a number, `seq`, one more than the one before, and reaches
/// every socket in that order; so a server's announcements wait for each other,
/// and for nothing else. They may be made under a lock that no session takes.
/// No other lock of the hub is held while a socket is called.
///
/// Completions are kept for a while, for whoever could not be told.
///
/// Outlives the server whose connections it holds; stop() it before the engine
/// its handlers were made with goes.
class socket_hub final : public jobs::audience, private session_host {
public:
  /// Tokens issued before this moment are denied (wings-protocol 4.4): what
  /// was denied before a restart is not remembered.
  socket_hub(socket_access access, socket_settings settings,
             const jobs::clock& clock);
  ~socket_hub() override;

  socket_hub(const socket_hub&) = delete;
  socket_hub& operator=(const socket_hub&) = delete;

  /// What sockets may use. Once, before the first of them.
  void serve(socket_services services);

  /// Tells sockets that have asked for it how jobs go on. Once; until stop().
  void follow(jobs::engine& engine);

  /// Open sockets keep the token they have.
  void change_access(socket_access access);

  /// Answers `GET /api/servers/:server/ws`: 404 for an unknown server, 409 for
  /// one that is being deleted, 403 for a foreign Origin, 426 without an
  /// upgrade, 429 when there is no seat, or the upgrade.
  void admit(const exchange_ptr& asked, jobs::engine& engine);

  /// Denies the tokens of these names that were issued up to now, on all
  /// servers; open sockets that use one are told at once and closed when they
  /// do not bring a better one.
  void deny(const std::vector<std::string>& jtis);

  /// Denies the tokens of a user that were issued up to now, and closes the
  /// sockets that use one: of these servers, or of all when there are none.
  void deauthorize(std::string_view user,
                   const std::vector<jobs::server_id>& servers);

  void announce(const jobs::server_id& server, std::string_view event,
                const std::vector<std::string>& args) override;
  void dismiss(const jobs::server_id& server, std::uint16_t code,
               std::string_view reason,
               std::chrono::milliseconds grace) override;
  std::size_t count(const jobs::server_id& server) const override;

  /// As dismiss(), for all servers, and nobody is let in any more. For a node
  /// that goes down.
  void dismiss_all(std::uint16_t code, std::string_view reason,
                   std::chrono::milliseconds grace);

  /// Ends every connection and the thread. Must not be called on it.
  void stop();

  /// Does what is due and says when something will be.
  std::optional<steady_time> run_due(steady_time now);

private:
  using session_ptr = std::shared_ptr<socket_session>;
  enum class role { guest, member, leaving };
  struct place {
    session_ptr session;
    jobs::server_id server;
    role is = role::guest;
    std::optional<steady_time> due = {};
  };
  struct room {
    std::unordered_map<std::uint64_t, session_ptr> members;
    std::set<std::uint64_t> guests; ///< oldest first
  };

  /// Who speaks of one server: its numbers, and what has ended of late.
  struct voice {
    mutable std::mutex mutex;
    std::int64_t seq = 0;
    std::deque<broadcast> completions; ///< oldest first
  };
  using voice_ptr = std::shared_ptr<voice>;

  voice_ptr voice_of(const jobs::server_id& server);
  voice_ptr voice_in_room(const jobs::server_id& server); ///< or null
  voice_ptr take_voice(const jobs::server_id& server);
  voice_ptr find_voice(const jobs::server_id& server) const; ///< or null
  std::vector<session_ptr> members_of(const jobs::server_id& server) const;
  void hear(const jobs::event_batch& batch);
  void tell_job(const jobs::job_view& job);
  void follow_again();
  bool is_welcome(std::optional<std::string_view> origin) const;
  jobs::result<session_ptr> reserve(const jobs::server_id& server,
                                    const std::string& remote,
                                    jobs::engine& engine);
  jobs::status make_room(const jobs::server_id& server,
                         session_ptr& pushed_out) const;
  void take_out(std::uint64_t id, place& from);
  std::vector<session_ptr> sessions() const;

  // session_host
  const socket_services& services() const override { return services_; }
  std::vector<broadcast> completions_after(const jobs::server_id& server,
                                           std::int64_t seq) const override;
  std::int64_t last_seq(const jobs::server_id& server) const override;
  steady_time now() const override;
  jobs::time_ms wall_now() const override;
  jobs::result<token_claims> read(std::string_view token) const override;
  bool is_denied(const token_claims& claims) const override;
  bool seat(std::uint64_t session) override;
  void wake_at(std::uint64_t session, steady_time when) override;
  void leave(std::uint64_t session) override;
  void forget(std::uint64_t session) override;

  const socket_settings settings_;
  const jobs::clock& clock_;
  deny_list denied_;
  socket_services services_;
  /// The first number of a server is higher than any of an earlier process.
  const std::int64_t first_seq_;

  mutable std::mutex mutex_;
  socket_access access_;
  bool closed_ = false; ///< nobody is let in
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, place> places_;
  std::unordered_map<jobs::server_id, room> rooms_;
  std::set<std::uint64_t> guests_; ///< of all servers, oldest first
  std::set<std::pair<steady_time, std::uint64_t>> due_;
  std::unordered_map<jobs::server_id, voice_ptr> voices_;

  std::mutex following_; ///< over the two below
  jobs::engine* followed_ = nullptr;
  std::unique_ptr<jobs::subscription> news_;
  std::unique_ptr<deadline_thread> thread_;
};

/// The answer about a server that this node does not have.
jobs::fault no_server_here();

/// For the routes table. Both outlive the handler.
handler make_socket_handler(socket_hub& hub, jobs::engine& engine);

/// `POST /api/servers/:server/ws/deny`, body {"jtis":["…"]}: 204. The server
/// only has to exist (wings-protocol 2.11).
handler make_deny_handler(socket_hub& hub, jobs::engine& engine);

/// `POST /api/deauthorize-user`, body {"user":"…","servers":["…"]}: 204. Also
/// with the body inside a member "json", as Pelican sends it. Without servers
/// it is all of them.
handler make_deauthorize_handler(socket_hub& hub);

} // namespace alula::http
