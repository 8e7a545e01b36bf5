#include "storage/migrator.hpp"

#include "jobs/log.hpp"

#include <string>
#include <vector>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;

constexpr named_sql count_tables{
    "count_tables", "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                    " AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"};
constexpr named_sql has_versions{
    "has_versions", "SELECT count(*) FROM sqlite_schema"
                    " WHERE type = 'table' AND name = 'schema_migrations'"};
constexpr named_sql applied_versions{
    "applied_versions",
    "SELECT version, name, checksum FROM schema_migrations ORDER BY version"};
constexpr named_sql remember_version{"remember_version",
                                     "INSERT INTO schema_migrations"
                                     "(version, name, applied_at, checksum)"
                                     " VALUES (?, ?, ?, ?)"};

struct applied {
  std::int64_t version;
  std::string name;
  std::string checksum;
};

fault refusal(const database& on, const std::string& why) {
  return {.code = fault_code::journal_unavailable,
          .what = "the ledger " + on.file().string() + " " + why,
          .where = "migrate"};
}

jobs::result<std::vector<applied>> read_applied(database& on) {
  auto versioned = on.integer(has_versions);
  if (!versioned)
    return std::move(versioned).error();
  if (*versioned == 0) {
    auto tables = on.integer(count_tables);
    if (!tables)
      return std::move(tables).error();
    if (*tables > 0)
      return refusal(on, "is a database of something else: it has tables but "
                         "no schema_migrations");
    return std::vector<applied>{};
  }
  std::vector<applied> found;
  auto answer = on.ask(applied_versions);
  while (answer.next())
    found.push_back({answer.integer(0), answer.text(1), answer.text(2)});
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

jobs::status compare(const database& on, const std::vector<applied>& done,
                     std::span<const migration> known) {
  for (std::size_t i = 0; i < done.size(); ++i) {
    const auto version = std::to_string(done[i].version);
    if (i >= known.size())
      return refusal(on, "has schema version "
                             + std::to_string(done.back().version)
                             + ", written by a newer alula; this release knows "
                             + std::to_string(known.size())
                             + ". Install the newer release, or put the copy \""
                             + on.file().filename().string() + ".before-"
                             + version + "\" in its place");
    if (done[i].version != known[i].version
        || done[i].checksum != known[i].checksum)
      return refusal(on, "was made with another text of migration " + version
                             + " (" + done[i].name + "): checksum "
                             + done[i].checksum + ", not "
                             + std::string{known[i].checksum});
  }
  return {};
}

jobs::status apply(database& on, const migration& next, jobs::time_ms now) {
  auto begun = transaction::begin(on);
  if (!begun)
    return std::move(begun).error();
  if (auto run = on.execute(next.sql, next.name); !run)
    return run;
  auto noted =
      on.run(remember_version, next.version, next.name, now, next.checksum);
  if (!noted)
    return std::move(noted).error();
  return begun->commit();
}

} // namespace

jobs::status migrate(database& on, std::span<const migration> known,
                     jobs::time_ms now) {
  auto done = read_applied(on);
  if (!done)
    return std::move(done).error();
  if (auto same = compare(on, *done, known); !same)
    return same;
  const auto missing = known.subspan(done->size());
  if (!missing.empty() && !done->empty()) {
    auto copy = on.file();
    copy += ".before-" + std::to_string(missing.front().version);
    if (auto copied = on.copy_to(copy); !copied)
      return copied;
    jobs::log(jobs::log_level::info, "ledger-copied",
              {{"file", copy.string()}});
  }
  for (const auto& next : missing) {
    if (auto applied_now = apply(on, next, now); !applied_now)
      return applied_now;
    jobs::log(jobs::log_level::info, "ledger-migrated",
              {{"version", next.version}, {"name", next.name}});
  }
  return {};
}

} // namespace alula::storage
