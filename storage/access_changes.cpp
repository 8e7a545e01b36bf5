#include "storage/access_changes.hpp"

#include "storage/access_sql.hpp"
#include "storage/outcome.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace alula::storage {

namespace {

constexpr std::size_t longest_path = 1'000;

/// Cut between characters, as SQLite counts those.
std::string_view cut_path(std::string_view path) {
  if (path.size() <= longest_path)
    return path;
  auto end = longest_path;
  while (end > 0 && (static_cast<unsigned char>(path[end]) & 0xc0U) == 0x80U)
    --end;
  return path.substr(0, end);
}

} // namespace

jobs::status access_changes::change(const jobs::keep_token& what) {
  const auto& t = what.what;
  return outcome_of(on_.run(
      access_sql("insert_token"), t.id, jobs::to_string(t.kind), t.subject,
      t.name, jobs::to_string(t.role), jobs::to_json(t.scope), t.hash,
      t.created_by, t.created_at, or_null{t.expires_at}));
}

jobs::status access_changes::change(const jobs::revoke_token& what) {
  return outcome_of(on_.run(access_sql("revoke_token"), what.id, what.at));
}

jobs::status access_changes::change(const jobs::note_token_use& what) {
  return outcome_of(on_.run(access_sql("use_token"), what.id, what.at));
}

jobs::status access_changes::change(const jobs::keep_audit& what) {
  const auto& a = what.what;
  return outcome_of(on_.run(
      access_sql("insert_audit"), a.at, a.principal, a.name, a.method,
      cut_path(a.path), or_null{a.server}, or_null{a.job},
      std::int64_t{a.status}, a.request_id, a.remote, or_null{a.system}));
}

} // namespace alula::storage
