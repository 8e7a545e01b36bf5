/// Brings a ledger file to the schema of this release: numbered SQL files,
/// forward only, each in one transaction, each remembered with its checksum.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"
#include "storage/sqlite.hpp"

#include <span>
#include <string_view>

namespace alula::storage {

struct migration {
  int version; ///< 1, 2, 3 … without gaps
  std::string_view name;
  std::string_view checksum; ///< SHA-256 of the file, 64 hex digits
  std::string_view sql;
};

/// The files of migrations/, compiled in (cmake/embed_migrations.cmake).
std::span<const migration> embedded_migrations();

/// Applies what is missing. Before anything is applied to a file that has a
/// schema already, a copy is made beside it, "<file>.before-<version>".
///
/// Faults (journal_unavailable, the file is then as it was): it was written by
/// a newer release; a migration that was applied has another checksum now; it
/// is a database of something else.
jobs::status migrate(database& on, std::span<const migration> known,
                     jobs::time_ms now);

} // namespace alula::storage
