#include "actors/panel_courier.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace alula::actors {

using std::chrono::milliseconds;

panel_courier::panel_courier(courier_settings settings, jobs::engine& engine,
                             jobs::queries& queries, jobs::ledger& ledger,
                             jobs::panel& panel, const jobs::clock& clock,
                             alarm_clock::reading uptime)
  : settings_(std::move(settings)), engine_(engine), queries_(queries),
    ledger_(ledger), panel_(panel), clock_(clock),
    link_(std::make_shared<link>()),
    alarms_(std::move(uptime), [&clock] { return clock.now(); }),
    looker_("alula-outbox", 1, 1'024),
    porters_("alula-panel", std::max<std::size_t>(settings_.threads, 1), 0),
    status_porters_("alula-status", settings_.status_threads, 0) {
  link_->to = this;
}

panel_courier::~panel_courier() {
  stop();
}

void panel_courier::start() {
  news_.begin(engine_, [this](const jobs::event_batch& batch) {
    if (batch.lost || std::ranges::any_of(batch.events, [](const auto& e) {
          return e->type == "report.queued";
        }))
      look_soon();
  });
  look_soon();
}

void panel_courier::stop() {
  stop_.request_stop();
  news_.end();
  alarms_.stop();
  looker_.stop();
  porters_.stop();
  status_porters_.stop();
  const std::scoped_lock lock{link_->mutex};
  link_->to = nullptr;
}

// -- what is due --------------------------------------------------------------

void panel_courier::look_soon() {
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(look_is_due_, true))
      return;
  }
  if (queue_look())
    return;
  // This look has to come all the same.
  const std::scoped_lock lock{mutex_};
  look_is_due_ = false;
  look_later();
}

/// False when whoever reads has filled the queue, or there is no memory.
bool panel_courier::queue_look() {
  try {
    return looker_.run([this] { look_around_safely(); });
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void panel_courier::look_later() {
  alarms_.arm(settings_.base, [this] { look_soon(); });
}

/// A look that breaks off has not said when the next one is.
void panel_courier::look_around_safely() {
  try {
    look_around();
  } catch (...) {
    look_later();
    throw;
  }
}

void panel_courier::look_around() {
  {
    const std::scoped_lock lock{mutex_};
    look_is_due_ = false;
  }
  if (stop_.stop_requested())
    return;
  const moment at{.uptime = alarms_.uptime(), .calendar = clock_.now()};
  const bool paused = !hand_out(at);
  if (!paused)
    hand_out_statuses(at);
  count();
  arm(at, paused);
}

/// False while nothing may leave.
bool panel_courier::hand_out(const moment& at) {
  std::size_t places = 0;
  std::set<std::int64_t> busy;
  {
    const std::scoped_lock lock{mutex_};
    if (!panel_.is_configured() || at.uptime < paused_until_)
      return false;
    busy = under_way_;
    const std::size_t most = failures_ > 0 ? 1 : settings_.threads;
    places = most > busy.size() ? most - busy.size() : 0;
  }
  if (places == 0)
    return true;
  const auto due = queries_.list_due_reports(at.calendar, places + busy.size());
  if (!due) {
    jobs::log(jobs::log_level::warning, "outbox-unread",
              {{"why", due.error().what}});
    return true;
  }
  for (const auto& report : *due) {
    if (places == 0 || busy.contains(report.row))
      continue;
    --places;
    hand_over(porters_, under_way_, report, &panel_courier::deliver);
  }
  return true;
}

/// It is under way from here on, and no more when anything is thrown on its
/// way, here or on the porter's thread: then it is sent again.
void panel_courier::hand_over(task_threads& to,
                              std::set<std::int64_t>& under_way,
                              const jobs::report& what, delivers how) {
  const auto take_back = [this, &under_way, row = what.row] {
    {
      const std::scoped_lock lock{mutex_};
      under_way.erase(row);
    }
    look_later();
  };
  try {
    {
      const std::scoped_lock lock{mutex_};
      under_way.insert(what.row);
    }
    to.run([this, what, how, take_back] {
      try {
        (this->*how)(what);
      } catch (...) {
        take_back();
        throw;
      }
    });
  } catch (...) {
    take_back();
    throw;
  }
}

void panel_courier::count() {
  const auto counted = queries_.count_reports();
  if (!counted)
    return;
  const std::scoped_lock lock{mutex_};
  figures_ = *counted;
}

/// The next look: when something is due, when the pause is over, and after a
/// while in any case.
void panel_courier::arm(const moment& at, bool paused) {
  const auto next = queries_.next_report_at(at.calendar);
  auto wait = settings_.look_every;
  if (next && *next != 0)
    wait = std::clamp(milliseconds{*next - at.calendar}, milliseconds{1}, wait);
  const std::scoped_lock lock{mutex_};
  if (paused && paused_until_ != 0)
    wait = std::clamp(milliseconds{paused_until_ - at.uptime}, milliseconds{1},
                      settings_.look_every);
  if (!paused && at.uptime < statuses_paused_until_)
    wait = std::min(wait, milliseconds{statuses_paused_until_ - at.uptime});
  alarms_.disarm(alarm_);
  alarm_ =
      alarms_.arm_at_uptime(at.uptime + wait.count(), [this] { look_soon(); });
}

} // namespace alula::actors
