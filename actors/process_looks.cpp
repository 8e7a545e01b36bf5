// The part of the process board that asks dockerd what is true.
#include "actors/process_core.hpp"
#include "jobs/log.hpp"

#include <set>
#include <utility>

namespace alula::actors {

using jobs::process_state;

namespace {

/// dockerd's events, as hints: the container's name is the server's uuid.
template<class Core>
class docker_events final : public jobs::container_event_listener {
public:
  explicit docker_events(std::weak_ptr<Core> core) : core_(std::move(core)) {}

  void changed(std::string_view name, std::string_view,
               std::string_view what) override {
    const auto id = jobs::server_id::parse(name);
    const auto core = core_.lock();
    if (!id || !core || core->stopped)
      return;
    const bool matters =
        what == "start" || what == "die" || what == "destroy" || what == "oom";
    if (!matters)
      return;
    auto e = core->find(*id);
    if (!e && what == "start" && core->record_of(*id))
      e = core->entry_of(*id);
    if (e)
      core->look_soon(e);
  }

  void missed() override {
    const auto core = core_.lock();
    if (core && !core->stopped)
      core->look_at_all_soon(Core::occasion::hints_lost);
  }

  void away(const jobs::fault& why) override {
    const auto core = core_.lock();
    if (!core || core->stopped)
      return;
    for (const auto& e : core->all()) {
      const entry_lock lock{e->mutex};
      if (e->state != process_state::offline)
        core->mark_unresponsive(*e, why.what);
    }
    std::function<void()> tell;
    {
      const std::scoped_lock lock{core->mutex};
      tell = core->news.docker_away;
    }
    if (tell)
      tell();
  }

private:
  const std::weak_ptr<Core> core_;
};

} // namespace

void process_board::start(process_news tell) {
  {
    const std::scoped_lock lock{core_->mutex};
    core_->news = std::move(tell);
  }
  core_->streams.watch(std::make_shared<docker_events<core>>(core_));
  core_->look_at_all_later();
}

void process_board::look_at_clock() {
  core_->alarms.look();
}

void process_board::note_running(const std::set<jobs::server_id>& all) {
  core_->note_listed(all);
}

jobs::result<bool> process_board::take_over(const jobs::server_record& server) {
  const auto e = core_->entry_of(server.uuid);
  {
    const entry_lock lock{e->mutex};
    core_->configure(*e, server);
  }
  return core_->look(e);
}

void process_board::core::look_soon(const process_entry_ptr& e) {
  {
    const entry_lock lock{e->mutex};
    if (e->look_queued || e->forgotten || stopped)
      return;
    e->look_queued = true;
  }
  lookers.run([self = shared_from_this(), e] {
    {
      const entry_lock lock{e->mutex};
      e->look_queued = false;
    }
    if (!self->stopped)
      (void)self->look(e);
  });
}

void process_board::core::look_later(const process_entry_ptr& e) {
  const entry_lock lock{e->mutex};
  if (e->look_alarm != 0 || e->forgotten || stopped)
    return;
  e->look_alarm = alarms.arm(settings.look_again, [weak = weak_from_this(), e] {
    {
      const entry_lock ringing{e->mutex};
      e->look_alarm = 0;
    }
    if (const auto self = weak.lock())
      self->look_soon(e);
  });
}

void process_board::core::mark_unresponsive(process_entry& e,
                                            std::string_view why) {
  e.unresponsive_why = why;
  if (std::exchange(e.unresponsive, true))
    return;
  e.unresponsive_since = clock.now();
  jobs::log(jobs::log_level::warning, "server-unresponsive",
            {{"server", e.id.view()}});
}

void process_board::core::mark_responsive(process_entry& e) {
  if (std::exchange(e.unresponsive, false))
    jobs::log(jobs::log_level::info, "server-responsive",
              {{"server", e.id.view()}});
}

/// Whether it runs. Who holds the container at the moment, a step that makes
/// or stops it, is not disturbed: only what was watched can have ended.
jobs::result<bool> process_board::core::look(const process_entry_ptr& e) {
  const auto found = containers.inspect(e->id.view());
  if (!found) {
    // A slow start, say, holds the container's turn: that is an answer to come.
    const bool is_busy = found.error().code == jobs::fault_code::container_busy;
    bool matters = false;
    {
      const entry_lock lock{e->mutex};
      const bool up = e->state != process_state::offline;
      matters = up || !is_known(*e);
      if (!is_busy && up)
        mark_unresponsive(*e, found.error().what);
      else if (!is_busy)
        mark_responsive(*e);
    }
    if (matters)
      look_later(e);
    return found.error();
  }
  {
    const entry_lock lock{e->mutex};
    mark_responsive(*e);
  }
  const bool runs = *found && (*found)->running;
  if (runs)
    found_running(e, **found);
  else
    found_ended(e, *found);
  const entry_lock lock{e->mutex};
  e->known = true;
  return runs;
}

/// It is told as running when its console is listened to: whoever hears that
/// may write there at once.
void process_board::core::found_running(const process_entry_ptr& e,
                                        const jobs::container_info& info) {
  bool attached = false;
  {
    const entry_lock lock{e->mutex};
    if (e->forgotten || stopped)
      return;
    attached = e->attached;
  }
  if (!attached)
    attached = attach_found(e);
  bool is_news = false, has_ended = false;
  {
    const entry_lock lock{e->mutex};
    if (e->forgotten || stopped)
      return;
    if (info.started_at > 0)
      e->started_at = info.started_at;
    // Nobody of ours has started it: it counts as up (wings-protocol 9.2).
    is_news = e->state == process_state::offline;
    if (is_news)
      change_state(*e, process_state::running);
    has_ended = attached && !e->attached;
  }
  if (is_news)
    tell_found_up(e->id);
  if (has_ended) // meanwhile, when it did not count as running yet
    look_soon(e);
}

/// Whether its console is listened to; if not, it is tried again later.
bool process_board::core::attach_found(const process_entry_ptr& e) {
  const auto record = record_of(e->id);
  jobs::server_record known;
  known.uuid = e->id;
  const auto made = attach(e, record ? *record : known);
  if (!made) {
    jobs::log(jobs::log_level::warning, "console-not-attached",
              {{"server", e->id.view()}, {"why", made.error().what}});
    look_later(e);
  }
  return made.has_value();
}

void process_board::core::found_ended(
    const process_entry_ptr& e,
    const std::optional<jobs::container_info>& info) {
  std::optional<jobs::process_end> crash;
  {
    const entry_lock lock{e->mutex};
    const bool not_begun = info && info->status == "created";
    if (e->state == process_state::offline || !e->watched || not_begun
        || e->forgotten || stopped)
      return;
    if (e->state != process_state::stopping)
      crash = info ? jobs::process_end{info->exit_code, info->oom_killed}
                   : jobs::process_end{.exit_code = 1};
    change_state(*e, process_state::offline);
  }
  streams.detach(e->id.view());
  if (!crash)
    return;
  std::function<void(const jobs::server_id&, const jobs::process_end&)> tell;
  {
    const std::scoped_lock lock{mutex};
    tell = news.crashed;
  }
  if (tell)
    tell(e->id, *crash);
}

/// Never two at once: the time waits for its next turn, and hints that were
/// lost while dockerd was listing are worth another list.
void process_board::core::look_at_all_soon(occasion why) {
  {
    const std::scoped_lock lock{mutex};
    if (std::exchange(is_listing, true)) {
      list_anew = list_anew || why == occasion::hints_lost;
      return;
    }
    list_anew = why == occasion::hints_lost;
  }
  lookers.run([self = shared_from_this()] { self->look_at_all(); });
}

void process_board::core::look_at_all_later() {
  alarms.arm(settings.list_again, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stopped)
      return;
    self->look_at_all_later();
    self->look_at_all_soon(occasion::time);
  });
}

void process_board::core::look_at_all() {
  while (true) {
    bool is_awaited = false;
    {
      const std::scoped_lock lock{mutex};
      is_awaited = std::exchange(list_anew, false);
    }
    try {
      // Nobody has said that anything happened: the next turn will do.
      if (!look_at_list() && is_awaited)
        for (const auto& e : all())
          look_later(e);
    } catch (...) {
      // The thread says so; the next turn lists again.
      const std::scoped_lock lock{mutex};
      is_listing = false;
      throw;
    }
    const std::scoped_lock lock{mutex};
    if (!list_anew || stopped) {
      is_listing = false;
      return;
    }
  }
}

/// One call for all of them; only those that are not as they should be are
/// looked at one by one. False when dockerd did not answer, or is not to be
/// asked any more: a stop waits for what is queued here.
bool process_board::core::look_at_list() {
  if (stopped)
    return false;
  const auto listed = containers.list(stopping.get_token());
  if (!listed)
    return false;
  std::set<jobs::server_id> running;
  for (const auto& info : *listed) {
    const auto id = jobs::server_id::parse(info.name);
    if (!id || (!find(*id) && !record_of(*id)))
      continue;
    if (info.running)
      running.insert(*id);
    else if (containers.silence_of(info.name))
      (void)entry_of(*id); // one that never ran here is looked at as well
  }
  note_listed(running);
  for (const auto& e : all()) {
    // Its circuit is closed by an answer only, and nobody else may ask.
    bool differs = containers.silence_of(e->id.view()).has_value();
    {
      const entry_lock lock{e->mutex};
      const bool up = e->state != process_state::offline;
      differs = differs || e->unresponsive || up != running.contains(e->id)
                || (up && !e->attached);
    }
    if (differs)
      look_soon(e);
  }
  return true;
}

} // namespace alula::actors
