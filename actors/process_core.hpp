/// The inside of the process board: one entry per server, and what is done to
/// it. For the sources of the board only.
#pragma once

#include "actors/process_board.hpp"
#include "actors/startup_match.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace alula::actors {

/// One server's process. Everything but the id is under the mutex.
struct process_entry {
  explicit process_entry(const jobs::server_id& server) : id(server) {}

  const jobs::server_id id;
  std::mutex mutex;
  std::condition_variable_any changed; ///< the state, or `attaching`

  jobs::process_state state = jobs::process_state::offline;
  jobs::resource_sample sample;
  jobs::time_ms started_at = 0;
  bool unresponsive = false;
  jobs::time_ms unresponsive_since = 0;
  std::string unresponsive_why;
  bool known = false;  ///< it was looked at, or a step has said what it is
  bool listed = false; ///< Docker says that it runs, and nobody has looked yet

  /// Of the console that is listened to; what an earlier one says is not heard.
  std::uint64_t attachment = 0;
  bool attached = false;
  bool attaching = false; ///< somebody does
  /// It was attached since it was last offline: then its end is its end, and
  /// not a container that a step has made and not started yet.
  bool watched = false;
  bool look_queued = false;
  alarm_clock::id look_alarm = 0;

  startup_match up;
  std::string stop_command;
  std::int64_t quota = 0;
  bool over_quota = false; ///< was told

  std::int64_t disk_bytes = 0;
  jobs::time_ms disk_at = 0; ///< uptime; 0: never
  bool measuring = false;

  std::deque<std::string> lines;
  std::size_t line_bytes = 0;
  jobs::time_ms window = 0; ///< uptime; of the throttle
  std::size_t in_window = 0;
  bool throttled = false;

  bool forgotten = false;
};

using process_entry_ptr = std::shared_ptr<process_entry>;
using entry_lock = std::unique_lock<std::mutex>;

struct process_board::core : std::enable_shared_from_this<core> {
  core(process_settings with, jobs::containers& c, jobs::container_streams& s,
       jobs::volumes& v, jobs::audience& a, const jobs::clock& k,
       alarm_clock::reading uptime)
    : settings(std::move(with)), containers(c), streams(s), volumes(v),
      audience(a), clock(k), alarms(std::move(uptime)),
      lookers("alula-look", settings.lookers, 0),
      measurers("alula-measure", 1, 0) {}

  // -- entries: process_board.cpp
  process_entry_ptr entry_of(const jobs::server_id& server);
  process_entry_ptr find(const jobs::server_id& server) const;
  std::vector<process_entry_ptr> all() const;
  jobs::server_ptr record_of(const jobs::server_id& server) const;
  jobs::process_usage usage_of(const process_entry& e) const;
  jobs::process_usage with_silence(jobs::process_usage usage,
                                   const jobs::server_id& server) const;
  bool is_known(const process_entry& e) const;
  void note_listed(const std::set<jobs::server_id>& running);

  void tell_stop_typed(const jobs::server_id& server) const;
  void tell_found_up(const jobs::server_id& server) const;

  // With the entry's lock held.
  void change_state(process_entry& e, jobs::process_state now);
  void configure(process_entry& e, const jobs::server_record& server);
  void print(process_entry& e, std::string line);
  void notice(process_entry& e, std::string_view text);
  bool may_print(process_entry& e);

  // -- what is heard: process_hearing.cpp
  jobs::status attach(const process_entry_ptr& e,
                      const jobs::server_record& server);
  void hear_line(process_entry& e, std::uint64_t from, std::string_view text);
  void hear_sample(const process_entry_ptr& e, std::uint64_t from,
                   const jobs::resource_sample& what);
  void hear_end(const process_entry_ptr& e, std::uint64_t from);
  void measure(const process_entry_ptr& e);
  void look_at_quota(const process_entry_ptr& e);

  // -- looks at containers: process_looks.cpp
  void look_soon(const process_entry_ptr& e);
  void look_later(const process_entry_ptr& e);
  jobs::result<bool> look(const process_entry_ptr& e);
  void found_running(const process_entry_ptr& e,
                     const jobs::container_info& info);
  bool attach_found(const process_entry_ptr& e);
  void found_ended(const process_entry_ptr& e,
                   const std::optional<jobs::container_info>& info);
  enum class occasion { hints_lost, time };
  void look_at_all_soon(occasion why);
  void look_at_all_later();
  void look_at_all();
  bool look_at_list();
  void mark_unresponsive(process_entry& e, std::string_view why);
  void mark_responsive(process_entry& e);

  const process_settings settings;
  jobs::containers& containers;
  jobs::container_streams& streams;
  jobs::volumes& volumes;
  jobs::audience& audience;
  const jobs::clock& clock;
  state_listener state_changed; ///< set before anything changes

  std::atomic<bool> stopped{false};
  /// Docker has listed its containers: what was not among them is off.
  std::atomic<bool> has_list{false};
  std::stop_source stopping;
  mutable std::mutex mutex; ///< over entries, news and the next two
  bool is_listing = false;  ///< one look at all is queued or under way
  bool list_anew = false;   ///< hints were lost meanwhile
  std::map<jobs::server_id, process_entry_ptr> entries;
  process_news news;

  alarm_clock alarms;
  task_threads lookers;
  task_threads measurers;
};

} // namespace alula::actors
