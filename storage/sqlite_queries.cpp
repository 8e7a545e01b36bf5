#include "storage/sqlite_queries.hpp"

#include "storage/query_sql.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;

/// An argument that may be left out: NULL then.
struct kind_pattern {
  explicit kind_pattern(const std::string& kind) {
    if (!kind.ends_with(".*")) {
      exact = kind;
      return;
    }
    first = kind.substr(0, kind.size() - 1);
    end = first;
    ++end.back(); // '.' becomes '/', the next character
  }
  std::string exact, first, end;
};

/// ",running,parked,"; empty for any.
std::string list_of(const std::vector<jobs::job_state>& states) {
  std::string list;
  for (const auto state : states)
    list += (list.empty() ? "," : "") + std::string{to_string(state)} + ",";
  return list;
}

std::string list_of(const std::vector<jobs::job_id>& ids) {
  std::string list;
  for (const auto& id : ids)
    list += (list.empty() ? "[\"" : ",\"") + id.to_string() + "\"";
  return list + "]";
}

bool all_live(const std::vector<jobs::job_state>& states) {
  return !states.empty() && std::ranges::none_of(states, jobs::is_terminal);
}

bool all_troubled(const std::vector<jobs::job_state>& states) {
  return !states.empty() && std::ranges::all_of(states, [](auto s) {
    return s == jobs::job_state::failed || s == jobs::job_state::cancelled
           || s == jobs::job_state::parked;
  });
}

/// The statement whose index leaves the fewest rows to look at.
const named_sql& driver_for(const jobs::job_filter& filter,
                            const kind_pattern& kind) {
  if (!filter.ids.empty())
    return query_sql("jobs_by_id");
  if (filter.done == false || all_live(filter.states))
    return query_sql("live_jobs");
  if (!filter.server.empty())
    return query_sql("jobs_by_server");
  if (all_troubled(filter.states))
    return query_sql("troubled_jobs");
  if (filter.created_after != 0)
    return query_sql("jobs_by_age");
  if (!kind.exact.empty())
    return query_sql("jobs_by_kind");
  return query_sql("jobs");
}

/// Appends at most `limit` rows, newest first.
jobs::status read_rows(database& db, const named_sql& sql,
                       const jobs::job_filter& filter, const kind_pattern& kind,
                       std::int64_t below, std::size_t limit,
                       std::vector<jobs::job_record>& items) {
  const std::string states = list_of(filter.states);
  // Zero is a value here, so "any" is told apart by an empty text.
  const std::string done =
      filter.done ? std::string{*filter.done ? "1" : "0"} : std::string{};
  const auto ask = [&](const auto&... more) {
    return db.ask(sql, below, static_cast<std::int64_t>(limit),
                  or_null{filter.server.view()}, or_null{kind.exact},
                  or_null{kind.first}, or_null{kind.end}, or_null{states},
                  or_null{done}, or_null{filter.created_after}, more...);
  };
  auto answer = filter.ids.empty() ? ask() : ask(list_of(filter.ids));
  while (answer.next())
    items.push_back(read_job(answer));
  return answer.outcome();
}

/// A prefix stands for the few kinds that have it: each is read by its index.
jobs::status read_kinds(database& db, const jobs::job_filter& filter,
                        const kind_pattern& prefix, std::int64_t below,
                        std::size_t limit,
                        std::vector<jobs::job_record>& items) {
  for (std::string last = prefix.first;;) {
    auto answer = db.ask(query_sql("next_kind"), last);
    last = answer.next() ? answer.text(0) : "";
    if (auto ended = answer.outcome(); !ended)
      return ended;
    if (last.empty() || last >= prefix.end)
      break;
    auto got = read_rows(db, query_sql("jobs_by_kind"), filter,
                         kind_pattern{last}, below, limit, items);
    if (!got)
      return got;
  }
  std::ranges::sort(items, std::greater{}, &jobs::job_record::row);
  items.resize(std::min(items.size(), limit));
  return {};
}

jobs::status read_list(database& db, const jobs::job_filter& filter,
                       std::int64_t below, std::size_t limit,
                       std::vector<jobs::job_record>& items) {
  const kind_pattern kind{filter.kind};
  const auto& sql = driver_for(filter, kind);
  if (&sql == &query_sql("jobs") && !kind.first.empty())
    return read_kinds(db, filter, kind, below, limit, items);
  return read_rows(db, sql, filter, kind, below, limit, items);
}

} // namespace

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
                               std::size_t connections)
  : pool_(std::make_unique<pool>(std::move(file), connections)) {}

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
    auto answer = db.ask(query_sql("job_of_key"), key.principal, key.key);
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

jobs::result<jobs::job_page>
sqlite_queries::list_jobs(const jobs::job_filter& filter, std::int64_t before,
                          std::size_t limit) {
  const auto below =
      before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  return pool_->with([&](database& db) -> jobs::result<jobs::job_page> {
    jobs::job_page page;
    // One more than asked for tells whether there is a next page.
    auto listed = read_list(db, filter, below, limit + 1, page.items);
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
    }
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return found;
  });
}

} // namespace alula::storage
