// How long the write-ahead log's fsync takes: what a commit waits for, apart
// from the statements before it. SQLite calls a file through a table of
// functions; in front of its own a copy is put that differs in one of them.
#include "jobs/measures.hpp"
#include "storage/sqlite_connection.hpp"

namespace alula::storage {

void database::time_log_syncs() {
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(connection_->raw, "main",
                           SQLITE_FCNTL_JOURNAL_POINTER, &log)
          != SQLITE_OK
      || !log || !log->pMethods)
    return; // not open yet
  // All logs of a process have one table: that of the system's file access.
  static const sqlite3_io_methods* const plain = log->pMethods;
  static const sqlite3_io_methods timed = [] {
    auto table = *plain;
    table.xSync = [](sqlite3_file* file, int how) {
      const auto begun = std::chrono::steady_clock::now();
      const int code = plain->xSync(file, how);
      const std::chrono::duration<double> took =
          std::chrono::steady_clock::now() - begun;
      jobs::observe(jobs::measure::ledger_fsync_seconds, took.count());
      return code;
    };
    return table;
  }();
  if (log->pMethods == plain)
    log->pMethods = &timed;
}

} // namespace alula::storage
