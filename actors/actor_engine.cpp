#include "actors/actor_engine.hpp"

#include "actors/engine_state.hpp"
#include "actors/stopping.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <latch>
#include <utility>

namespace alula::actors {

// -- starting -----------------------------------------------------------------

actor_engine::state::state(engine_settings chosen, const jobs::catalog& catalog,
                           const jobs::ports& ports, jobs::ledger& book,
                           jobs::queries& reading, const jobs::clock& time)
  : settings(std::move(chosen)), kinds(catalog), node(ports), ledger(book),
    queries(reading), clock(time), board(settings.ended_jobs),
    alarms(settings.uptime, [this] { return clock.now(); }),
    hub(board, alarms, clock,
        {settings.subscriber_lag, settings.subscribers, settings.waiters},
        [this](std::int64_t row, jobs::progress p) {
          ledger.save_progress(row, std::move(p));
        }),
    readers("alula-read", settings.readers, settings.waiting_reads),
    inspectors("alula-inspect", 2, 64) {
  config.add_message_types<caf::id_block::alula>();
}

actor_engine::actor_engine(engine_settings settings, const jobs::catalog& kinds,
                           const jobs::ports& node, jobs::ledger& ledger,
                           jobs::queries& queries, const jobs::clock& clock)
  : state_(std::make_unique<state>(std::move(settings), kinds, node, ledger,
                                   queries, clock)) {}

jobs::status actor_engine::start() {
  auto& s = *state_;
  if (auto known = s.check_pools(); !known)
    return known;
  s.now_in = state::phase::starting;
  s.say("alula reads its ledger");
  auto found = s.ledger.begin(s);
  if (!found)
    return std::move(found).error();
  s.begun = true;
  s.board.fill(*found);
  s.say("alula takes up " + std::to_string(found->jobs.size())
        + " jobs of earlier boots");
  if (auto adopted = s.adopt(*found); !adopted)
    return adopted;
  s.remember_pauses(found->paused_pools);
  s.start_actors(found->boot);
  s.resume();
  s.look_after_trash(found->left_trash);
  s.say({});
  s.now_in = state::phase::ready;
  return {};
}

jobs::status actor_engine::state::check_pools() const {
  for (const auto* kind : kinds.all())
    for (const auto& step : kind->steps)
      for (const bool undoing : {false, true}) {
        const auto name = std::string{step.pool_of(undoing)};
        const auto pool = settings.pools.find(name);
        if (pool == settings.pools.end() || pool->second == 0)
          return jobs::fault{.what = std::string{kind->name}
                                     + " needs workers in the pool \"" + name
                                     + "\", and there are none"};
      }
  return {};
}

/// What adoption makes of a job that ran for a boot that is over.
jobs::result<jobs::decision>
actor_engine::state::adopted(const jobs::job_record& job,
                             const jobs::recovery& found) {
  jobs::happened::adopted what{.boot = found.boot};
  what.crashed = !found.ended_boots.contains(job.boot);
  if (what.crashed)
    what.done = done_before_crash(job);
  return jobs::decide(job, what, clock.now(), settings.keep);
}

/// Progress that stands with the job may still be that of an earlier step.
std::int64_t
actor_engine::state::done_before_crash(const jobs::job_record& job) {
  const auto step = std::ranges::find(job.steps, jobs::step_state::started,
                                      &jobs::step_record::state);
  if (step == job.steps.end())
    return 0;
  const auto known = queries.find_progress(job.row);
  if (!known) {
    jobs::log(jobs::log_level::warning, "progress-unknown",
              {{"job", job.id.view()}, {"why", known.error().what}});
    return 0;
  }
  const bool is_of_step = *known && (*known)->updated_at >= step->started_at;
  return is_of_step ? (*known)->done : 0;
}

/// Every job that was running when the last boot ended belongs to this boot
/// before anything else happens (design 3). The ledger answers in one go.
jobs::status actor_engine::state::adopt(const jobs::recovery& found) {
  std::vector<jobs::save> saves;
  for (const auto& job : found.jobs) {
    if (job.state != jobs::job_state::running
        && job.state != jobs::job_state::cancelling)
      continue;
    auto decided = adopted(job, found);
    if (!decided)
      return decided.error();
    saves.push_back(
        {std::move(decided->after), std::move(decided->events), {}, {}});
  }
  // Shared, because the last callback may still be returning when this does.
  struct tally {
    explicit tally(std::size_t count)
      : left(static_cast<std::ptrdiff_t>(count)) {}
    std::latch left;
    std::mutex mutex;
    jobs::status outcome;
  };
  const auto saved = std::make_shared<tally>(saves.size());
  for (auto& save : saves)
    ledger.save(std::move(save),
                [saved](const jobs::result<jobs::job_record>& r) {
                  if (!r) {
                    const std::scoped_lock lock{saved->mutex};
                    saved->outcome = r.error();
                  }
                  saved->left.count_down();
                });
  saved->left.wait();
  if (!saves.empty())
    jobs::log(jobs::log_level::info, "jobs-adopted",
              {{"count", saves.size()}, {"boot", found.boot}});
  const std::scoped_lock lock{saved->mutex};
  return saved->outcome;
}

void actor_engine::state::start_actors(std::int64_t boot) {
  system = std::make_unique<caf::actor_system>(config);
  parts = std::make_shared<engine_parts>(engine_parts{
      settings,
      kinds,
      node,
      ledger,
      clock,
      board,
      hub,
      alarms,
      pauses,
      settings.random ? settings.random : [this] { return draw(); },
      boot,
      std::make_shared<address>(),
      {},
      [this](const jobs::job_record& job) { finish_after(job); }});
  for (const auto& [name, workers] : settings.pools) {
    parts->pools[name] = std::make_shared<address>();
    figures[name] = std::make_shared<pool_figures>();
    crews[name] = std::make_shared<worker_crew>(name, workers);
  }
  for (const auto& [name, workers] : settings.pools)
    parts->pools[name]->point_at(spawn(*system, run_worker_pool, parts,
                                       crews[name], workers, figures[name],
                                       parts->pools[name]));
  parts->registry->point_at(
      spawn(*system, run_server_registry, parts, std::function<void()>{[this] {
        const std::scoped_lock lock{drain_mutex};
        drained = true;
        drain_changed.notify_all();
      }}));
  let_any_thread_end_the_system();
}

void actor_engine::state::resume() {
  std::map<std::int64_t, std::vector<jobs::job_record>> by_server;
  for (auto& job : board.live_jobs())
    by_server[job.server_row].push_back(std::move(job));
  for (auto& [row, records] : by_server)
    parts->registry->send(adopt_jobs{
        key_of(row), std::make_shared<const std::vector<jobs::job_record>>(
                         std::move(records))});
}

double actor_engine::state::draw() {
  const std::scoped_lock lock{random_mutex};
  return std::uniform_real_distribution<double>{0.0, 1.0}(random);
}

void actor_engine::state::say(std::string text) {
  const std::scoped_lock lock{reason_mutex};
  reason = std::move(text);
}

void actor_engine::state::committed(
    const std::vector<jobs::event>& events,
    const std::vector<jobs::job_record>& records,
    const std::vector<jobs::server_ptr>& servers) {
  const auto views = board.apply(records, servers);
  hub.publish(events, views);
}

void actor_engine::state::forgotten(const std::vector<jobs::job_id>& ended) {
  board.forget(ended);
}

// -- stopping -----------------------------------------------------------------

void actor_engine::stop(std::chrono::milliseconds grace) {
  auto& s = *state_;
  const std::scoped_lock once{s.stop_mutex};
  if (std::exchange(s.stopped, true))
    return;
  const auto until = std::chrono::steady_clock::now() + grace;
  s.now_in = state::phase::stopping;
  s.say("alula is stopping");
  if (s.begun)
    s.ledger.ending(); // whoever ends us before we are done is no crash either
  bool drained = false;
  if (s.system) {
    s.parts->registry->send(drain{});
    std::unique_lock lock{s.drain_mutex};
    drained =
        s.drain_changed.wait_until(lock, until, [&] { return s.drained; });
    if (!drained)
      jobs::log(jobs::log_level::warning, "stop-grace-over",
                {{"workers", workers_left()}});
  }
  s.closing = true;
  s.hub.stop();
  s.alarms.stop();
  s.readers.stop();
  s.inspectors.stop();
  if (s.system) {
    // No actor may call the ledger after its end, so they go first. Their
    // addresses are closed: workers and callbacks that are late talk to nobody.
    s.parts->registry->dismiss_actor();
    for (const auto& [name, pool] : s.parts->pools)
      pool->dismiss_actor();
    for (const auto& [name, crew] : s.crews)
      crew->close();
    // Workers that have told their outcome still have to return, which takes
    // them microseconds.
    const auto back =
        std::chrono::steady_clock::now() + std::chrono::seconds{1};
    if (drained)
      for (const auto& [name, crew] : s.crews)
        crew->wait_idle(back);
    s.system.reset();
  }
  const std::unique_lock gate{s.ledger_gate};
  if (s.begun)
    s.ledger.end();
}

actor_engine::~actor_engine() {
  stop(std::chrono::milliseconds{0});
}

std::size_t actor_engine::workers_left() const {
  std::size_t busy = 0;
  for (const auto& [name, crew] : state_->crews)
    busy += crew->busy();
  return busy;
}

void actor_engine::look_at_clock() {
  state_->alarms.look();
}

bool actor_engine::is_ready() const {
  return state_->now_in == state::phase::ready;
}

std::string actor_engine::not_ready_reason() const {
  const std::scoped_lock lock{state_->reason_mutex};
  return state_->reason;
}

std::optional<jobs::fault> actor_engine::state::refusal() const {
  const auto where = now_in.load();
  if (where == phase::ready)
    return std::nullopt;
  if (where == phase::stopping)
    return stopping();
  return jobs::fault{.code = jobs::fault_code::starting,
                     .what = "alula is starting; ask again soon"};
}

} // namespace alula::actors
