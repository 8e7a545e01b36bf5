/// A subscription of a part of the node, which lasts as long as the node does.
#pragma once

#include "jobs/engine.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace alula::actors {

/// Whoever owes more events than `subscriber_lag` is cut off, which a client
/// mends by asking again. A part of the node would be deaf until the next
/// start: this one subscribes again, and only then passes the batch on that
/// says `lost`. So whoever looks around at that batch misses nothing, and
/// around it two threads may be in the sink at once. begin() and end() are for
/// one thread, the sink for any; the engine outlives the subscription.
class lasting_subscription {
public:
  using sink = std::function<void(const jobs::event_batch&)>;

  lasting_subscription() = default;
  ~lasting_subscription();
  lasting_subscription(const lasting_subscription&) = delete;
  lasting_subscription& operator=(const lasting_subscription&) = delete;

  void begin(jobs::engine& engine, sink to);

  /// From here on the sink is not called, and no other thread is inside it.
  void end();

private:
  using ticket = std::unique_ptr<jobs::subscription>;

  void listen();

  std::mutex mutex_; ///< over everything but the sink
  jobs::engine* engine_ = nullptr;
  ticket now_;
  ticket before_; ///< cut off; its sink may still be at the last batch
  sink sink_;
};

} // namespace alula::actors
