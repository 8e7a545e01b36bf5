#include "actors/chores.hpp"

#include "actors/container_audit.hpp"
#include "actors/lasting_subscription.hpp"
#include "jobs/log.hpp"
#include "jobs/system_leavings.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace alula::actors {

namespace {

using std::chrono::milliseconds;

/// A dockerd that was away.
constexpr std::chrono::minutes containers_asked_again_after{10};
/// A tree whose removal was refused or given up.
constexpr std::chrono::hours removed_again_after{1};
constexpr std::chrono::hours rotation_of_its_own_every{24};
/// A tick that is overdue at a start comes within so long: enough to spread
/// nodes that were rebooted together, and soon all the same.
constexpr milliseconds longest_spread = std::chrono::minutes{10};

/// The chore that puts in order what the job of this event may have left, or
/// none: an upload its parts, a delete backups of which only the record is
/// left.
std::string_view clears_up_behind(const jobs::event& e) {
  if (e.type != "job.failed")
    return {};
  if (e.kind == "system.backup.receive")
    return "system.backup.sweep";
  const bool deletes_backups = e.kind == "server.delete"
                               || e.kind == "backup.delete"
                               || e.kind == "backup.rotate";
  return deletes_backups ? "backup.scan" : "";
}

std::string about(const char* name, std::string_view id) {
  // Ids hold nothing that JSON would have to escape.
  return std::string{"{\""} + name + "\":\"" + std::string{id} + "\"}";
}

std::function<milliseconds()> always(milliseconds every) {
  return [every] { return every; };
}

} // namespace

struct chores::task {
  std::string name;
  interval every;
  void (chores::*run)();
};

chores::chores(chore_settings settings, jobs::engine& engine,
               jobs::queries& queries, jobs::ledger& ledger,
               const jobs::clock& clock, alarm_clock::reading uptime)
  : settings_(std::move(settings)), engine_(engine), queries_(queries),
    ledger_(ledger), clock_(clock),
    alarms_(std::move(uptime), [&clock] { return clock.now(); }),
    thread_("alula-chores", 1, 0) {}

chores::~chores() {
  stop();
}

void chores::stop() {
  stopped_ = true;
  stopping_.request_stop();
  ends_.end();
  alarms_.stop();
  thread_.stop();
}

void chores::later(std::function<void()> what) {
  thread_.run([this, what = std::move(what)] {
    if (!stopped_)
      what();
  });
}

/// Nobody else would come back to it before its next tick, or at all.
void chores::again(const std::string& what, milliseconds after,
                   std::function<void()> run) {
  if (!put_off_.insert(what).second)
    return;
  alarms_.arm(after, [this, what, run = std::move(run)] {
    later([this, what, run] {
      put_off_.erase(what);
      run();
    });
  });
}

void chores::start() {
  later([this] {
    scan_stores(); // before anything is found here
    scan();
    take_up("backup.scan", always(settings_.scan_every), &chores::scan);
    take_up(
        "backup.verify", [this] { return verify_tick(); }, &chores::verify_one);
    take_up("backup.rotate",
            always(settings_.rotate_every.count() > 0
                       ? settings_.rotate_every
                       : rotation_of_its_own_every),
            &chores::rotate_all);
    take_up("backup.ask_panel", always(settings_.ask_panel_every),
            &chores::ask_panel);
    remove_due();
  });
  // What these jobs leave in the trash may be due sooner than what is known.
  ends_.begin(engine_, [this](const jobs::event_batch& batch) {
    const bool look = std::ranges::any_of(batch.events, [](const auto& e) {
      if (e->type == "job.failed" || e->type == "job.cancelled")
        return e->kind == "backup.restore"; // it may have begun to remove one
      return e->type == "job.succeeded"
             && (e->kind.starts_with("backup.") || e->kind == "server.delete"
                 || e->kind == "restore.remove_replaced");
    });
    if (look || batch.lost)
      later([this] { remove_due(); });
    for (const auto& e : batch.events)
      if (const auto chore = clears_up_behind(*e); !chore.empty())
        later([this, ended = e->job, chore] { clear_up_behind(ended, chore); });
    for (const auto& e : batch.events)
      if (e->type == "job.succeeded" && e->kind == "backup.ask_panel")
        later([this, ended = e->job] { forget_gone(ended); });
    for (const auto& e : batch.events)
      if (e->type == "job.failed" && e->kind == "backup.drop_copy")
        later([this, ended = e->job] { keep_scratch(ended); });
    // What another place has for sure now, and what a job has left in a store.
    const bool is_settled =
        std::ranges::any_of(batch.events, [](const auto& e) {
          // Never at the end of what settle() itself submits.
          const bool leaves_something =
              e->kind == "backup.create" || e->kind == "backup.copy";
          // Of a job: states of containers and activities settle nothing.
          return (e->type == "report.delivered" && !e->job.empty())
                 || (leaves_something
                     && (e->type == "job.succeeded" || e->type == "job.failed"
                         || e->type == "job.cancelled"));
        });
    if (is_settled || batch.lost)
      later([this] {
        copy_out(false);
        settle();
      });
  });
  later([this] { look_at_containers(); });
}

// -- the schedule -------------------------------------------------------------

void chores::take_up(const std::string& name, const interval& how_often,
                     void (chores::*run)()) {
  const auto every = how_often();
  if (every.count() <= 0)
    return;
  const auto known = queries_.list_schedules();
  if (!known) {
    jobs::log(jobs::log_level::warning, "schedule-unread",
              {{"name", name}, {"why", known.error().what}});
    again(name, read_again_after,
          [this, name, how_often, run] { take_up(name, how_often, run); });
    return;
  }
  const auto what = std::make_shared<task>(task{name, how_often, run});
  const auto entry =
      std::ranges::find(*known, name, &jobs::schedule_entry::name);
  // A shorter interval, or a clock that was put back, counts at once; a tenth
  // more than the interval is what a tick may be late.
  const auto latest = clock_.now() + every.count() / 10 * 11;
  const bool counts = entry != known->end() && entry->next_at <= latest;
  if (counts && entry->next_at > clock_.now()) {
    arm(what, entry->next_at);
    return;
  }
  // On record at once: a node that is restarted more often than it ticks would
  // never come to its first one, or to what it has missed.
  const auto next = counts ? overdue_tick(every) : next_tick(every);
  keep(name, next);
  arm(what, next);
}

jobs::time_ms chores::overdue_tick(milliseconds every) const {
  const double random = settings_.random ? settings_.random() : 0.5;
  const auto spread = std::min(every / 10, longest_spread);
  return clock_.now()
         + static_cast<jobs::time_ms>(static_cast<double>(spread.count())
                                      * random);
}

jobs::time_ms chores::next_tick(milliseconds every) const {
  const double random = settings_.random ? settings_.random() : 0.5;
  return clock_.now()
         + static_cast<jobs::time_ms>(static_cast<double>(every.count())
                                      * (0.9 + 0.2 * random));
}

void chores::keep(const std::string& name, jobs::time_ms next) {
  ledger_.amend({jobs::set_schedule{name, next}},
                [name](const jobs::status& kept) {
                  if (!kept)
                    jobs::log(jobs::log_level::warning, "schedule-unkept",
                              {{"name", name}, {"why", kept.error().what}});
                });
}

void chores::arm(const std::shared_ptr<task>& what, jobs::time_ms at) {
  alarms_.arm_at(at, [this, what] { later([this, what] { tick(what); }); });
}

void chores::tick(const std::shared_ptr<task>& what) {
  const auto next = next_tick(what->every());
  // The next one first: a crash in between skips a chore rather than repeat it
  // at every start.
  keep(what->name, next);
  (this->*what->run)();
  arm(what, next);
}

// -- the chores ---------------------------------------------------------------

void chores::log_refused(const std::string& kind, const jobs::fault& why) {
  jobs::log(jobs::log_level::info, "chore-refused",
            {{"kind", kind}, {"why", why.what}});
}

void chores::submit(std::string_view kind, const jobs::server_id& server,
                    std::string body) {
  engine_.submit({.kind = kind, .server = server, .body = std::move(body)},
                 [kind = std::string{kind}](const auto& ticket) {
                   if (!ticket)
                     log_refused(kind, ticket.error());
                 });
}

void chores::scan() {
  sweep_systems();
  submit("backup.scan", {}, "");
  copied_.clear(); // what has failed is tried once more
  kept_scratch_.clear();
  copy_out(true);
  settle();
}

void chores::rotate_all() {
  const auto of_node = settings_.rotate_every.count() > 0
                           ? settings_.policy
                           : jobs::rotation_policy{};
  for (const auto& server : engine_.list_servers()) {
    const auto policy = jobs::own_policy(*server).value_or(of_node);
    if (!policy.is_off())
      submit("backup.rotate", server->uuid,
             R"({"policy":)" + jobs::to_json(policy) + "}");
  }
}

void chores::remove_due() {
  const auto now = clock_.now();
  const auto due = queries_.list_due_replaced(now, removals_at_once);
  if (!due)
    return again("due trees", read_again_after, [this] { remove_due(); });
  if (!due->empty()) // the removal of one is what asks for the next
    again("replaced", removed_again_after, [this] { remove_due(); });
  for (const auto& tree : *due)
    submit("restore.remove_replaced", {},
           about("restore", tree.replaced_by.view()));
  const auto next = queries_.list_due_replaced(
      std::numeric_limits<jobs::time_ms>::max(), removals_at_once + 1);
  if (!next)
    return again("due trees", read_again_after, [this] { remove_due(); });
  const auto later_one = std::ranges::find_if(
      *next, [&](const auto& tree) { return tree.keep_until > now; });
  const std::scoped_lock lock{due_mutex_};
  alarms_.disarm(std::exchange(due_alarm_, 0));
  if (later_one != next->end())
    due_alarm_ = alarms_.arm_at(later_one->keep_until,
                                [this] { later([this] { remove_due(); }); });
}

void chores::sweep_systems() {
  if (settings_.systems
      && jobs::has_system_leavings(queries_, *settings_.systems))
    submit("system.backup.sweep", {}, "");
}

/// What has failed has cleaned up; what was given up has not.
void chores::clear_up_behind(const jobs::job_id& ended,
                             std::string_view chore) {
  const auto job = queries_.find_job(ended);
  if (job && *job && (*job)->error
      && (*job)->error->code == jobs::fault_code::abandoned)
    submit(chore, {}, "");
}

void chores::look_at_containers() {
  if (!settings_.containers)
    return;
  const auto found = audit_containers(*settings_.containers, engine_, queries_,
                                      stopping_.get_token());
  if (found || stopped_)
    return;
  jobs::log(jobs::log_level::info, "containers-not-audited",
            {{"why", found.error().what}});
  again("containers", containers_asked_again_after,
        [this] { look_at_containers(); });
}

} // namespace alula::actors
