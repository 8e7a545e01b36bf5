#include "storage/access_rows.hpp"

#include "storage/access_sql.hpp"

#include <utility>

namespace alula::storage {

namespace {

/// The schema admits no other words.
jobs::access_role role_of(const std::string& word) {
  return jobs::parse_access_role(word).value_or(jobs::access_role::custom);
}

jobs::token_record token_of(const rows& row) {
  jobs::token_record t;
  int c = 0;
  t.id = row.text(c++);
  t.kind = jobs::parse_principal_kind(row.text(c++)).value();
  t.subject = row.text(c++);
  t.name = row.text(c++);
  t.role = role_of(row.text(c++));
  t.scope = jobs::scope_from_json(row.text(c++));
  t.hash = row.text(c++);
  t.created_by = row.text(c++);
  t.created_at = row.integer(c++);
  t.expires_at = row.integer(c++);
  t.revoked_at = row.integer(c++);
  t.used_at = row.integer(c++);
  return t;
}

jobs::audit_record audit_of(const rows& row) {
  jobs::audit_record a;
  int c = 0;
  a.row = row.integer(c++);
  a.at = row.integer(c++);
  a.principal = row.text(c++);
  a.name = row.text(c++);
  a.method = row.text(c++);
  a.path = row.text(c++);
  a.server = row.text(c++);
  a.job = row.text(c++);
  a.status = static_cast<int>(row.integer(c++));
  a.request_id = row.text(c++);
  a.remote = row.text(c++);
  a.system = row.text(c++);
  return a;
}

rows ask_audit(database& db, const jobs::audit_filter& filter,
               std::int64_t below, std::int64_t limit) {
  if (!filter.principal.empty())
    return db.ask(access_sql("audit_of_principal"), below, limit,
                  filter.principal, or_null{filter.server},
                  or_null{filter.system});
  if (!filter.system.empty())
    return db.ask(access_sql("audit_of_system"), below, limit, filter.system,
                  or_null{filter.server});
  if (!filter.server.empty())
    return db.ask(access_sql("audit_of_server"), below, limit, filter.server);
  return db.ask(access_sql("audit"), below, limit);
}

} // namespace

jobs::result<std::vector<jobs::token_record>> read_tokens(database& db) {
  std::vector<jobs::token_record> all;
  auto found = db.ask(access_sql("tokens"));
  while (found.next())
    all.push_back(token_of(found));
  if (auto ended = found.outcome(); !ended)
    return std::move(ended).error();
  return all;
}

jobs::result<jobs::audit_page> read_audit(database& db,
                                          const jobs::audit_filter& filter,
                                          std::int64_t below,
                                          std::size_t limit) {
  jobs::audit_page page;
  // One more than asked for tells whether there is a next page.
  auto found =
      ask_audit(db, filter, below, static_cast<std::int64_t>(limit) + 1);
  while (found.next())
    page.items.push_back(audit_of(found));
  if (auto ended = found.outcome(); !ended)
    return std::move(ended).error();
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.next_before = page.items.empty() ? 0 : page.items.back().row;
  }
  return page;
}

} // namespace alula::storage
