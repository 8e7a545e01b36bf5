#include "storage/sqlite.hpp"

#include "storage/file_system.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;
using std::chrono::steady_clock;

constexpr int busy_timeout_ms = 5'000;

// WAL with FULL: a commit that was acknowledged survives a power cut; NORMAL
// does not (job-engine B.3). Checkpoints are the writer's own business.
constexpr std::string_view writer_pragmas = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA recursive_triggers = ON;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -16384;
PRAGMA mmap_size = 0;
PRAGMA temp_store = MEMORY;
)";

constexpr std::string_view reader_pragmas = R"(
PRAGMA query_only = ON;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -4096;
PRAGMA mmap_size = 0;
PRAGMA temp_store = MEMORY;
)";

constexpr named_sql begin_write{"begin_write", "BEGIN IMMEDIATE"};
constexpr named_sql begin_read{"begin_read", "BEGIN"};
constexpr named_sql journal_mode{"journal_mode", "PRAGMA journal_mode"};
constexpr named_sql page_size{"page_size", "PRAGMA page_size"};
constexpr named_sql check{"quick_check", "PRAGMA quick_check(1)"};
constexpr named_sql commit_all{"commit", "COMMIT"};
constexpr named_sql roll_back_all{"rollback", "ROLLBACK"};
constexpr named_sql open_savepoint{"savepoint", "SAVEPOINT one_call"};
constexpr named_sql undo_savepoint{"undo_savepoint", "ROLLBACK TO one_call"};
constexpr named_sql release_savepoint{"release_savepoint", "RELEASE one_call"};

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

fault failure(sqlite3* raw, int code, std::string_view where) {
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

/// Counting every allocation takes a lock that readers and writer share. Must
/// come before the first use of the library.
void leave_memory_uncounted() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
}

/// SQLite would make the file world-readable, and would not sync its name.
jobs::status make_file(const std::filesystem::path& file) {
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

} // namespace

// -- statement ----------------------------------------------------------------

void statement::finalizer::operator()(sqlite3_stmt* raw) const {
  sqlite3_finalize(raw);
}

statement::statement(sqlite3_stmt* raw, std::string_view name)
  : raw_(raw), name_(name) {}

void statement::bind(int index, std::int64_t value) {
  note(sqlite3_bind_int64(raw_.get(), index, value));
}

void statement::bind(int index, double value) {
  note(sqlite3_bind_double(raw_.get(), index, value));
}

void statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL.
  note(sqlite3_bind_text64(raw_.get(), index, value.empty() ? "" : value.data(),
                           value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void statement::bind(int index, const or_null& value) {
  if (value.is_text && !value.text.empty())
    bind(index, value.text);
  else if (!value.is_text && value.number != 0)
    bind(index, value.number);
  else
    note(sqlite3_bind_null(raw_.get(), index));
}

void statement::note(int bind_code) {
  if (bind_code_ == SQLITE_OK)
    bind_code_ = bind_code;
}

jobs::result<bool> statement::step() {
  if (bind_code_ != SQLITE_OK)
    return failure(sqlite3_db_handle(raw_.get()), bind_code_, name_);
  const int code = sqlite3_step(raw_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  return failure(sqlite3_db_handle(raw_.get()), code, name_);
}

void statement::reset() {
  bind_code_ = SQLITE_OK;
  sqlite3_reset(raw_.get());
}

std::int64_t statement::integer(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

double statement::real(int column) const {
  return sqlite3_column_double(raw_.get(), column);
}

std::string statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(raw_.get(), column);
  if (!bytes)
    return {};
  const auto size = sqlite3_column_bytes(raw_.get(), column);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

bool statement::is_null(int column) const {
  return sqlite3_column_type(raw_.get(), column) == SQLITE_NULL;
}

bool rows::next() {
  if (failed_ || !asked_)
    return false;
  auto stepped = asked_->step();
  if (stepped)
    return *stepped;
  failed_ = std::move(stepped).error();
  return false;
}

jobs::status rows::outcome() const {
  return failed_ ? jobs::status{*failed_} : jobs::status{};
}

// -- database -----------------------------------------------------------------

struct database::connection {
  sqlite3* raw = nullptr;
  std::filesystem::path file;
  std::map<std::string, statement, std::less<>> statements; ///< by text
  std::int64_t log_frames = 0;
  std::int64_t page_size = 4096;
  steady_clock::time_point check_until;

  ~connection() {
    statements.clear();
    sqlite3_close(raw);
  }
};

database::database(std::unique_ptr<connection> opened)
  : connection_(std::move(opened)) {}
database::database(database&&) noexcept = default;
database& database::operator=(database&&) noexcept = default;
database::~database() = default;

jobs::result<database> database::open(const std::filesystem::path& file,
                                      access mode) {
  if (mode == access::write) {
    if (auto made = make_file(file); !made)
      return std::move(made).error();
  }
  leave_memory_uncounted();
  auto opened = std::make_unique<connection>();
  opened->file = file;
  const int flags =
      (mode == access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY)
      | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(file.c_str(), &opened->raw, flags, nullptr);
  if (code != SQLITE_OK) {
    auto why = failure(opened->raw, code, "open");
    why.what += ": " + file.string();
    return why;
  }
  auto* raw = opened->raw;
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (mode == access::read)
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  database made{std::move(opened)};
  auto set = made.execute(
      mode == access::write ? writer_pragmas : reader_pragmas, "pragmas");
  if (!set)
    return std::move(set).error();
  if (mode == access::write) {
    auto journal = made.ask(journal_mode);
    if (!journal.next() || journal.text(0) != "wal")
      return fault{.code = fault_code::journal_unavailable,
                   .what = "the file system of " + file.string()
                           + " cannot hold a write-ahead log (shared memory "
                             "is missing: a network mount?)",
                   .where = "journal_mode"};
  }
  // Last: setting wal_autocheckpoint takes the hook away.
  sqlite3_wal_hook(
      raw,
      [](void* self, sqlite3*, const char*, int frames) {
        static_cast<connection*>(self)->log_frames = frames;
        return SQLITE_OK;
      },
      made.connection_.get());
  auto bytes = made.integer(page_size);
  if (!bytes)
    return std::move(bytes).error();
  made.connection_->page_size = *bytes;
  return made;
}

jobs::result<statement*> database::prepared(const named_sql& sql) {
  auto& known = connection_->statements;
  const auto found = known.find(sql.text);
  if (found != known.end()) {
    found->second.reset();
    return &found->second;
  }
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(connection_->raw, sql.text.data(),
                                      static_cast<int>(sql.text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK)
    return failure(connection_->raw, code, sql.name);
  return &known.emplace(sql.text, statement{raw, sql.name}).first->second;
}

std::int64_t database::changed_rows() const {
  return sqlite3_changes64(connection_->raw);
}

jobs::status database::execute(std::string_view script, std::string_view name) {
  const std::string text{script};
  const int code =
      sqlite3_exec(connection_->raw, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    return failure(connection_->raw, code, name);
  return {};
}

jobs::result<std::int64_t> database::integer(const named_sql& sql) {
  auto answer = ask(sql);
  const std::int64_t value = answer.next() ? answer.integer(0) : 0;
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return value;
}

std::int64_t database::last_row() const {
  return sqlite3_last_insert_rowid(connection_->raw);
}

bool database::in_transaction() const {
  return sqlite3_get_autocommit(connection_->raw) == 0;
}

bool database::has_broken_reference() const {
  int broken = 0;
  int unused = 0;
  sqlite3_db_status(connection_->raw, SQLITE_DBSTATUS_DEFERRED_FKS, &broken,
                    &unused, 0);
  return broken != 0;
}

std::int64_t database::log_bytes() const {
  return connection_->log_frames * connection_->page_size;
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
  sqlite3_busy_timeout(connection_->raw, busy_timeout_ms);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return false;
  if (code != SQLITE_OK)
    return failure(connection_->raw, code, "checkpoint");
  if (in_log <= copied)
    connection_->log_frames = 0;
  return in_log <= copied;
}

jobs::result<bool> database::quick_check(std::chrono::milliseconds limit) {
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
               .where = "quick_check"};
}

jobs::status database::copy_to(const std::filesystem::path& target) {
  auto partial = target;
  partial += ".part";
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  if (auto made = make_file(partial); !made)
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
  auto outcome = code == SQLITE_OK ? jobs::status{}
                                   : jobs::status{failure(raw, code, "copy")};
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

const std::filesystem::path& database::file() const {
  return connection_->file;
}

// -- transactions -------------------------------------------------------------

jobs::result<transaction> transaction::begin(database& on) {
  auto begun = on.run(begin_write);
  if (!begun)
    return std::move(begun).error();
  return transaction{on};
}

transaction::~transaction() {
  if (on_ && on_->in_transaction())
    (void)on_->run(roll_back_all);
}

jobs::status transaction::commit() {
  auto done = on_->run(commit_all);
  if (!done)
    return std::move(done).error();
  on_ = nullptr;
  return {};
}

read_transaction::read_transaction(database& on) : on_(on) {
  (void)on_.run(begin_read);
}

read_transaction::~read_transaction() {
  if (on_.in_transaction())
    (void)on_.run(commit_all);
}

savepoint::savepoint(database& on) : on_(on), opened_() {
  auto opened = on_.run(open_savepoint);
  if (!opened)
    opened_ = std::move(opened).error();
}

savepoint::~savepoint() {
  // A full disk or a failing write has ended the whole transaction already.
  if (kept_ || !opened_ || !on_.in_transaction())
    return;
  (void)on_.run(undo_savepoint);
  (void)on_.run(release_savepoint);
}

jobs::status savepoint::keep() {
  if (!opened_)
    return opened_;
  auto released = on_.run(release_savepoint);
  if (!released)
    return std::move(released).error();
  kept_ = true;
  return {};
}

} // namespace alula::storage
