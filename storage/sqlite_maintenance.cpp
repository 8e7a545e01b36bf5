// Checkpoints, the look for damage, and copies.
#include "storage/file_system.hpp"
#include "storage/sqlite_connection.hpp"

#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using std::chrono::steady_clock;

namespace {

constexpr named_sql quick{"quick_check", "PRAGMA quick_check(1)"};
constexpr named_sql full{"integrity_check", "PRAGMA integrity_check(1)"};

} // namespace

jobs::status make_database_file(const std::filesystem::path& file) {
  auto parent = open_root(file.has_parent_path() ? file.parent_path() : ".",
                          std::nullopt);
  if (!parent)
    return std::move(parent).error();
  const file_descriptor made{
      ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!made.is_open())
    return errno == EEXIST
               ? jobs::status{}
               : jobs::status{jobs::system_fault(errno, "open", file.native())};
  return sync_directory(*parent);
}

jobs::result<bool> database::run_checkpoint(checkpoint how) {
  const int mode = how == checkpoint::passive ? SQLITE_CHECKPOINT_PASSIVE
                                              : SQLITE_CHECKPOINT_TRUNCATE;
  int in_log = 0;
  int copied = 0;
  // A reader may hold on for seconds; the writer does not wait for it.
  sqlite3_busy_timeout(connection_->raw, 0);
  const int code = sqlite3_wal_checkpoint_v2(connection_->raw, "main", mode,
                                             &in_log, &copied);
  sqlite3_busy_timeout(connection_->raw, database::connection::busy_timeout_ms);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return false;
  if (code != SQLITE_OK)
    return sqlite_fault(connection_->raw, code, "checkpoint");
  if (in_log <= copied)
    connection_->log_frames = 0;
  return in_log <= copied;
}

jobs::result<bool> database::quick_check(std::chrono::milliseconds limit) {
  return run_check(quick, limit);
}

jobs::result<bool> database::full_check(std::chrono::milliseconds limit) {
  return run_check(full, limit);
}

jobs::result<bool> database::run_check(const named_sql& check,
                                       std::chrono::milliseconds limit) {
  constexpr int steps_between_looks = 1'000;
  connection_->check_until = steady_clock::now() + limit;
  sqlite3_progress_handler(
      connection_->raw, steps_between_looks,
      [](void* self) {
        return static_cast<connection*>(self)->check_until < steady_clock::now()
                   ? 1
                   : 0;
      },
      connection_.get());
  auto answer = ask(check);
  const std::string verdict = answer.next() ? answer.text(0) : "";
  sqlite3_progress_handler(connection_->raw, 0, nullptr, nullptr);
  if (auto ended = answer.outcome(); !ended) {
    if (ended.error().code == fault_code::interrupted)
      return false;
    return std::move(ended).error();
  }
  if (verdict == "ok")
    return true;
  return fault{.code = fault_code::journal_unavailable,
               .what = "the ledger " + connection_->file.string()
                       + " is damaged: " + verdict,
               .where = std::string{check.name}};
}

jobs::status database::copy_to(const std::filesystem::path& target) {
  auto partial = target;
  partial += ".part";
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  if (auto made = make_database_file(partial); !made)
    return made;
  sqlite3* raw = nullptr;
  int code =
      sqlite3_open_v2(partial.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) {
    auto* copy = sqlite3_backup_init(raw, "main", connection_->raw, "main");
    if (copy) {
      sqlite3_backup_step(copy, -1);
      sqlite3_backup_finish(copy);
    }
    code = sqlite3_extended_errcode(raw);
  }
  auto outcome = code == SQLITE_OK
                     ? jobs::status{}
                     : jobs::status{sqlite_fault(raw, code, "copy")};
  sqlite3_close(raw);
  if (!outcome)
    return outcome;
  const file_descriptor written{::open(partial.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!written.is_open() || ::fsync(written.get()) != 0)
    return jobs::system_fault(errno, "fsync", partial.native());
  if (::rename(partial.c_str(), target.c_str()) != 0)
    return jobs::system_fault(errno, "rename", target.native());
  auto parent = open_root(target.has_parent_path() ? target.parent_path() : ".",
                          std::nullopt);
  return parent ? sync_directory(*parent)
                : jobs::status{std::move(parent).error()};
}

} // namespace alula::storage
