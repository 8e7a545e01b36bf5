// The part of the courier that carries one report, and says what came of it.
#include "actors/panel_courier.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace alula::actors {

using std::chrono::milliseconds;

namespace {

using verdict = jobs::delivery::verdict;

/// No answer, or one of whoever stands in front of a Panel that is away.
bool met_nobody(const jobs::delivery& came) {
  return came.is == verdict::retry && (came.status == 0 || came.status >= 500);
}

/// "There is no such transfer": settled by the other node, or not begun yet.
bool may_be_early(const jobs::report& what, const jobs::delivery& came) {
  constexpr int conflict = 409;
  return came.status == conflict
         && what.path.find("/transfer/") != std::string::npos;
}

/// The Panel fails at this report again: it may be the report.
bool may_be_the_report(const jobs::report& what, const jobs::delivery& came) {
  constexpr int server_error = 500;
  return came.status >= server_error && what.http_status >= server_error;
}

bool is_doubt(const jobs::delivery& came) {
  return came.status >= 400 && came.status < 500;
}

} // namespace

void panel_courier::deliver(const jobs::report& what) {
  if (stop_.stop_requested())
    return;
  const auto came =
      panel_.deliver(what.method, what.path, what.body, stop_.get_token());
  // Broken off: nobody knows what became of it, and nothing is noted.
  if (stop_.stop_requested() && came.is != verdict::delivered)
    return;
  note_answer(what, came);
  record(what, came);
}

void panel_courier::note_answer(const jobs::report& what,
                                const jobs::delivery& came) {
  const bool nobody = met_nobody(came);
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    // While others get through one that the Panel fails at holds up nobody. But
    // not for long: a Panel that fails at all of them is to be left alone.
    const bool spared = nobody && failures_ == 0
                        && spared_ < settings_.most_spared
                        && may_be_the_report(what, came);
    spared_ = spared ? spared_ + 1 : 0;
    if (spared)
      return;
    is_news = nobody != (failures_ > 0);
    if (nobody) {
      const auto pause = draw(settings_.pause_cap, failures_);
      paused_until_ = alarms_.uptime() + pause.count();
      ++failures_;
    } else {
      failures_ = 0;
      paused_until_ = 0;
    }
  }
  if (is_news && nobody)
    jobs::log(jobs::log_level::warning, "panel-unreachable",
              {{"why", came.why},
               {"effect", "reports wait and are sent when it is back"}});
  else if (is_news)
    jobs::log(jobs::log_level::info, "panel-reachable", {});
}

jobs::record_delivery panel_courier::decide(const jobs::report& what,
                                            const jobs::delivery& came) {
  using outcome = jobs::record_delivery::outcome;
  const auto now = clock_.now();
  jobs::record_delivery noted{
      .report = what.row, .http_status = came.status, .why = came.why};
  const int tries = what.tries + 1;
  const bool too_old = now - what.created_at >= settings_.give_up_after.count()
                       && tries >= settings_.least_tries;
  const bool is_early = may_be_early(what, came)
                        && now - what.created_at < settings_.early.count();
  if (is_early) {
    noted.why = "the Panel knows no such transfer, or none yet";
    noted.next_at = now + draw(settings_.early, what.tries).count();
  } else if (came.is == verdict::delivered) {
    noted.is = outcome::delivered;
    noted.why.clear();
  } else if (is_of_nothing(what, came)) {
    noted.is = outcome::moot;
    noted.why =
        "the Panel has no such server or backup (any more): " + came.why;
  } else if (came.is == verdict::refused || too_old) {
    noted.is = outcome::dead;
  } else {
    // What stands behind one that is told of nothing waits for this.
    const bool doubted = is_doubt(came) && came.is != verdict::unknown;
    const auto most = doubted ? settings_.doubt_cap : settings_.cap;
    noted.next_at = now + draw(most, what.tries).count();
  }
  return noted;
}

bool panel_courier::is_of_nothing(const jobs::report& what,
                                  const jobs::delivery& came) {
  if (came.is != verdict::unknown)
    return false;
  const std::scoped_lock lock{mutex_};
  const int heard = ++unknown_[what.row];
  return heard >= settings_.least_unknown
         && clock_.now() - what.created_at >= settings_.unknown_after.count();
}

void panel_courier::record(const jobs::report& what,
                           const jobs::delivery& came) {
  const jobs::log_scope whose{"job", what.job.view()};
  const auto noted = decide(what, came);
  using outcome = jobs::record_delivery::outcome;
  if (noted.is == outcome::dead)
    jobs::log(jobs::log_level::error, "report-dead",
              {{"report", what.row},
               {"subject", what.subject},
               {"path", what.path},
               {"tries", what.tries + 1},
               {"why", noted.why}});
  else if (noted.is == outcome::again && is_doubt(came))
    jobs::log(jobs::log_level::info, "report-delayed",
              {{"report", what.row},
               {"path", what.path},
               {"tries", what.tries + 1},
               {"why", noted.why}});
  ledger_.amend({noted}, [link = link_, what, noted](const jobs::status& kept) {
    const std::scoped_lock lock{link->mutex};
    if (link->to)
      link->to->settled(what, noted, kept);
  });
}

/// On the ledger's thread. What could not be noted is sent again.
void panel_courier::settled(const jobs::report& what,
                            const jobs::record_delivery& noted,
                            const jobs::status& kept) {
  const jobs::log_scope whose{"job", what.job.view()};
  {
    const std::scoped_lock lock{mutex_};
    under_way_.erase(what.row);
    if (kept && noted.is != jobs::record_delivery::outcome::again)
      unknown_.erase(what.row);
  }
  if (kept) {
    if (noted.is == jobs::record_delivery::outcome::delivered)
      jobs::log(jobs::log_level::info, "report-delivered",
                {{"report", what.row},
                 {"path", what.path},
                 {"status", noted.http_status}});
    else if (noted.is == jobs::record_delivery::outcome::moot)
      jobs::log(jobs::log_level::warning, "report-moot",
                {{"report", what.row},
                 {"subject", what.subject},
                 {"path", what.path},
                 {"tries", what.tries + 1},
                 {"why", noted.why}});
    look_soon();
    return;
  }
  jobs::log(jobs::log_level::warning, "delivery-unkept",
            {{"report", what.row}, {"why", kept.error().what}});
  look_later();
}

milliseconds panel_courier::draw(milliseconds most, int doublings) {
  const auto random = [this] {
    if (settings_.random)
      return settings_.random();
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
  };
  // 2^20 times any base is beyond every cap; more would overflow.
  const auto ceiling = std::min(
      most,
      settings_.base * (milliseconds::rep{1} << std::clamp(doublings, 0, 20)));
  const milliseconds drawn{static_cast<milliseconds::rep>(
      random() * static_cast<double>(ceiling.count()))};
  return std::max(drawn, milliseconds{50});
}

} // namespace alula::actors
