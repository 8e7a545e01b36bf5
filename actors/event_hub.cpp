#include "actors/event_hub.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <thread>
#include <utility>

namespace alula::actors {

namespace {

bool is_over(const jobs::job_view& view, jobs::await_for what,
             const std::string& etag) {
  const auto& job = view.record();
  switch (what) {
  case jobs::await_for::changed:
    // Nothing more will change in a job that is done.
    return job.is_done() || view.etag() != etag;
  case jobs::await_for::answered:
    return job.is_done() || job.is_answered()
           || job.state == jobs::job_state::parked;
  case jobs::await_for::finished:
    return job.is_done();
  }
  return true;
}

bool wants_progress(const jobs::event_filter& filter,
                    const jobs::job_record& job) {
  jobs::event like;
  like.job = job.id;
  like.server = job.server;
  like.kind = job.kind;
  return filter.matches(like);
}

} // namespace

// -- subscribers --------------------------------------------------------------

class event_hub::subscriber {
public:
  subscriber(jobs::event_filter wanted,
             std::function<void(const jobs::event_batch&)> callee)
    : filter(std::move(wanted)), sink(std::move(callee)) {}

  /// Takes what is owed, to be handed to the sink at once by this thread, which
  /// calls handed_over() then; false when there is nothing.
  bool take(jobs::event_batch& into) {
    const std::scoped_lock lock{mutex};
    if (closed || (owed.empty() && progress.empty() && !lost)) {
      scheduled = false;
      return false;
    }
    into.lost = lost;
    into.events.assign(owed.begin(), owed.end());
    for (auto& [id, view] : progress)
      into.progress.push_back(std::move(view));
    owed.clear();
    progress.clear();
    in_sink = std::this_thread::get_id();
    return true;
  }
  void handed_over() {
    const std::scoped_lock lock{mutex};
    in_sink = {};
    left_sink.notify_all();
  }

  /// The sink is not called any more, and no other thread is inside it.
  void close() {
    std::unique_lock lock{mutex};
    closed = true;
    left_sink.wait(lock, [this] {
      return in_sink == std::thread::id{}
             || in_sink == std::this_thread::get_id();
    });
  }
  bool is_closed() {
    const std::scoped_lock lock{mutex};
    return closed;
  }

  const jobs::event_filter filter;
  const std::function<void(const jobs::event_batch&)> sink;
  const jobs::log_context whose; ///< of the request that subscribed
  std::mutex mutex;
  std::deque<std::shared_ptr<const jobs::event>> owed;
  std::map<jobs::job_id, jobs::job_view_ptr> progress; ///< the newest per job
  std::thread::id in_sink; ///< none, or who is in the sink
  std::condition_variable left_sink;
  bool scheduled = false;
  bool lost = false;
  bool closed = false;
};

/// May outlive the hub: a closed subscriber is dropped with the next event.
class event_hub::ticket final : public jobs::subscription {
public:
  explicit ticket(subscriber_ptr who) : who_(std::move(who)) {}
  ~ticket() override { who_->close(); }

private:
  subscriber_ptr who_;
};

std::unique_ptr<jobs::subscription>
event_hub::subscribe(jobs::event_filter filter,
                     std::function<void(const jobs::event_batch&)> sink) {
  auto who = std::make_shared<subscriber>(std::move(filter), std::move(sink));
  {
    const std::scoped_lock lock{subscribers_mutex_};
    drop_closed();
    if (subscribers_.size() < limits_.subscribers)
      subscribers_.push_back(who);
    else
      who->lost = true;
  }
  if (who->lost)
    schedule(who);
  return std::make_unique<ticket>(std::move(who));
}

void event_hub::drop_closed() {
  std::erase_if(subscribers_, [](const auto& who) { return who->is_closed(); });
}

void event_hub::offer(const std::vector<jobs::event>& events,
                      const std::vector<jobs::job_view_ptr>& progress) {
  std::vector<subscriber_ptr> due;
  // Held while queueing, so that two publishers cannot change the order.
  const std::scoped_lock lock{subscribers_mutex_};
  drop_closed();
  if (subscribers_.empty())
    return;
  std::vector<std::shared_ptr<const jobs::event>> shared;
  shared.reserve(events.size());
  for (const auto& e : events)
    shared.push_back(std::make_shared<const jobs::event>(e));
  for (const auto& who : subscribers_) {
    const std::scoped_lock inner{who->mutex};
    if (who->lost || who->closed)
      continue;
    for (const auto& e : shared)
      if (who->filter.matches(*e))
        who->owed.push_back(e);
    for (const auto& view : progress)
      if (wants_progress(who->filter, view->record()))
        who->progress[view->record().id] = view;
    if (who->owed.size() > limits_.subscriber_lag) {
      who->owed.clear();
      who->progress.clear();
      who->lost = true;
      const jobs::log_scope as{who->whose};
      jobs::log(jobs::log_level::warning, "subscriber-too-slow",
                {{"limit", limits_.subscriber_lag}});
    }
    const bool owes = who->lost || !who->owed.empty() || !who->progress.empty();
    if (owes && !std::exchange(who->scheduled, true))
      due.push_back(who);
  }
  for (const auto& who : due)
    deliverers_.run([this, who] { deliver(who); });
}

void event_hub::schedule(const subscriber_ptr& who) {
  {
    const std::scoped_lock lock{who->mutex};
    if (std::exchange(who->scheduled, true))
      return;
  }
  deliverers_.run([this, who] { deliver(who); });
}

void event_hub::deliver(const subscriber_ptr& who) {
  jobs::event_batch batch;
  if (!who->take(batch))
    return;
  const jobs::log_scope as{who->whose};
  try {
    who->sink(batch);
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "subscriber-threw", {{"what", e.what()}});
  } catch (...) {
    jobs::log(jobs::log_level::error, "subscriber-threw");
  }
  who->handed_over();
  if (batch.lost) {
    who->close();
    return;
  }
  // To the end of the queue: others have their turn.
  deliverers_.run([this, who] { deliver(who); });
}

// -- waiters ------------------------------------------------------------------

struct event_hub::waiter {
  std::uint64_t number;
  jobs::await_for what;
  std::string etag;
  answer_once<jobs::job_view_ptr> done;
  jobs::job_view_ptr known;
  alarm_clock::id alarm;
};

void event_hub::await(jobs::job_view_ptr known, jobs::await_for what,
                      std::string etag, std::chrono::milliseconds limit,
                      answer_once<jobs::job_view_ptr> done) {
  const auto job = known->record().id;
  {
    const std::scoped_lock lock{waiters_mutex_};
    // Under the lock that publish() takes after the board has changed, so no
    // change falls between this look and the wait.
    if (auto newest = board_.peek(job))
      known = std::move(newest);
    const bool full = stopped_ || waiting_ >= limits_.waiters;
    if (!full && limit.count() > 0 && !is_over(*known, what, etag)) {
      const auto number = next_waiter_++;
      const auto alarm =
          alarms_.arm(limit, [this, job, number] { time_is_up(job, number); });
      waiters_[job].push_back({number, what, std::move(etag), std::move(done),
                               std::move(known), alarm});
      ++waiting_;
      return;
    }
  }
  answer_later([done, known] { done(known); });
}

void event_hub::wake(const std::vector<jobs::job_view_ptr>& changed) {
  std::vector<std::pair<answer_once<jobs::job_view_ptr>, jobs::job_view_ptr>>
      woken;
  {
    const std::scoped_lock lock{waiters_mutex_};
    if (waiters_.empty())
      return;
    for (const auto& view : changed) {
      const auto place = waiters_.find(view->record().id);
      if (place == waiters_.end())
        continue;
      std::erase_if(place->second, [&](waiter& w) {
        w.known = view;
        if (!is_over(*view, w.what, w.etag))
          return false;
        alarms_.disarm(w.alarm);
        woken.emplace_back(std::move(w.done), view);
        return true;
      });
      if (place->second.empty())
        waiters_.erase(place);
    }
    waiting_ -= woken.size();
  }
  if (!woken.empty())
    answer_later([woken = std::move(woken)] {
      for (const auto& [done, view] : woken)
        done(view);
    });
}

void event_hub::time_is_up(const jobs::job_id& job, std::uint64_t number) {
  answer_once<jobs::job_view_ptr> done;
  jobs::job_view_ptr known;
  {
    const std::scoped_lock lock{waiters_mutex_};
    const auto place = waiters_.find(job);
    if (place == waiters_.end())
      return;
    auto& all = place->second;
    const auto w = std::ranges::find(all, number, &waiter::number);
    if (w == all.end())
      return;
    done = std::move(w->done);
    known = std::move(w->known);
    all.erase(w);
    --waiting_;
    if (all.empty())
      waiters_.erase(place);
  }
  if (auto newest = board_.peek(job))
    known = std::move(newest);
  answer_later([done, known] { done(known); });
}

// -- progress -----------------------------------------------------------------

void event_hub::moved(std::shared_ptr<progress_cell> cell) {
  constexpr jobs::time_ms second = 1'000;
  const std::scoped_lock lock{progress_mutex_};
  moved_.push_back(std::move(cell));
  if (std::exchange(sampling_, true))
    return;
  alarms_.arm_at_uptime(sampled_at_ + second, [this] { sample(); });
}

void event_hub::sample() {
  std::vector<std::shared_ptr<progress_cell>> cells;
  {
    const std::scoped_lock lock{progress_mutex_};
    cells.swap(moved_);
    sampling_ = false;
    sampled_at_ = alarms_.uptime();
  }
  std::vector<jobs::job_view_ptr> views;
  for (const auto& cell : cells) {
    const auto progress = cell->take(clock_.now());
    auto view = board_.show_progress(cell->job(), progress);
    if (!view)
      continue;
    keep_(cell->row(), progress);
    views.push_back(std::move(view));
  }
  wake(views);
  offer({}, views);
}

// -- the rest -----------------------------------------------------------------

event_hub::event_hub(job_board& board, alarm_clock& alarms,
                     const jobs::clock& clock, hub_limits limits,
                     keep_progress keep)
  : board_(board), alarms_(alarms), clock_(clock), limits_(limits),
    keep_(std::move(keep)), wakers_("alula-wake", 1, 0),
    deliverers_("alula-stream", 2, 0) {}

event_hub::~event_hub() {
  stop();
}

void event_hub::publish(const std::vector<jobs::event>& events,
                        const std::vector<jobs::job_view_ptr>& changed) {
  wake(changed);
  offer(events, {});
}

void event_hub::answer_later(std::function<void()> task) {
  wakers_.run(std::move(task));
}

void event_hub::stop() {
  std::unordered_map<jobs::job_id, std::vector<waiter>> left;
  {
    const std::scoped_lock lock{waiters_mutex_};
    stopped_ = true;
    left.swap(waiters_);
    waiting_ = 0;
  }
  for (const auto& [job, all] : left)
    for (const auto& w : all)
      answer_later([done = w.done, known = w.known] { done(known); });
  wakers_.stop();
  deliverers_.stop();
}

} // namespace alula::actors
