/// What the sources beside sqlite.hpp share; nobody else includes it.
#pragma once

#include "storage/sqlite.hpp"

#include <sqlite3.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace alula::storage {

struct database::connection {
  static constexpr int busy_timeout_ms = 5'000;

  sqlite3* raw = nullptr;
  std::filesystem::path file;
  std::map<std::string, statement, std::less<>> statements; ///< by text
  std::int64_t log_frames = 0;
  std::int64_t page_size = 4096;
  std::chrono::steady_clock::time_point check_until;

  ~connection() {
    statements.clear();
    sqlite3_close(raw);
  }
};

/// What a result code of SQLite means; `raw` may be null.
jobs::fault sqlite_fault(sqlite3* raw, int code, std::string_view where);

/// Makes an empty file for a database: SQLite would make it world-readable, and
/// would not sync its name.
jobs::status make_database_file(const std::filesystem::path& file);

} // namespace alula::storage
