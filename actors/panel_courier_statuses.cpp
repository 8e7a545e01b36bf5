// The part of the courier that tells the states of containers.
#include "actors/panel_courier.hpp"
#include "jobs/container_status.hpp"
#include "jobs/log.hpp"

#include <utility>

namespace alula::actors {

namespace {

/// No answer, one of whoever stands before a Panel that is away, or "not so
/// many": it may take the same state later.
bool may_be_taken_later(const jobs::delivery& came) {
  constexpr int timed_out = 408, too_many = 429, server_error = 500;
  return came.status == 0 || came.status == timed_out || came.status == too_many
         || came.status >= server_error;
}

} // namespace

/// A few, and no more before all of them are settled: so two states of one
/// container are never under way, although the newer drops the older's row.
void panel_courier::hand_out_statuses(const moment& at) {
  std::size_t places = settings_.statuses_at_once;
  {
    const std::scoped_lock lock{mutex_};
    if (!panel_.is_configured() || !statuses_under_way_.empty()
        || at.uptime < statuses_paused_until_)
      return;
    if (failures_ > 0 || status_failures_ > 0)
      places = 1;
  }
  const auto due = queries_.list_due_statuses(at.calendar, places);
  if (!due) {
    jobs::log(jobs::log_level::warning, "outbox-unread",
              {{"why", due.error().what}});
    return;
  }
  for (const auto& status : *due)
    hand_over(status_porters_, statuses_under_way_, status,
              &panel_courier::deliver_status);
}

void panel_courier::deliver_status(const jobs::report& what) {
  if (stop_.stop_requested())
    return;
  if (!may_leave(what))
    return status_is_settled(what.row, true);
  if (auto why = why_not(what); !why.empty())
    return record_status({.report = what.row,
                          .is = jobs::record_delivery::outcome::moot,
                          .why = std::move(why)});
  const auto came =
      panel_.deliver(what.method, what.path, what.body, stop_.get_token());
  if (stop_.stop_requested() && came.is != jobs::delivery::verdict::delivered)
    return;
  note_status_answer(came);
  record_status(decide_status(what, came));
}

/// It was handed out a while ago: the Panel may have failed at another since,
/// and a newer state may have taken its place.
bool panel_courier::may_leave(const jobs::report& what) {
  {
    const std::scoped_lock lock{mutex_};
    if (alarms_.uptime() < statuses_paused_until_)
      return false;
  }
  const auto open =
      queries_.list_reports(jobs::report_group::open, what.row - 1, 1);
  return !open || (!open->items.empty() && open->items.front().row == what.row);
}

/// Empty when it is to be told.
std::string panel_courier::why_not(const jobs::report& what) const {
  if (!settings_.tells_statuses)
    return "panel.container_status is off";
  if (clock_.now() - what.created_at >= jobs::container_status_lasts)
    return "it is older than the Panel remembers a state";
  return {};
}

void panel_courier::note_status_answer(const jobs::delivery& came) {
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    if (!may_be_taken_later(came)) {
      status_failures_ = 0;
      statuses_paused_until_ = 0;
      return;
    }
    is_news = status_failures_ == 0;
    const auto pause = draw(settings_.pause_cap, status_failures_);
    statuses_paused_until_ = alarms_.uptime() + pause.count();
    ++status_failures_;
  }
  if (is_news)
    jobs::log(jobs::log_level::info, "container-status-delayed",
              {{"why", came.why}});
}

jobs::record_delivery panel_courier::decide_status(const jobs::report& what,
                                                   const jobs::delivery& came) {
  using outcome = jobs::record_delivery::outcome;
  jobs::record_delivery noted{
      .report = what.row, .http_status = came.status, .why = came.why};
  if (came.is == jobs::delivery::verdict::delivered) {
    noted.is = outcome::delivered;
    noted.why.clear();
    const std::scoped_lock lock{mutex_};
    status_was_taken_ = true;
    return noted;
  }
  if (may_be_taken_later(came)) {
    noted.next_at = clock_.now() + draw(settings_.cap, what.tries).count();
    return noted;
  }
  noted.is = outcome::moot;
  noted.why = "the Panel does not take it: " + came.why;
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    is_news = !status_was_refused_ && takes_none(what, came);
    status_was_refused_ = status_was_refused_ || is_news;
  }
  if (is_news)
    jobs::log(jobs::log_level::warning, "container-status-refused",
              {{"path", what.path}, {"why", came.why}});
  return noted;
}

/// Said of all states, not of one server, that it does not have or another node
/// has. A Panel that has no such call may say of each server in turn that it
/// does not have it. Under the lock.
bool panel_courier::takes_none(const jobs::report& what,
                               const jobs::delivery& came) {
  constexpr int forbidden = 403;
  constexpr std::size_t most_gone = 4; // deleted there while alula was down
  if (came.status == forbidden)
    return false;
  if (came.is != jobs::delivery::verdict::unknown)
    return true;
  if (status_was_taken_)
    return false;
  statuses_unknown_.insert(what.subject);
  return statuses_unknown_.size() > most_gone;
}

void panel_courier::record_status(const jobs::record_delivery& noted) {
  ledger_.amend({noted}, [link = link_, noted](const jobs::status& kept) {
    if (!kept)
      jobs::log(jobs::log_level::warning, "delivery-unkept",
                {{"report", noted.report}, {"why", kept.error().what}});
    const std::scoped_lock lock{link->mutex};
    if (link->to)
      link->to->status_is_settled(noted.report, kept.has_value());
  });
}

/// What could not be noted is sent again, after a while.
void panel_courier::status_is_settled(std::int64_t row, bool kept) {
  {
    const std::scoped_lock lock{mutex_};
    statuses_under_way_.erase(row);
    if (!kept)
      statuses_paused_until_ = alarms_.uptime() + settings_.base.count();
    if (!statuses_under_way_.empty())
      return;
  }
  look_soon();
}

} // namespace alula::actors
