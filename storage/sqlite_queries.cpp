#include "storage/sqlite_queries.hpp"

#include "storage/access_rows.hpp"
#include "storage/backup_rows.hpp"
#include "storage/job_lists.hpp"
#include "storage/outbox_rows.hpp"
#include "storage/place_rows.hpp"
#include "storage/query_sql.hpp"
#include "storage/system_rows.hpp"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

namespace alula::storage {

using jobs::fault;

// -- connections --------------------------------------------------------------

class sqlite_queries::pool {
public:
  pool(std::filesystem::path file, std::size_t connections)
    : file_(std::move(file)), unopened_(std::max<std::size_t>(connections, 1)) {
  }

  /// Runs `read(database&)` in a read transaction on a connection of its own.
  template<class Read>
  auto with(Read read) -> decltype(read(std::declval<database&>())) {
    auto opened = lend();
    if (!opened)
      return std::move(opened).error();
    const lent_database lent{*this, *std::move(opened)};
    const read_transaction one_state{*lent.db};
    return read(*lent.db);
  }

private:
  struct lent_database {
    pool& owner;
    std::unique_ptr<database> db;
    lent_database(pool& from, std::unique_ptr<database> what)
      : owner(from), db(std::move(what)) {}
    lent_database(const lent_database&) = delete;
    lent_database& operator=(const lent_database&) = delete;
    ~lent_database() { owner.give_back(std::move(db)); }
  };

  jobs::result<std::unique_ptr<database>> lend() {
    std::unique_lock lock{mutex_};
    free_.wait(lock, [&] { return !idle_.empty() || unopened_ > 0; });
    if (!idle_.empty()) {
      auto lent = std::move(idle_.back());
      idle_.pop_back();
      return lent;
    }
    --unopened_;
    lock.unlock();
    auto opened = database::open(file_, database::access::read);
    if (opened)
      return std::make_unique<database>(*std::move(opened));
    lock.lock();
    ++unopened_;
    free_.notify_one();
    return std::move(opened).error();
  }

  void give_back(std::unique_ptr<database> lent) {
    {
      const std::lock_guard lock{mutex_};
      idle_.push_back(std::move(lent));
    }
    free_.notify_one();
  }

  const std::filesystem::path file_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::size_t unopened_;
  std::vector<std::unique_ptr<database>> idle_;
};

sqlite_queries::sqlite_queries(std::filesystem::path file,
                               const jobs::clock& clock,
                               std::size_t connections)
  : pool_(std::make_unique<pool>(std::move(file), connections)), clock_(clock) {
}

sqlite_queries::~sqlite_queries() = default;

// -- jobs ---------------------------------------------------------------------

jobs::result<std::optional<jobs::job_record>>
sqlite_queries::find_job(const jobs::job_id& id) {
  using found_job = jobs::result<std::optional<jobs::job_record>>;
  return pool_->with([&](database& db) -> found_job {
    auto answer = db.ask(query_sql("job_by_id"), id.view());
    std::optional<jobs::job_record> job;
    if (answer.next())
      job = read_job(answer);
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    if (job)
      if (auto got = read_steps(db, query_sql("steps_of_job"), *job); !got)
        return std::move(got).error();
    return job;
  });
}

jobs::result<std::optional<jobs::job_record>>
sqlite_queries::find_by_key(const jobs::idempotency& key) {
  auto id = pool_->with([&](database& db) -> jobs::result<jobs::job_id> {
    auto answer =
        db.ask(query_sql("job_of_key"), key.principal, key.key, clock_.now());
    if (!answer.next()) {
      if (auto ended = answer.outcome(); !ended)
        return std::move(ended).error();
      return jobs::job_id{};
    }
    if (answer.text(0) != key.fingerprint)
      return fault{.code = jobs::fault_code::idempotency_mismatch,
                   .what = "the Idempotency-Key was used for another request"};
    if (answer.is_null(1))
      return fault{.code = jobs::fault_code::job_expired,
                   .what = "the job of this Idempotency-Key was forgotten"};
    return jobs::job_id::parse(answer.text(1)).value_or(jobs::job_id{});
  });
  if (!id)
    return std::move(id).error();
  if (id->empty())
    return std::optional<jobs::job_record>{};
  return find_job(*id);
}

jobs::result<std::optional<jobs::server_record>>
sqlite_queries::find_server(const jobs::server_id& id) {
  using found_server = jobs::result<std::optional<jobs::server_record>>;
  return pool_->with([&](database& db) -> found_server {
    auto answer = db.ask(query_sql("server_by_uuid"), id.view());
    std::optional<jobs::server_record> server;
    if (answer.next())
      server = read_server(answer);
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return server;
  });
}

jobs::result<jobs::job_page>
sqlite_queries::list_jobs(const jobs::job_filter& filter, std::int64_t before,
                          std::size_t limit) {
  const auto below =
      before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  return pool_->with([&](database& db) -> jobs::result<jobs::job_page> {
    jobs::job_page page;
    // One more than asked for tells whether there is a next page.
    auto listed = read_jobs(db, filter, below, limit + 1, page.items);
    if (!listed)
      return std::move(listed).error();
    if (page.items.size() > limit) {
      page.items.resize(limit);
      page.next_before = page.items.empty() ? 0 : page.items.back().row;
    }
    for (auto& job : page.items)
      if (auto got = read_steps(db, query_sql("steps_of_job"), job); !got)
        return std::move(got).error();
    return page;
  });
}

jobs::result<std::optional<jobs::progress>>
sqlite_queries::find_progress(std::int64_t job_row) {
  using found_progress = jobs::result<std::optional<jobs::progress>>;
  return pool_->with([&](database& db) -> found_progress {
    auto answer = db.ask(query_sql("progress_of_job"), job_row);
    std::optional<jobs::progress> found;
    if (answer.next())
      found = jobs::progress{.done = answer.integer(0),
                             .total = answer.integer(1),
                             .unit = answer.text(2),
                             .message = answer.text(3),
                             .rate = answer.real(4),
                             .updated_at = answer.integer(5)};
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return found;
  });
}

// -- events -------------------------------------------------------------------

jobs::result<jobs::event_page>
sqlite_queries::events_after(std::int64_t seq, const jobs::event_filter& filter,
                             std::size_t limit) {
  const kind_pattern kind{filter.kind};
  return pool_->with([&](database& db) -> jobs::result<jobs::event_page> {
    jobs::event_page page;
    auto first = db.integer(query_sql("first_event_seq"));
    if (!first)
      return std::move(first).error();
    auto last = db.integer(query_sql("last_event_seq"));
    if (!last)
      return std::move(last).error();
    page.last_seq = *last;
    // An empty log with a number has been pruned to the end.
    page.truncated = seq + 1 < (*first > 0 ? *first : *last + 1);
    const auto ask = [&](const named_sql& sql, const auto&... more) {
      return db.ask(sql, seq, static_cast<std::int64_t>(limit),
                    or_null{filter.server.view()}, or_null{kind.exact},
                    or_null{kind.first}, or_null{kind.end}, more...);
    };
    auto answer = !filter.job.empty()
                      ? ask(query_sql("events_of_job"), filter.job.view())
                  : !filter.server.empty() ? ask(query_sql("events_of_server"))
                                           : ask(query_sql("events"));
    while (answer.next())
      page.items.push_back(read_event(answer));
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return page;
  });
}

// -- trash --------------------------------------------------------------------

jobs::result<std::vector<jobs::trash_entry>> sqlite_queries::list_trash() {
  using entries = jobs::result<std::vector<jobs::trash_entry>>;
  return pool_->with([&](database& db) -> entries {
    std::vector<jobs::trash_entry> found;
    auto answer = db.ask(query_sql("trash"));
    while (answer.next()) {
      auto& entry = found.emplace_back();
      entry.deleted_by = jobs::job_id::parse(answer.text(0)).value();
      entry.server = jobs::server_id::parse(answer.text(1)).value();
      entry.server_row = answer.integer(2);
      entry.name = answer.text(3);
      entry.state = answer.text(4);
      entry.detached_at = answer.integer(5);
      entry.purge_after = answer.integer(6);
      entry.server_name = answer.text(7);
    }
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return found;
  });
}

// -- backups ------------------------------------------------------------------

jobs::result<std::optional<jobs::backup_record>>
sqlite_queries::find_backup(const jobs::backup_id& uuid) {
  return pool_->with([&](database& db) { return read_backup(db, uuid); });
}

jobs::result<jobs::backup_page>
sqlite_queries::list_backups(const jobs::backup_filter& filter,
                             std::int64_t before, std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_backups(db, filter, before, limit); });
}

jobs::result<std::optional<jobs::replaced_tree>>
sqlite_queries::find_replaced(const jobs::job_id& replaced_by) {
  return pool_->with(
      [&](database& db) { return read_replaced(db, replaced_by); });
}

jobs::result<std::vector<jobs::replaced_tree>>
sqlite_queries::list_due_replaced(jobs::time_ms now, std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_due_replaced(db, now, limit); });
}

jobs::result<std::vector<jobs::schedule_entry>>
sqlite_queries::list_schedules() {
  return pool_->with([](database& db) { return read_schedules(db); });
}

jobs::result<std::optional<jobs::transfer_record>>
sqlite_queries::find_transfer(const jobs::job_id& job) {
  return pool_->with([&](database& db) { return read_transfer(db, job); });
}

jobs::result<std::vector<jobs::remote_remains>>
sqlite_queries::list_remains(std::size_t limit) {
  return pool_->with([&](database& db) { return read_remains(db, limit); });
}

jobs::result<std::vector<jobs::backup_record>>
sqlite_queries::list_settled_scratch(std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_settled_scratch(db, limit); });
}

// -- reports ------------------------------------------------------------------

jobs::result<std::vector<jobs::report>>
sqlite_queries::list_due_reports(jobs::time_ms now, std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_due_reports(db, now, limit); });
}

jobs::result<std::vector<jobs::report>>
sqlite_queries::list_due_statuses(jobs::time_ms now, std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_due_statuses(db, now, limit); });
}

jobs::result<std::vector<jobs::report>> sqlite_queries::list_statuses() {
  return pool_->with([](database& db) { return read_statuses(db); });
}

jobs::result<jobs::time_ms>
sqlite_queries::next_report_at(jobs::time_ms after) {
  return pool_->with(
      [&](database& db) { return read_next_report_at(db, after); });
}

jobs::result<jobs::report_page>
sqlite_queries::list_reports(jobs::report_group which, std::int64_t after,
                             std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_reports(db, which, after, limit); });
}

jobs::result<jobs::outbox_figures> sqlite_queries::count_reports() {
  return pool_->with([](database& db) { return read_outbox_figures(db); });
}

// -- systems ------------------------------------------------------------------

jobs::result<std::optional<jobs::system_record>>
sqlite_queries::find_system(std::string_view id) {
  return pool_->with([&](database& db) { return read_system(db, id); });
}

jobs::result<std::vector<jobs::listed_system>>
sqlite_queries::list_systems(std::string_view after, std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_systems(db, after, limit); });
}

jobs::result<std::optional<jobs::system_backup_record>>
sqlite_queries::find_system_backup(std::string_view id) {
  return pool_->with([&](database& db) { return read_system_backup(db, id); });
}

jobs::result<std::vector<jobs::system_backup_record>>
sqlite_queries::list_system_backups(std::string_view system) {
  return pool_->with(
      [&](database& db) { return read_system_backups(db, system); });
}

jobs::result<std::vector<jobs::system_backup_record>>
sqlite_queries::list_system_uploads(std::size_t limit) {
  return pool_->with(
      [&](database& db) { return read_system_uploads(db, limit); });
}

// -- access -------------------------------------------------------------------

jobs::result<std::vector<jobs::token_record>> sqlite_queries::list_tokens() {
  return pool_->with([](database& db) { return read_tokens(db); });
}

jobs::result<jobs::audit_page>
sqlite_queries::list_audit(const jobs::audit_filter& filter,
                           std::int64_t before, std::size_t limit) {
  const auto below =
      before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  return pool_->with(
      [&](database& db) { return read_audit(db, filter, below, limit); });
}

} // namespace alula::storage
