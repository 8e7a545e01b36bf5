#include "actors/lasting_subscription.hpp"

#include <utility>

namespace alula::actors {

lasting_subscription::~lasting_subscription() {
  end();
}

void lasting_subscription::begin(jobs::engine& engine, sink to) {
  sink_ = std::move(to);
  {
    const std::scoped_lock lock{mutex_};
    engine_ = &engine;
  }
  listen();
}

void lasting_subscription::listen() {
  ticket oldest; // ends without the lock: that may wait for its sink
  const std::scoped_lock lock{mutex_};
  if (!engine_)
    return;
  oldest = std::exchange(before_, std::move(now_));
  now_ = engine_->subscribe({}, [this](const jobs::event_batch& batch) {
    if (batch.lost)
      listen();
    sink_(batch);
  });
}

void lasting_subscription::end() {
  ticket last, cut_off;
  const std::scoped_lock lock{mutex_};
  engine_ = nullptr;
  last = std::move(now_);
  cut_off = std::move(before_);
}

} // namespace alula::actors
