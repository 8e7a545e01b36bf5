#include "storage/sqlite_connection.hpp"

#include <cerrno>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

bool is_full(int code, int error_number) {
  if ((code & 0xff) == SQLITE_FULL)
    return true;
  // A failed fsync is lost data whatever its errno says.
  const bool synced =
      code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
  return (code & 0xff) == SQLITE_IOERR && !synced
         && (error_number == ENOSPC || error_number == EDQUOT);
}

fault_code meaning(int code, int error_number) {
  if (is_full(code, error_number))
    return fault_code::insufficient_storage;
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return fault_code::timed_out;
  case SQLITE_INTERRUPT:
    return fault_code::interrupted;
  case SQLITE_IOERR:
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_CANTOPEN:
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_PROTOCOL:
  case SQLITE_NOLFS:
  case SQLITE_NOMEM:
    return fault_code::journal_unavailable;
  default:
    return fault_code::internal;
  }
}

} // namespace

fault sqlite_fault(sqlite3* raw, int code, std::string_view where) {
  const int error_number = raw ? sqlite3_system_errno(raw) : 0;
  fault why{.code = meaning(code, error_number),
            .what = raw ? sqlite3_errmsg(raw) : sqlite3_errstr(code),
            .where = std::string{where}};
  why.what += " (SQLite " + std::to_string(code);
  // A refusal is about the call; anything else is about the file.
  if (why.code == fault_code::internal) {
    why.what += ")";
    return why;
  }
  if (error_number != 0)
    why.what += ", errno " + std::to_string(error_number);
  const char* file = raw ? sqlite3_db_filename(raw, "main") : nullptr;
  why.what +=
      std::string{")"} + (file && *file ? " in " : "") + (file ? file : "");
  return why;
}

} // namespace alula::storage
