#include "actors/actor_engine.hpp"

#include "actors/engine_state.hpp"
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
    alarms(settings.uptime),
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
  s.start_actors(found->boot);
  s.resume();
  s.say({});
  s.now_in = state::phase::ready;
  return {};
}

jobs::status actor_engine::state::check_pools() const {
  for (const auto* kind : kinds.all())
    for (const auto& step : kind->steps) {
      const auto pool = settings.pools.find(std::string{step.pool});
      if (pool == settings.pools.end() || pool->second == 0)
        return jobs::fault{.what = std::string{kind->name}
                                   + " needs workers in " + "the pool \""
                                   + std::string{step.pool}
                                   + "\", and there are none"};
    }
  return {};
}

/// Every job that was running when the last boot ended belongs to this boot
/// before anything else happens (design 3). The ledger answers in one go.
jobs::status actor_engine::state::adopt(const jobs::recovery& found) {
  std::vector<jobs::save> saves;
  for (const auto& job : found.jobs) {
    if (job.state != jobs::job_state::running
        && job.state != jobs::job_state::cancelling)
      continue;
    auto decided = jobs::decide(
        job, jobs::happened::adopted{found.boot, !found.previous_was_clean},
        clock.now(), settings.keep);
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
      settings.random ? settings.random : [this] { return draw(); },
      boot,
      std::make_shared<address>(),
      {}});
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
  s.now_in = state::phase::stopping;
  s.say("alula is stopping");
  bool drained = false;
  if (s.system) {
    s.parts->registry->send(drain{});
    std::unique_lock lock{s.drain_mutex};
    drained = s.drain_changed.wait_for(lock, grace, [&] { return s.drained; });
    if (!drained)
      jobs::log(jobs::log_level::warning, "stop-grace-over",
                {{"workers", workers_left()}});
  }
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
    // Workers that have told their outcome still have to return.
    if (drained)
      for (const auto& [name, crew] : s.crews)
        crew->wait_idle(std::chrono::seconds{1});
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
    return jobs::fault{.code = jobs::fault_code::shutting_down,
                       .what = "alula is stopping; ask again when it is back"};
  return jobs::fault{.code = jobs::fault_code::starting,
                     .what = "alula is starting; ask again soon"};
}

// -- asking for jobs ----------------------------------------------------------

namespace {

jobs::result<jobs::job_draft> read_request(const jobs::kind& kind,
                                           const jobs::submission& request) {
  try {
    return kind.read(request);
  } catch (const std::exception& e) {
    return jobs::fault{.what = "reading a request for " + std::string{kind.name}
                               + " threw: " + e.what()};
  }
}

const jobs::register_server* registration(const jobs::job_draft& draft) {
  for (const auto& change : draft.changes)
    if (const auto* r = std::get_if<jobs::register_server>(&change))
      return r;
  return nullptr;
}

jobs::acceptance make_acceptance(const jobs::kind& kind, jobs::job_draft draft,
                                 const jobs::server_ptr& target,
                                 jobs::time_ms now) {
  jobs::acceptance what;
  what.job = jobs::plan(kind, draft, now);
  if (const auto* fresh = registration(draft)) {
    what.job.server = fresh->uuid; // the ledger gives the row
  } else if (target) {
    what.job.server = target->uuid;
    what.job.server_row = target->row;
  }
  what.changes = std::move(draft.changes);
  what.locks = std::move(draft.locks);
  return what;
}

} // namespace

void actor_engine::submit(
    jobs::submission what,
    std::function<void(jobs::result<jobs::ticket>)> done) {
  auto& s = *state_;
  const ticket_answer answer{std::move(done)};
  if (auto why = s.refusal()) {
    s.refuse(answer, *std::move(why));
    return;
  }
  const auto* kind = s.kinds.find(what.kind);
  if (!kind) {
    s.refuse(answer, {.code = jobs::fault_code::not_implemented,
                      .what = "there is no kind of job called \""
                              + std::string{what.kind} + "\""});
    return;
  }
  if (!what.server.empty() && what.subject.empty())
    what.target = s.board.find_server(what.server);
  auto draft = read_request(*kind, what);
  if (!draft) {
    s.refuse_unless_taken_before(what.key, std::move(draft).error(), answer);
    return;
  }
  if (!what.server.empty() && what.subject.empty() && !what.target
      && !registration(*draft)) {
    s.refuse_unless_taken_before(
        what.key,
        {.code = jobs::fault_code::server_not_found,
         .what =
             "there is no server " + what.server.to_string() + " on this node"},
        answer);
    return;
  }
  auto accepted =
      make_acceptance(*kind, *std::move(draft), what.target, s.clock.now());
  accepted.key = std::move(what.key);
  if (what.subject.empty())
    s.accept(std::move(accepted), {}, answer);
  else
    s.submit_about(std::move(accepted), what.subject, answer);
}

/// What is refused now may have been taken before the world moved on: then the
/// key leads to the job of then.
void actor_engine::state::refuse_unless_taken_before(
    const std::optional<jobs::idempotency>& key, jobs::fault why,
    ticket_answer done) {
  if (!key) {
    refuse(done, std::move(why));
    return;
  }
  read<jobs::ticket>(
      std::move(done),
      [this, key = *key, why = std::move(why)]() -> jobs::result<jobs::ticket> {
        auto found = queries.find_by_key(key);
        if (!found)
          return std::move(found).error();
        if (!*found)
          return why;
        return jobs::ticket{newest_view(**std::move(found)),
                            jobs::accept_outcome::replayed};
      });
}

void actor_engine::state::accept(jobs::acceptance what,
                                 const jobs::job_id& subject,
                                 ticket_answer done) {
  parts->registry->send(
      start_job{std::make_shared<const jobs::acceptance>(std::move(what)),
                subject, std::move(done)});
}

/// The job works on the server of another job, which may have ended, with a
/// server that is not live any more.
void actor_engine::state::submit_about(jobs::acceptance what,
                                       const jobs::job_id& subject,
                                       ticket_answer done) {
  look_up(subject, [this, what = std::move(what), subject,
                    done](const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      done(jobs::fault{.code = jobs::fault_code::trash_not_found,
                       .what = "nothing of a job " + subject.to_string()
                               + " lies in the trash"});
      return;
    }
    auto whole = what;
    whole.job.server = found.value()->record().server;
    whole.job.server_row = found.value()->record().server_row;
    accept(std::move(whole), subject, done);
  });
}

void actor_engine::state::submit_again(const jobs::job_record& failed,
                                       ticket_answer done) {
  const auto impossible = [&](const std::string& why) {
    done(jobs::fault{.code = jobs::fault_code::not_parked,
                     .what = "job " + failed.id.to_string()
                             + " cannot be tried again by itself: " + why});
  };
  const auto* kind = kinds.find(failed.kind);
  if (!kind) {
    impossible("this release does not know " + failed.kind);
    return;
  }
  jobs::submission like;
  like.kind = kind->name;
  like.server = failed.server;
  like.body = failed.input;
  like.target = board.find_server(failed.server);
  if (!like.target || like.target->row != failed.server_row) {
    impossible("its server is gone; send the request again");
    return;
  }
  auto draft = read_request(*kind, like);
  if (!draft) {
    impossible(draft.error().what + "; send the request again");
    return;
  }
  auto what =
      make_acceptance(*kind, *std::move(draft), like.target, clock.now());
  what.job.retry_of = failed.id;
  accept(std::move(what), {}, std::move(done));
}

void actor_engine::retry(jobs::job_id id,
                         std::function<void(jobs::result<jobs::ticket>)> done) {
  auto& s = *state_;
  const ticket_answer answer{std::move(done)};
  if (auto why = s.refusal()) {
    s.refuse(answer, *std::move(why));
    return;
  }
  s.look_up(id, [&s, answer](const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      answer(found.error());
      return;
    }
    const auto& job = found.value()->record();
    if (job.state == jobs::job_state::failed)
      s.submit_again(job, answer);
    else if (job.is_done())
      answer(jobs::fault{.code = jobs::fault_code::not_parked,
                         .what = "the job has "
                                 + std::string{to_string(job.state)}});
    else
      s.parts->registry->send(
          retry_job{key_of(job.server_row), job.id, answer});
  });
}

void actor_engine::cancel(
    jobs::job_id id,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  auto& s = *state_;
  const view_answer answer{std::move(done)};
  if (auto why = s.refusal()) {
    s.refuse(answer, *std::move(why));
    return;
  }
  s.look_up(id, [&s, answer](const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      answer(found.error());
      return;
    }
    const auto& job = found.value()->record();
    if (job.is_done())
      answer(jobs::fault{.code = jobs::fault_code::already_finished,
                         .what = "the job has already "
                                 + std::string{to_string(job.state)}});
    else
      s.parts->registry->send(
          cancel_job{key_of(job.server_row), job.id, answer});
  });
}

void actor_engine::abandon(
    jobs::job_id id, std::string reason,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  auto& s = *state_;
  const view_answer answer{std::move(done)};
  if (auto why = s.refusal()) {
    s.refuse(answer, *std::move(why));
    return;
  }
  s.look_up(id, [&s, answer, reason = std::move(reason)](
                    const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      answer(found.error());
      return;
    }
    const auto& job = found.value()->record();
    if (job.is_done())
      answer(jobs::fault{.code = jobs::fault_code::not_parked,
                         .what = "only a parked job can be abandoned; this one "
                                 "has "
                                 + std::string{to_string(job.state)}});
    else
      s.parts->registry->send(
          abandon_job{key_of(job.server_row), job.id, reason, answer});
  });
}

} // namespace alula::actors
