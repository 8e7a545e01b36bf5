#include "actors/process_board.hpp"

#include "actors/process_core.hpp"
#include "jobs/server_config.hpp"

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace alula::actors {

using jobs::process_state;
using std::chrono::milliseconds;

// -- entries ------------------------------------------------------------------

process_entry_ptr process_board::core::entry_of(const jobs::server_id& server) {
  const std::scoped_lock lock{mutex};
  auto& entry = entries[server];
  if (!entry)
    entry = std::make_shared<process_entry>(server);
  return entry;
}

process_entry_ptr
process_board::core::find(const jobs::server_id& server) const {
  const std::scoped_lock lock{mutex};
  const auto at = entries.find(server);
  return at == entries.end() ? nullptr : at->second;
}

std::vector<process_entry_ptr> process_board::core::all() const {
  const std::scoped_lock lock{mutex};
  std::vector<process_entry_ptr> out;
  for (const auto& [id, entry] : entries)
    out.push_back(entry);
  return out;
}

jobs::server_ptr
process_board::core::record_of(const jobs::server_id& server) const {
  std::function<jobs::server_ptr(const jobs::server_id&)> ask;
  {
    const std::scoped_lock lock{mutex};
    ask = news.find;
  }
  return ask ? ask(server) : nullptr;
}

jobs::process_usage
process_board::core::usage_of(const process_entry& e) const {
  const bool up = e.state != process_state::offline && e.started_at != 0;
  return {.sample = e.sample,
          .uptime_ms =
              up ? std::max<jobs::time_ms>(0, clock.now() - e.started_at) : 0,
          .disk_bytes = e.disk_bytes,
          .state = e.state,
          .unresponsive = e.unresponsive,
          .is_known = is_known(e),
          .unresponsive_since = e.unresponsive ? e.unresponsive_since : 0,
          .unresponsive_why =
              e.unresponsive ? e.unresponsive_why : std::string{}};
}

/// A call that hung says so before anybody looks, also of one that is off.
jobs::process_usage
process_board::core::with_silence(jobs::process_usage usage,
                                  const jobs::server_id& server) const {
  const auto silence = containers.silence_of(server.view());
  if (!silence)
    return usage;
  const auto since = clock.now() - silence->lasted.count();
  if (!usage.unresponsive || since < usage.unresponsive_since) {
    usage.unresponsive_since = since;
    usage.unresponsive_why = silence->why;
  }
  usage.unresponsive = true;
  return usage;
}

bool process_board::core::is_known(const process_entry& e) const {
  return e.known || (has_list && !e.listed);
}

void process_board::core::note_listed(
    const std::set<jobs::server_id>& running) {
  for (const auto& id : running) {
    const auto e = entry_of(id);
    const entry_lock lock{e->mutex};
    e->listed = true;
  }
  has_list = true;
}

void process_board::core::tell_stop_typed(const jobs::server_id& server) const {
  std::function<void(const jobs::server_id&)> tell;
  {
    const std::scoped_lock lock{mutex};
    tell = news.stop_typed;
  }
  if (tell)
    tell(server);
}

void process_board::core::tell_found_up(const jobs::server_id& server) const {
  std::function<void(const jobs::server_id&)> tell;
  {
    const std::scoped_lock lock{mutex};
    tell = news.found_up;
  }
  if (tell)
    tell(server);
}

void process_board::core::change_state(process_entry& e, process_state now) {
  e.known = true;
  if (e.state == now || e.forgotten || stopped)
    return;
  if (e.state == process_state::offline && e.started_at == 0)
    e.started_at = clock.now();
  const auto before = std::exchange(e.state, now);
  if (now == process_state::offline) {
    const auto limit = e.sample.memory_limit_bytes;
    e.sample = {};
    e.sample.memory_limit_bytes = limit;
    e.started_at = 0;
    e.watched = false;
    e.attached = false;
    ++e.attachment;
    e.over_quota = false;
  }
  e.changed.notify_all();
  audience.announce(e.id, "status", {std::string{to_string(now)}});
  if (now == process_state::offline)
    audience.announce(e.id, "stats", {to_json(usage_of(e))});
  if (state_changed)
    state_changed(e.id, before, now);
}

void process_board::core::configure(process_entry& e,
                                    const jobs::server_record& server) {
  const auto config = jobs::parse_server_config(server.config);
  if (!config)
    return;
  e.up = startup_match{config->startup.done, config->startup.strip_ansi};
  e.stop_command = jobs::how_to_stop(*config).command;
  e.quota = config->disk_bytes();
}

void process_board::core::print(process_entry& e, std::string line) {
  e.line_bytes += line.size();
  audience.announce(e.id, "console output", {line});
  e.lines.push_back(std::move(line));
  while (e.lines.size() > settings.remembered_lines
         || (e.line_bytes > settings.remembered_bytes && e.lines.size() > 1)) {
    e.line_bytes -= e.lines.front().size();
    e.lines.pop_front();
  }
}

/// In the colours of Wings (wings-protocol 5.6).
void process_board::core::notice(process_entry& e, std::string_view text) {
  print(e, "\x1b[33m\x1b[1m[" + settings.app_name + " Daemon]:\x1b[39m "
               + std::string{text} + "\x1b[0m");
}

bool process_board::core::may_print(process_entry& e) {
  const auto now = alarms.uptime();
  if (now - e.window >= settings.throttle_interval.count()) {
    e.throttled = e.throttled && e.in_window > settings.throttle_lines;
    e.window = now;
    e.in_window = 0;
  }
  return ++e.in_window <= settings.throttle_lines;
}

// -- its life -----------------------------------------------------------------

process_board::process_board(process_settings settings,
                             jobs::containers& containers,
                             jobs::container_streams& streams,
                             jobs::volumes& volumes, jobs::audience& audience,
                             const jobs::clock& clock,
                             alarm_clock::reading uptime)
  : core_(std::make_shared<core>(std::move(settings), containers, streams,
                                 volumes, audience, clock, std::move(uptime))) {
}

process_board::~process_board() {
  stop();
}

void process_board::tell_changes(state_listener to) {
  core_->state_changed = std::move(to);
}

void process_board::stop() {
  auto& c = *core_;
  if (c.stopped.exchange(true))
    return;
  c.stopping.request_stop();
  c.streams.stop_watching();
  c.alarms.stop();
  c.lookers.stop();
  c.measurers.stop();
  for (const auto& e : c.all()) {
    c.streams.detach(e->id.view());
    // A listener that is in the middle of something leaves before this.
    const entry_lock lock{e->mutex};
    ++e->attachment;
    e->changed.notify_all();
  }
}

void process_board::settle() {
  // Twice: a look may queue another.
  for (int round = 0; round < 2; ++round)
    for (auto* threads : {&core_->lookers, &core_->measurers}) {
      std::mutex mutex;
      std::condition_variable done;
      std::size_t left =
          threads == &core_->lookers ? core_->settings.lookers : 1;
      const auto all = left;
      std::size_t here = 0;
      for (std::size_t i = 0; i < all; ++i)
        threads->run([&] {
          std::unique_lock lock{mutex};
          ++here;
          done.notify_all();
          done.wait(lock, [&] { return here == all; });
          --left;
          done.notify_all();
        });
      std::unique_lock lock{mutex};
      done.wait(lock, [&] { return left == 0; });
    }
}

// -- the port -----------------------------------------------------------------

process_state process_board::state(const jobs::server_id& server) const {
  const auto e = core_->find(server);
  if (!e)
    return process_state::offline;
  const entry_lock lock{e->mutex};
  return e->state;
}

jobs::process_usage process_board::usage(const jobs::server_id& server) const {
  const auto e = core_->find(server);
  if (!e) {
    jobs::process_usage nothing;
    nothing.is_known = core_->has_list;
    return core_->with_silence(std::move(nothing), server);
  }
  jobs::process_usage usage;
  {
    const entry_lock lock{e->mutex};
    usage = core_->usage_of(*e);
  }
  return core_->with_silence(std::move(usage), server);
}

std::vector<std::string>
process_board::recent_lines(const jobs::server_id& server,
                            std::size_t most) const {
  const auto e = core_->find(server);
  if (!e)
    return {};
  const entry_lock lock{e->mutex};
  const auto skipped = e->lines.size() > most ? e->lines.size() - most : 0;
  return {e->lines.begin() + static_cast<std::ptrdiff_t>(skipped),
          e->lines.end()};
}

jobs::result<std::vector<std::string>>
process_board::log(const jobs::server_id& server, std::size_t most) {
  return core_->streams.log_tail(server.view(), most);
}

jobs::status process_board::write(const jobs::server_id& server,
                                  std::string_view line) {
  const auto e = core_->entry_of(server);
  bool is_stop = false;
  auto before = process_state::offline;
  {
    const entry_lock lock{e->mutex};
    if (!e->attached)
      return jobs::fault{.code = jobs::fault_code::docker_refused,
                         .what = "the console of server " + server.to_string()
                                 + " is not attached: it does not run"};
    const bool up = e->state == process_state::running
                    || e->state == process_state::starting;
    before = e->state;
    // What ends it now was wanted.
    is_stop = up && !e->stop_command.empty() && line == e->stop_command;
    if (is_stop)
      core_->change_state(*e, process_state::stopping);
  }
  auto written = core_->streams.write(server.view(), std::string{line} + '\n');
  if (is_stop && written)
    core_->tell_stop_typed(server);
  if (is_stop && !written) {
    // It has heard nothing, and runs on.
    const entry_lock lock{e->mutex};
    if (e->state == process_state::stopping)
      core_->change_state(*e, before);
  }
  return written;
}

void process_board::set_state(const jobs::server_id& server,
                              process_state now) {
  const auto e = core_->entry_of(server);
  bool was_attached = false;
  {
    const entry_lock lock{e->mutex};
    was_attached = e->attached;
    core_->change_state(*e, now);
  }
  if (was_attached && now == process_state::offline)
    core_->streams.detach(server.view());
}

jobs::status process_board::attach(const jobs::server_record& server) {
  return core_->attach(core_->entry_of(server.uuid), server);
}

void process_board::configure(const jobs::server_record& server) {
  const auto e = core_->entry_of(server.uuid);
  const entry_lock lock{e->mutex};
  core_->configure(*e, server);
}

bool process_board::await_offline(const jobs::server_id& server,
                                  milliseconds limit, std::stop_token stop) {
  const auto e = core_->find(server);
  if (!e)
    return true;
  entry_lock lock{e->mutex};
  const auto offline = [&] {
    return e->state == process_state::offline || core_->stopped.load();
  };
  e->changed.wait_for(lock, stop, limit, offline);
  return e->state == process_state::offline;
}

void process_board::say(const jobs::server_id& server,
                        std::string_view notice) {
  const auto e = core_->entry_of(server);
  const entry_lock lock{e->mutex};
  core_->notice(*e, notice);
}

void process_board::set_disk_usage(const jobs::server_id& server,
                                   std::int64_t bytes) {
  const auto e = core_->entry_of(server);
  const entry_lock lock{e->mutex};
  e->disk_bytes = bytes;
  e->disk_at = std::max<jobs::time_ms>(core_->alarms.uptime(), 1);
}

void process_board::forget(const jobs::server_id& server) {
  process_entry_ptr e;
  {
    const std::scoped_lock lock{core_->mutex};
    const auto at = core_->entries.find(server);
    if (at == core_->entries.end())
      return;
    e = at->second;
    core_->entries.erase(at);
  }
  core_->streams.detach(server.view());
  const entry_lock lock{e->mutex};
  e->forgotten = true;
  e->state = process_state::offline;
  ++e->attachment;
  e->changed.notify_all();
}

} // namespace alula::actors
