#include "storage/outbox_rows.hpp"

#include "storage/outbox_sql.hpp"

#include <utility>

namespace alula::storage {

namespace {

jobs::report report_of(const rows& row) {
  jobs::report r;
  int c = 0;
  r.row = row.integer(c++);
  r.subject = row.text(c++);
  r.job = jobs::job_id::parse(row.text(c++)).value_or(jobs::job_id{});
  r.server = jobs::server_id::parse(row.text(c++)).value_or(jobs::server_id{});
  r.method = row.text(c++);
  r.path = row.text(c++);
  r.body = row.text(c++);
  // The schema admits no other words.
  r.state = jobs::parse_report_state(row.text(c++)).value();
  r.tries = static_cast<int>(row.integer(c++));
  r.http_status = static_cast<int>(row.integer(c++));
  r.error = row.text(c++);
  r.created_at = row.integer(c++);
  r.next_at = row.integer(c++);
  r.tried_at = row.integer(c++);
  r.ended_at = row.integer(c++);
  return r;
}

jobs::result<std::vector<jobs::report>> every(rows answer) {
  std::vector<jobs::report> found;
  while (answer.next())
    found.push_back(report_of(answer));
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

const named_sql& statement_of(jobs::report_group which) {
  switch (which) {
  case jobs::report_group::open:
    return outbox_sql("open_reports");
  case jobs::report_group::dead:
    return outbox_sql("dead_reports");
  case jobs::report_group::unsettled:
    return outbox_sql("unsettled_reports");
  case jobs::report_group::all:
    break;
  }
  return outbox_sql("all_reports");
}

} // namespace

jobs::result<std::vector<jobs::report>>
read_due_reports(database& db, jobs::time_ms now, std::size_t limit) {
  return every(
      db.ask(outbox_sql("due_reports"), now, static_cast<std::int64_t>(limit)));
}

jobs::result<std::vector<jobs::report>>
read_due_statuses(database& db, jobs::time_ms now, std::size_t limit) {
  return every(db.ask(outbox_sql("due_statuses"), now,
                      static_cast<std::int64_t>(limit)));
}

jobs::result<std::vector<jobs::report>> read_statuses(database& db) {
  return every(db.ask(outbox_sql("statuses")));
}

jobs::result<jobs::time_ms> read_next_report_at(database& db,
                                                jobs::time_ms after) {
  auto answer = db.ask(outbox_sql("next_report_at"), after);
  const jobs::time_ms at = answer.next() ? answer.integer(0) : 0;
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return at;
}

jobs::result<jobs::report_page> read_reports(database& db,
                                             jobs::report_group which,
                                             std::int64_t after,
                                             std::size_t limit) {
  jobs::report_page page;
  const auto& sql = statement_of(which);
  // One more than asked for tells whether there is a next page.
  auto found = every(db.ask(sql, after, static_cast<std::int64_t>(limit) + 1));
  if (!found)
    return std::move(found).error();
  page.items = *std::move(found);
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.next_after = page.items.empty() ? 0 : page.items.back().row;
  }
  return page;
}

jobs::result<jobs::outbox_figures> read_outbox_figures(database& db) {
  auto open = db.integer(outbox_sql("count_open_reports"));
  if (!open)
    return std::move(open).error();
  auto dead = db.integer(outbox_sql("count_dead_reports"));
  if (!dead)
    return std::move(dead).error();
  auto oldest = db.integer(outbox_sql("oldest_open_report"));
  if (!oldest)
    return std::move(oldest).error();
  return jobs::outbox_figures{*open, *dead, *oldest};
}

} // namespace alula::storage
