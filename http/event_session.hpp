/// One open event stream: where its client is in the log, and what it is still
/// to be told. See event_stream.hpp for its states.
#pragma once

#include "http/event_stream.hpp"
#include "http/exchange.hpp"
#include "jobs/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace alula::http {

/// Where a stream begins.
struct event_start {
  jobs::event_filter filter = {};
  std::int64_t cursor = 0;
  bool resumes = false;         ///< the cursor is the client's
  bool tells = false;           ///< the client does not know the cursor yet
  jobs::principal_ptr who = {}; ///< sees what it reaches; null: everything
  bool ends = false; ///< the job has ended: close behind the log's last event
};

/// Callbacks of the engine hold it by shared_ptr, its subscription by weak_ptr;
/// whoever made it keeps it until it is closed. Any thread.
class event_session : public std::enable_shared_from_this<event_session> {
public:
  event_session(jobs::engine& engine, const event_stream_settings& settings,
                std::shared_ptr<stream> out, event_start how);

  /// Once.
  void run();
  /// A comment; the stream of a client that is gone closes by it.
  void beat();
  void close();
  bool is_closed() const;
  bool is_expired(jobs::time_ms now) const {
    return how_.who && how_.who->expires_at != 0 && now >= how_.who->expires_at;
  }
  bool is_of(std::string_view principal) const {
    return how_.who && how_.who->id == principal;
  }

private:
  enum class state { replaying, live, closed };

  void read_on();
  void replay(const jobs::event_page& page);
  void end(std::int64_t last_seq);
  void reset(std::int64_t seq);
  void reset_job();
  void reset_all();
  void send_reset(const std::vector<jobs::job_view_ptr>& jobs, bool has_more);

  void go_live();
  void take(const jobs::event_batch& batch);
  bool write_live(const jobs::event_batch& batch);

  bool shows(const jobs::job_record& job) const;
  void add(std::string& text, const jobs::event& e);
  bool write(std::string text);
  bool write_locked(std::string text);
  void close_locked();

  jobs::engine& engine_;
  const event_stream_settings settings_;
  const std::shared_ptr<stream> out_;

  // While replaying these belong to the one callback that is under way, then
  // to whoever holds the mutex.
  event_start how_;
  std::int64_t cursor_;      ///< of the last event written
  bool was_reset_ = false;   ///< at most once
  bool ended_ = false;       ///< the job's last event has been written
  std::size_t replayed_ = 0; ///< bytes

  mutable std::mutex mutex_;
  state state_ = state::replaying;
  /// What came while the log was read.
  std::deque<std::shared_ptr<const jobs::event>> meanwhile_;
  std::unique_ptr<jobs::subscription> subscription_;
};

} // namespace alula::http
