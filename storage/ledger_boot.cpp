#include "storage/ledger_boot.hpp"

#include "jobs/log.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/migrator.hpp"

#include <fstream>
#include <set>
#include <string>

namespace alula::storage {

namespace {

std::string kernel_boot_id() {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  std::getline(file, id);
  return id;
}

/// True for a new ledger.
jobs::result<bool> last_boot_was_clean(database& db) {
  auto known = db.integer(ledger_sql("has_boots"));
  if (!known)
    return std::move(known).error();
  if (*known == 0)
    return true;
  auto last = db.ask(ledger_sql("last_boot_was_clean"));
  const bool clean = !last.next() || last.integer(0) != 0;
  if (auto ended = last.outcome(); !ended)
    return std::move(ended).error();
  return clean;
}

jobs::status look_for_damage(database& db, const ledger_settings& settings) {
  auto whole = db.quick_check(settings.check_limit);
  if (!whole)
    return std::move(whole).error();
  const auto file = settings.file.string();
  if (*whole)
    jobs::log(jobs::log_level::info, "ledger-checked", {{"file", file}});
  else
    jobs::log(jobs::log_level::warning, "ledger-check-not-finished",
              {{"file", file},
               {"after_ms", settings.check_limit.count()},
               {"found", "no damage so far"}});
  return {};
}

jobs::result<std::int64_t>
write_boot(database& db, const std::optional<last_words::end>& before,
           const ledger_settings& settings, jobs::time_ms now) {
  auto begun = transaction::begin(db);
  if (!begun)
    return std::move(begun).error();
  if (before) {
    auto noted = db.run(ledger_sql("boot_ends"), before->boot, before->at);
    if (!noted)
      return std::move(noted).error();
  }
  auto made = db.run(ledger_sql("insert_boot"), now, kernel_boot_id(),
                     settings.version);
  if (!made)
    return std::move(made).error();
  const auto boot = db.last_row();
  if (auto pruned = db.run(ledger_sql("prune_boots")); !pruned)
    return std::move(pruned).error();
  if (!settings.store_id.empty())
    if (auto named = db.run(ledger_sql("name_store"), settings.store_id);
        !named)
      return std::move(named).error();
  if (auto done = begun->commit(); !done)
    return std::move(done).error();
  return boot;
}

/// Whose volumes are back, and whose nobody purges.
jobs::status read_trash(database& db, jobs::recovery& found) {
  std::set<std::int64_t> restored;
  auto back = db.ask(ledger_sql("restored_trash"));
  while (back.next())
    restored.insert(back.integer(0));
  if (auto ended = back.outcome(); !ended)
    return ended;
  for (auto& job : found.jobs)
    if (restored.contains(job.row))
      job.run_at = 0;
  auto left = db.ask(ledger_sql("left_trash"));
  while (left.next())
    found.left_trash.push_back(jobs::job_id::parse(left.text(0)).value());
  if (auto ended = left.outcome(); !ended)
    return ended;
  return {};
}

jobs::status read_pauses(database& db, jobs::recovery& found) {
  auto paused = db.ask(ledger_sql("paused_pools"));
  while (paused.next())
    found.paused_pools.push_back(
        {paused.text(0), paused.integer(1), paused.text(2), paused.text(3)});
  return paused.outcome();
}

jobs::status read_alive(database& db, jobs::recovery& found) {
  auto servers = db.ask(ledger_sql("live_servers"));
  while (servers.next())
    found.servers.push_back(read_server(servers));
  if (auto ended = servers.outcome(); !ended)
    return ended;
  auto live = db.ask(ledger_sql("live_jobs"));
  while (live.next())
    found.jobs.push_back(read_job(live));
  if (auto ended = live.outcome(); !ended)
    return ended;
  for (auto& job : found.jobs)
    if (auto got = read_steps(db, ledger_sql("steps_of_job"), job); !got)
      return got;
  if (auto read = read_trash(db, found); !read)
    return read;
  if (auto read = read_pauses(db, found); !read)
    return read;
  auto ended_boots = db.ask(ledger_sql("ended_boots"));
  while (ended_boots.next())
    found.ended_boots.insert(ended_boots.integer(0));
  if (auto ended = ended_boots.outcome(); !ended)
    return ended;
  auto seq = db.integer(ledger_sql("last_event_seq"));
  if (!seq)
    return std::move(seq).error();
  found.last_event_seq = *seq;
  return {};
}

} // namespace

jobs::result<booted_ledger>
boot_ledger(const ledger_settings& settings,
            const std::optional<last_words::end>& before,
            const jobs::clock& clock) {
  auto opened = database::open(settings.file, database::access::write);
  if (!opened)
    return std::move(opened).error();
  booted_ledger booted{std::move(*opened), {}, 0};
  auto& db = booted.db;
  auto clean = last_boot_was_clean(db);
  if (!clean)
    return std::move(clean).error();
  booted.found.previous_was_clean = *clean;
  if (!*clean)
    if (auto sound = look_for_damage(db, settings); !sound)
      return std::move(sound).error();
  if (auto ready = migrate(db, embedded_migrations(), clock.now()); !ready)
    return std::move(ready).error();
  auto boot = write_boot(db, before, settings, clock.now());
  if (!boot)
    return std::move(boot).error();
  booted.found.boot = *boot;
  if (auto read = read_alive(db, booted.found); !read)
    return std::move(read).error();
  auto row = db.integer(ledger_sql("last_job_row"));
  if (!row)
    return std::move(row).error();
  booted.last_job_row = *row;
  return booted;
}

} // namespace alula::storage
