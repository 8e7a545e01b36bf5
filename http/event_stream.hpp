/// Server-sent events (WHATWG HTML, 9.2): `/api/events` and the stream of one
/// job. An event's `id` is its place in the ledger, so a client that was away,
/// or an alula that was restarted, goes on exactly where it was.
///
/// A stream subscribes first, then reads the log from the client's cursor, then
/// drops from what came meanwhile what it has read already. Its states:
///
///   replaying ──log read to its end──► live ──┐
///       └──────────────┬─────────────────────┴──► closed
///       client gone or too slow, job ended, enough replayed
#pragma once

#include "http/deadline_thread.hpp"
#include "http/exchange.hpp"
#include "jobs/engine.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

namespace alula::http {

struct event_stream_settings {
  /// A comment this often keeps proxies from closing a quiet stream.
  std::chrono::milliseconds heartbeat{15'000};
  std::size_t most_streams = 512; ///< one more is answered 429
  std::size_t page = 200;         ///< events read from the log at once
  /// A client that is further behind is sent about this much and then
  /// disconnected with a short `retry`: it reads at its own pace. Less than
  /// what the door lets a stream owe (door_limits::stream_unsent), so that only
  /// a reader that does not read is cut off. Also the size of a `reset`.
  std::size_t most_replayed = 131'072; ///< bytes
  /// Live events that may wait while the log is read.
  std::size_t most_meanwhile = 2'000;
  std::size_t snapshot = 200; ///< jobs in a `reset`
};

class event_streams {
public:
  explicit event_streams(jobs::engine& engine)
    : event_streams(engine, event_stream_settings{}) {}
  event_streams(jobs::engine& engine, const event_stream_settings& settings);
  /// As close().
  ~event_streams();

  event_streams(const event_streams&) = delete;
  event_streams& operator=(const event_streams&) = delete;

  /// GET /api/events?server=&kind=: live events, or those after Last-Event-ID
  /// (or `?last_event_id=`) and then live ones.
  void open_all(const exchange_ptr& call);

  /// GET /api/jobs/:job/events: the job's events from its first, or those after
  /// Last-Event-ID; ends behind the last one. 204 when the client has that:
  /// an EventSource does not come back then.
  void open_job(const exchange_ptr& call);

  /// Sends the heartbeat and forgets streams whose clients are gone.
  void beat();

  /// Ends the streams of one principal: what it may see has changed.
  void close_of(std::string_view principal);

  /// Ends all streams and refuses new ones (503). For the drain.
  void close();

  std::size_t count() const;

private:
  struct core;

  /// Shared with callbacks of the engine, which may come when we are gone.
  std::shared_ptr<core> core_;
  deadline_thread heart_; ///< last: it uses everything above
};

} // namespace alula::http
