#include "storage/sqlite.hpp"

#include "storage/sqlite_connection.hpp"

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

constexpr named_sql journal_mode{"journal_mode", "PRAGMA journal_mode"};
constexpr named_sql page_size{"page_size", "PRAGMA page_size"};

/// Counting every allocation takes a lock that readers and writer share. Must
/// come before the first use of the library.
void leave_memory_uncounted() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
}

} // namespace

// -- database -----------------------------------------------------------------

database::database(std::unique_ptr<connection> opened)
  : connection_(std::move(opened)) {}
database::database(database&&) noexcept = default;
database& database::operator=(database&&) noexcept = default;
database::~database() = default;

jobs::result<database> database::open(const std::filesystem::path& file,
                                      access mode) {
  if (mode == access::write) {
    if (auto made = make_database_file(file); !made)
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
    auto why = sqlite_fault(opened->raw, code, "open");
    why.what += ": " + file.string();
    return why;
  }
  auto* raw = opened->raw;
  sqlite3_busy_timeout(raw, connection::busy_timeout_ms);
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
    return sqlite_fault(connection_->raw, code, sql.name);
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
    return sqlite_fault(connection_->raw, code, name);
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

const std::filesystem::path& database::file() const {
  return connection_->file;
}

} // namespace alula::storage
