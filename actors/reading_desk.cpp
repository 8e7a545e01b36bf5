#include "actors/reading_desk.hpp"

#include "actors/reading_desk_answers.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

namespace alula::actors {

namespace {

constexpr std::size_t page_size = 1'000;

jobs::fault unknown(const jobs::backup_id& backup) {
  return {.code = jobs::fault_code::backup_not_found,
          .what =
              "there is no backup " + backup.to_string() + " of this server"};
}

bool is_of(const jobs::backup_record& backup, const jobs::server_id& server) {
  return server.empty() || backup.server.empty() || backup.server == server;
}

} // namespace

reading_desk::reading_desk(desk_settings settings, jobs::archives& archives,
                           jobs::queries& queries, jobs::ledger& ledger,
                           const jobs::far_places* far,
                           std::vector<watched_place> places)
  : archives_(archives), queries_(queries), ledger_(ledger), far_(far),
    places_(std::move(places)), answers_("alula-replies", 1, 0),
    contents_("alula-contents", settings.content_threads, settings.waiting),
    fetching_("alula-fetch", settings.fetch_threads, settings.waiting),
    threads_("alula-desk", settings.threads, settings.waiting) {}

reading_desk::~reading_desk() {
  stop();
}

void reading_desk::stop() {
  closing_ = true;
  stop_.request_stop();
  contents_.stop();
  threads_.stop();
  fetching_.stop();
  std::unique_lock lock{mutex_};
  stopped_ = true;
  changed_.wait(lock, [this] { return ledger_calls_ == 0; });
}

std::shared_ptr<void> reading_desk::ledger_call() {
  const std::scoped_lock lock{mutex_};
  if (stopped_)
    return nullptr;
  ++ledger_calls_;
  return {static_cast<void*>(this), [this](void*) {
            const std::scoped_lock ended{mutex_};
            --ledger_calls_;
            changed_.notify_all();
          }};
}

bool reading_desk::run(std::function<void()> what) {
  return contents_.run(std::move(what), jobs::log_context{});
}

void reading_desk::find(
    jobs::server_id server, jobs::backup_id backup,
    std::function<void(jobs::result<jobs::backup_record>)> done) {
  const answer_once<jobs::backup_record> once{std::move(done)};
  const auto look = [this, server, backup, once] {
    if (closing_) {
      once(stopping());
      return;
    }
    auto known = queries_.find_backup(backup);
    if (!known) {
      once(std::move(known).error());
    } else if (*known) {
      if (!is_of(**known, server))
        once(unknown(backup));
      else if (auto newer = newer_than(**known))
        record_found(server, *std::move(newer), once);
      else
        once(**std::move(known));
    } else if (auto file = archives_.inspect(backup); !file) {
      once(std::move(file).error());
    } else if (!*file
               || (!(*file)->server.empty() && !server.empty()
                   && (*file)->server != server)) {
      once(unknown(backup));
    } else {
      record_found(server, **std::move(file), once);
    }
  };
  if (!threads_.run(look, once.whose()))
    refuse(once);
}

/// The archive of one that nobody has read to its end, when another one than is
/// on record lies there by now: it was still being written.
std::optional<jobs::archive_file>
reading_desk::newer_than(const jobs::backup_record& known) {
  if (!jobs::is_unread(known) || !known.is_local || known.lost_at != 0)
    return std::nullopt;
  auto file = archives_.inspect(known.uuid);
  if (!file || !*file || !jobs::is_outdated_by(known, **file))
    return std::nullopt;
  return **std::move(file);
}

/// It was put into the directory, or written to, since the last scan.
void reading_desk::record_found(const jobs::server_id& server,
                                jobs::archive_file file,
                                const answer_once<jobs::backup_record>& done) {
  const auto backup = file.backup;
  const auto call = ledger_call();
  if (!call) {
    done(stopping());
    return;
  }
  ledger_.amend(
      {jobs::record_found_backup{std::move(file)}},
      [this, server, backup, done, call](const jobs::status& recorded) {
        if (!recorded) {
          reply<jobs::backup_record>(done, recorded.error());
          return;
        }
        // The ledger's thread reads nothing.
        const auto look = [this, server, backup, done] {
          auto known = queries_.find_backup(backup);
          if (!known)
            done(std::move(known).error());
          else if (*known && is_of(**known, server))
            done(**std::move(known));
          else
            done(unknown(backup));
        };
        if (!threads_.run(look, done.whose()))
          refuse(done);
      });
}

void reading_desk::list(
    jobs::backup_filter filter, std::int64_t before, std::size_t limit,
    std::function<void(jobs::result<jobs::backup_page>)> done) {
  answer<jobs::backup_page>(std::move(done), [this, filter, before, limit] {
    return queries_.list_backups(filter, before, limit);
  });
}

jobs::result<std::vector<jobs::backup_record>>
reading_desk::all_of(const jobs::backup_filter& filter) {
  std::vector<jobs::backup_record> all;
  for (std::int64_t before = 0;;) {
    auto page = queries_.list_backups(filter, before, page_size);
    if (!page)
      return std::move(page).error();
    all.insert(all.end(), std::make_move_iterator(page->items.begin()),
               std::make_move_iterator(page->items.end()));
    before = page->next_before;
    if (before == 0)
      return all;
  }
}

void reading_desk::usage(
    std::function<void(jobs::result<jobs::backup_usage>)> done) {
  using answer_type = jobs::result<jobs::backup_usage>;
  answer<jobs::backup_usage>(std::move(done), [this]() -> answer_type {
    auto all = all_of({});
    if (!all)
      return std::move(all).error();
    auto disk = archives_.space();
    if (!disk)
      return std::move(disk).error();
    std::map<jobs::server_id, jobs::backup_usage::per_server> by_server;
    jobs::backup_usage usage{.disk = *disk};
    for (const auto& b : *all) {
      if (b.state != jobs::backup_state::ready || b.lost_at != 0)
        continue;
      auto& of = by_server[b.server];
      of.server = b.server;
      of.server_lives = b.server_lives;
      ++of.backups;
      of.bytes += b.facts.size;
      ++usage.backups;
      usage.bytes += b.facts.size;
      const auto here = b.is_local ? b.facts.size : 0;
      of.local_bytes += here;
      usage.local_bytes += here;
      if (const auto at = jobs::last_read_at(b);
          jobs::is_readable(b)
          && (usage.oldest_read_at == 0 || at < usage.oldest_read_at))
        usage.oldest_read_at = at;
      if (!b.damage.empty() || jobs::is_missed_by_panel(b))
        continue;
      of.newest_at = std::max(of.newest_at, b.completed_at);
      if (b.verified_at != 0)
        of.newest_verified = std::max(of.newest_verified, b.completed_at);
    }
    for (auto& [server, of] : by_server)
      usage.servers.push_back(of);
    for (const auto& place : places_)
      if (const auto space = place.space())
        usage.places.push_back({place.holds, *space});
    return usage;
  });
}

void reading_desk::amend(jobs::change what,
                         std::function<void(jobs::status)> done) {
  const answer_once<void> once{std::move(done)};
  if (const auto call = ledger_call())
    ledger_.amend({std::move(what)}, [this, once, call](jobs::status s) {
      reply<void>(once, std::move(s));
    });
  else
    refuse(once);
}

void reading_desk::pin(jobs::backup_id backup, bool pinned,
                       std::function<void(jobs::status)> done) {
  amend(jobs::pin_backup{backup, pinned}, std::move(done));
}

void reading_desk::set_rotation(jobs::server_id server,
                                std::optional<jobs::rotation_policy> policy,
                                std::function<void(jobs::status)> done) {
  amend(jobs::set_rotation{server, policy ? jobs::to_json(*policy) : ""},
        std::move(done));
}

void reading_desk::plan_rotation(
    jobs::server_id server, jobs::rotation_policy policy,
    std::function<void(jobs::result<std::vector<jobs::rotation_choice>>)>
        done) {
  using choices = std::vector<jobs::rotation_choice>;
  answer<choices>(std::move(done),
                  [this, server, policy]() -> jobs::result<choices> {
                    auto all = all_of({.server = server});
                    if (!all)
                      return std::move(all).error();
                    return jobs::choose_for_rotation(*std::move(all), policy);
                  });
}

void reading_desk::find_undoable(
    std::vector<jobs::job_id> restores,
    std::function<void(jobs::result<std::vector<jobs::replaced_tree>>)> done) {
  using trees = std::vector<jobs::replaced_tree>;
  answer<trees>(std::move(done),
                [this, asked = std::move(restores)]() -> jobs::result<trees> {
                  trees out;
                  for (const auto& restore : asked) {
                    auto tree = queries_.find_replaced(restore);
                    if (!tree)
                      return std::move(tree).error();
                    if (*tree && (*tree)->can_be_taken_back())
                      out.push_back(**std::move(tree));
                  }
                  return out;
                });
}

void reading_desk::burn_token(std::string id, jobs::time_ms expires_at,
                              std::function<void(jobs::result<bool>)> done) {
  const answer_once<bool> once{std::move(done)};
  if (const auto call = ledger_call())
    ledger_.burn_token(std::move(id), expires_at,
                       [this, once, call](jobs::result<bool> burnt) {
                         reply<bool>(once, std::move(burnt));
                       });
  else
    refuse(once);
}

} // namespace alula::actors
