/// SQLite as values: connections, statements and transactions that clean up
/// after themselves, and failures that say what they mean. Only the sources
/// beside this header (sqlite*.cpp) know sqlite3.h.
///
/// A database and everything made from it is used by one thread at a time.
///
/// Faults of every call, with the statement's name in `where`:
/// - internal: a constraint or a trigger refused it; only that statement is
///   undone and the transaction goes on. Also wrong SQL, which is a bug.
/// - timed_out: another process holds the file (SQLITE_BUSY) past the timeout.
/// - interrupted: cut short by a time limit.
/// - insufficient_storage: the file system is full; the transaction is gone.
/// - journal_unavailable: a failing write, fsync or read, or a damaged file;
///   nothing that was written since the last commit may be believed.
#pragma once

#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace alula::storage {

/// A statement and its name. Texts live in one table per user, so that a test
/// can look at the plan of every one.
struct named_sql {
  std::string_view name;
  std::string_view text;
};

/// An optional column whose zero or empty value is stored as NULL.
struct or_null {
  or_null(std::int64_t value) : number(value) {}
  or_null(std::string_view value) : text(value), is_text(true) {}
  std::int64_t number = 0;
  std::string_view text;
  bool is_text = false;
};

class statement {
public:
  statement() = default;
  statement(sqlite3_stmt* raw, std::string_view name);

  /// Values are copied. Numbered from 1.
  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, const std::string& value) {
    bind(index, std::string_view{value});
  }
  void bind(int index, const char* value) {
    bind(index, std::string_view{value});
  }
  void bind(int index, const or_null& value);

  /// True: a row is there. False: the end.
  jobs::result<bool> step();
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const; ///< empty for NULL
  bool is_null(int column) const;

private:
  struct finalizer {
    void operator()(sqlite3_stmt* raw) const;
  };
  void note(int bind_code);

  std::unique_ptr<sqlite3_stmt, finalizer> raw_;
  std::string name_;
  int bind_code_ = 0; ///< of the first bind that failed since the last reset
};

/// The answer of a query; gives the statement back when it goes out of scope.
class rows {
public:
  explicit rows(statement& asked) : asked_(&asked) {}
  explicit rows(jobs::fault why) : failed_(std::move(why)) {}
  rows(rows&& other) noexcept
    : asked_(std::exchange(other.asked_, nullptr)),
      failed_(std::move(other.failed_)) {}
  rows& operator=(rows&&) = delete;
  ~rows() {
    if (asked_)
      asked_->reset();
  }

  /// False at the end and after a failure; ask outcome() which it was.
  bool next();
  jobs::status outcome() const;

  std::int64_t integer(int column) const { return asked_->integer(column); }
  double real(int column) const { return asked_->real(column); }
  std::string text(int column) const { return asked_->text(column); }
  bool is_null(int column) const { return asked_->is_null(column); }

private:
  statement* asked_ = nullptr;
  std::optional<jobs::fault> failed_;
};

class database {
public:
  enum class access {
    write, ///< created (0600, durably) when missing; WAL, synchronous=FULL
    read   ///< query_only, never checkpoints
  };

  static jobs::result<database> open(const std::filesystem::path& file,
                                     access mode);
  database(database&&) noexcept;
  database& operator=(database&&) noexcept;
  ~database();

  /// Prepared once per text and kept: texts are constants, values arguments.
  template<class... Args>
  rows ask(const named_sql& sql, const Args&... args) {
    auto found = prepared(sql);
    if (!found)
      return rows{std::move(found).error()};
    bind_all(**found, args...);
    return rows{**found};
  }

  /// Runs to the end; how many rows an INSERT, UPDATE or DELETE touched,
  /// without those of triggers and cascades.
  template<class... Args>
  jobs::result<std::int64_t> run(const named_sql& sql, const Args&... args) {
    auto answer = ask(sql, args...);
    while (answer.next()) {
    }
    if (auto ended = answer.outcome(); !ended)
      return std::move(ended).error();
    return changed_rows();
  }

  /// Several statements without arguments or answers.
  jobs::status execute(std::string_view script, std::string_view name);
  /// First column of the first row; zero when there is none.
  jobs::result<std::int64_t> integer(const named_sql& sql);

  std::int64_t last_row() const;
  bool in_transaction() const;
  /// A deferred foreign key is broken at the moment: a COMMIT would fail.
  bool has_broken_reference() const;

  /// Size of the write-ahead log after the last commit of this connection.
  std::int64_t log_bytes() const;
  /// From now on each fsync of the log is measured (ledger_fsync_seconds), as
  /// long as the log stays open. Cheap when it is so already; nothing before
  /// the first transaction in the log.
  void time_log_syncs();
  enum class checkpoint { passive, truncate };
  /// False when readers kept it from finishing.
  jobs::result<bool> run_checkpoint(checkpoint how);

  /// PRAGMA quick_check, cut short after `limit`: false when it was cut short,
  /// a journal_unavailable fault when the file is damaged.
  jobs::result<bool> quick_check(std::chrono::milliseconds limit);
  /// The same with PRAGMA integrity_check, which also holds the indexes against
  /// the tables.
  jobs::result<bool> full_check(std::chrono::milliseconds limit);

  /// Online copy to a new file, made durable under its final name.
  jobs::status copy_to(const std::filesystem::path& target);

  const std::filesystem::path& file() const;

private:
  struct connection;
  explicit database(std::unique_ptr<connection> opened);
  jobs::result<statement*> prepared(const named_sql& sql);
  jobs::result<bool> run_check(const named_sql& check,
                               std::chrono::milliseconds limit);
  std::int64_t changed_rows() const;

  template<class... Args>
  static void bind_all(statement& s, const Args&... args) {
    int index = 0;
    (s.bind(++index, args), ...);
  }

  std::unique_ptr<connection> connection_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back unless committed.
class transaction {
public:
  static jobs::result<transaction> begin(database& on);
  transaction(transaction&& other) noexcept
    : on_(std::exchange(other.on_, nullptr)) {}
  transaction& operator=(transaction&&) = delete;
  ~transaction();
  jobs::status commit();

private:
  explicit transaction(database& on) : on_(&on) {}
  database* on_;
};

/// BEGIN … COMMIT of a reader: several statements see one state.
class read_transaction {
public:
  explicit read_transaction(database& on);
  ~read_transaction();
  read_transaction(const read_transaction&) = delete;
  read_transaction& operator=(const read_transaction&) = delete;

private:
  database& on_;
};

/// A part of a transaction that can be undone alone; undone unless kept.
class savepoint {
public:
  explicit savepoint(database& on);
  savepoint(const savepoint&) = delete;
  savepoint& operator=(const savepoint&) = delete;
  ~savepoint();
  jobs::status keep();

private:
  database& on_;
  jobs::status opened_;
  bool kept_ = false;
};

} // namespace alula::storage
