/// Knows of every server's process what state it is in and what its console
/// says (implements jobs::processes).
///
/// What Docker says by itself are hints: a console that ended, an event. Each
/// makes a thread of the board inspect that one container, and only what
/// `inspect` says counts. As hints get lost, all containers are listed now and
/// then, in one call, and those are inspected that are not as they should be.
/// A container that dockerd does not answer for is marked unresponsive and
/// asked for again; it keeps nobody else waiting.
///
/// Announces while it holds a lock of the server: whoever implements audience
/// asks the board under no lock of its own.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/crash_rule.hpp"
#include "jobs/ports.hpp"
#include "jobs/processes.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace alula::actors {

struct process_settings {
  std::string app_name = "Pterodactyl"; ///< in the daemon's notices
  std::size_t throttle_lines = 2'000;   ///< per interval, of one console
  std::chrono::milliseconds throttle_interval{100};
  /// A measured volume is good for so long; zero: quotas are not looked at.
  std::chrono::milliseconds disk_check_interval{150'000};
  std::size_t remembered_lines = 500;
  std::size_t remembered_bytes = std::size_t{256} * 1'024; ///< of one console
  /// Between two looks at a container that does not answer.
  std::chrono::milliseconds look_again{5'000};
  /// Between two lists of all containers, for hints that were lost.
  std::chrono::milliseconds list_again{300'000};
  std::size_t lookers = 4; ///< threads that inspect
};

/// What the board has found out and does nothing about. Called on its threads;
/// must not block.
struct process_news {
  /// A server that was starting or running is offline, and nobody wanted that.
  std::function<void(const jobs::server_id&, const jobs::process_end&)> crashed;
  /// A container runs that nobody of ours has started, or that was started
  /// before this process.
  std::function<void(const jobs::server_id&)> found_up = {};
  /// dockerd has stopped answering.
  std::function<void()> docker_away = {};
  /// A client has typed its stop command: it is not wanted up any more.
  std::function<void(const jobs::server_id&)> stop_typed = {};
  /// Its files are more than it may have; once per boot of the server.
  std::function<void(const jobs::server_id&)> over_quota;
  /// The server of that uuid as it is now, or null.
  std::function<jobs::server_ptr(const jobs::server_id&)> find;
};

class process_board final : public jobs::processes {
public:
  /// What is passed outlives the board, except for the streams' listeners.
  process_board(process_settings settings, jobs::containers& containers,
                jobs::container_streams& streams, jobs::volumes& volumes,
                jobs::audience& audience, const jobs::clock& clock,
                alarm_clock::reading uptime = {});
  ~process_board() override;

  /// Told of each change of a server's state, with the state before it: on any
  /// thread, under a lock of the server, in the order of the changes. It must
  /// not block, nor ask the board. Once, before anything changes.
  using state_listener = std::function<void(
      const jobs::server_id&, jobs::process_state, jobs::process_state)>;
  void tell_changes(state_listener to);

  /// From now on Docker's events are followed. Once.
  void start(process_news tell);

  /// Nothing is heard, looked at or announced any more.
  void stop();

  /// Docker has listed its containers, and these servers' run: all others are
  /// off. Before they are taken over.
  void note_running(const std::set<jobs::server_id>& all);

  /// Looks at the container and takes over what is true: one that runs is
  /// attached and `running`. Blocks. Whether it runs. For the boot.
  jobs::result<bool> take_over(const jobs::server_record& server);

  /// Whatever was queued is done. For tests.
  void settle();
  /// The clock was moved: what is due is done, on another thread. For tests.
  void look_at_clock();

  jobs::process_state state(const jobs::server_id& server) const override;
  jobs::process_usage usage(const jobs::server_id& server) const override;
  std::vector<std::string> recent_lines(const jobs::server_id& server,
                                        std::size_t most) const override;
  jobs::result<std::vector<std::string>> log(const jobs::server_id& server,
                                             std::size_t most) override;
  jobs::status write(const jobs::server_id& server,
                     std::string_view line) override;
  void set_state(const jobs::server_id& server,
                 jobs::process_state now) override;
  jobs::status attach(const jobs::server_record& server) override;
  void configure(const jobs::server_record& server) override;
  bool await_offline(const jobs::server_id& server,
                     std::chrono::milliseconds limit,
                     std::stop_token stop) override;
  void say(const jobs::server_id& server, std::string_view notice) override;
  void set_disk_usage(const jobs::server_id& server,
                      std::int64_t bytes) override;
  void forget(const jobs::server_id& server) override;

private:
  struct core;
  std::shared_ptr<core> core_; ///< listeners may outlive the board
};

} // namespace alula::actors
