#include "actors/panel_courier.hpp"

#include "actors/lasting_subscription.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace alula::actors {

namespace {

using std::chrono::milliseconds;
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

panel_courier::panel_courier(courier_settings settings, jobs::engine& engine,
                             jobs::queries& queries, jobs::ledger& ledger,
                             jobs::panel& panel, const jobs::clock& clock,
                             alarm_clock::reading uptime)
  : settings_(std::move(settings)), engine_(engine), queries_(queries),
    ledger_(ledger), panel_(panel), clock_(clock),
    link_(std::make_shared<link>()),
    alarms_(std::move(uptime), [&clock] { return clock.now(); }),
    looker_("alula-outbox", 1, 1'024),
    porters_("alula-panel", std::max<std::size_t>(settings_.threads, 1), 0) {
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
  if (looker_.run([this] { look_around(); }))
    return;
  // Whoever reads has filled the queue: this look has to come all the same.
  const std::scoped_lock lock{mutex_};
  look_is_due_ = false;
  alarms_.arm(settings_.base, [this] { look_soon(); });
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
    {
      const std::scoped_lock lock{mutex_};
      under_way_.insert(report.row);
    }
    porters_.run([this, report] { deliver(report); });
  }
  return true;
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
  alarms_.disarm(alarm_);
  alarm_ =
      alarms_.arm_at_uptime(at.uptime + wait.count(), [this] { look_soon(); });
}

// -- one report ---------------------------------------------------------------

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
  alarms_.arm(settings_.base, [this] { look_soon(); });
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

// -- jobs::outbox_desk --------------------------------------------------------

void panel_courier::list(
    jobs::report_group which, std::int64_t after, std::size_t limit,
    std::function<void(jobs::result<jobs::report_page>)> done) {
  const bool queued = looker_.run([this, which, after, limit, done] {
    done(queries_.list_reports(which, after, limit));
  });
  if (!queued)
    done(jobs::fault{.code = jobs::fault_code::rate_limited,
                     .what = "too much waits to be read; ask again later"});
}

// -- jobs::report_repeats -----------------------------------------------------

void panel_courier::repeat(std::int64_t row, repeated done) {
  const bool queued = looker_.run([this, row, done] { tell_again(row, done); },
                                  jobs::log_context{});
  if (!queued)
    done(jobs::fault{.code = jobs::fault_code::rate_limited,
                     .what = "too much waits to be read; ask again later"});
}

void panel_courier::tell_again(std::int64_t row, const repeated& done) {
  const auto read = [&](jobs::report_group which) {
    return queries_.list_reports(which, row - 1, 1);
  };
  const auto has_it = [row](const jobs::report_page& page) {
    return !page.items.empty() && page.items.front().row == row;
  };
  const auto dead = read(jobs::report_group::dead);
  if (!dead)
    return done(dead.error());
  if (!has_it(*dead)) {
    const auto any = read(jobs::report_group::all);
    if (!any)
      return done(any.error());
    if (!has_it(*any))
      return done(
          jobs::fault{.code = jobs::fault_code::route_not_found,
                      .what = "there is no report " + std::to_string(row)});
    return done(jobs::fault{.code = jobs::fault_code::not_parked,
                            .what = "report " + std::to_string(row)
                                    + " is not dead, or is told again"});
  }
  const auto& what = dead->items.front();
  const jobs::log_scope whose{"job", what.job.view()};
  jobs::log(jobs::log_level::info, "report-repeated",
            {{"report", what.row}, {"path", what.path}});
  ledger_.amend(
      {jobs::tell_panel{what.subject, what.method, what.path, what.body}},
      [link = link_, what, done](const jobs::status& kept) {
        if (!kept)
          return done(kept.error());
        const std::scoped_lock lock{link->mutex};
        const bool queued =
            link->to && link->to->looker_.run([to = link->to, what, done] {
              to->find_repetition(what, done);
            });
        if (!queued)
          done(what); // it is told again, and nobody can say by which
      });
}

/// The newest that says the same.
void panel_courier::find_repetition(const jobs::report& of,
                                    const repeated& done) {
  constexpr std::size_t page_size = 200;
  auto newest = of;
  for (auto after = of.row;;) {
    const auto page =
        queries_.list_reports(jobs::report_group::all, after, page_size);
    if (!page)
      return done(page.error());
    for (const auto& r : page->items)
      if (r.subject == of.subject && r.path == of.path && r.body == of.body)
        newest = r;
    if (page->next_after == 0)
      return done(std::move(newest));
    after = page->next_after;
  }
}

jobs::outbox_figures panel_courier::figures() const {
  const std::scoped_lock lock{mutex_};
  return figures_;
}

} // namespace alula::actors
