/// SQLite databases among a server's files. A copy made while a game writes is
/// torn unless it is made like a reader makes it: under the locks of SQLite,
/// which the kernel honours across containers, and with the journal or log that
/// belongs to it. Byte positions: sqlite.org/fileformat2.html 1.3,
/// sqlite.org/walformat.html 2.3, and os_unix.c of SQLite for the lock bytes.
#pragma once

#include "backup/file_descriptor.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::backup {

enum class journal_mode { rollback, write_ahead };

/// How the open file is written when it is a SQLite database; nothing when it
/// is none. Reads the first 20 bytes.
std::optional<journal_mode> database_mode(int file);

/// Whether a file that begins with this is a SQLite database.
bool is_database(std::span<const std::byte> begin);

/// The database a file of this name would belong to: "map.sqlite" for
/// "map.sqlite-journal", "-wal" and "-shm"; empty for any other name.
std::string database_of(std::string_view name);

/// Keeps a database as it is while it lives: writers wait at their commit, and
/// in write-ahead mode no checkpoint runs and the log is not begun anew.
/// Belongs to one thread.
class database_hold {
public:
  /// Waits up to `patience` for a writer to finish. `parent` and `name` are the
  /// place of `database`, which is open for reading and stays open longer.
  /// Fault io_error: the node is short of descriptors or memory.
  static jobs::result<database_hold> take(int database, journal_mode mode,
                                          int parent, const std::string& name,
                                          std::chrono::milliseconds patience,
                                          const std::stop_token& stop);

  database_hold(database_hold&&) noexcept;
  database_hold& operator=(database_hold&&) = delete;
  ~database_hold();

  bool is_held() const { return doubt_.empty(); }

  /// Why a copy made now may be torn: a note. Empty when it is held.
  const std::string& doubt() const { return doubt_; }

  /// The name of the file that has to be copied under the same hold: the log,
  /// or the journal of a writer that died. Empty when there is none; what
  /// cannot be looked at may be one.
  const std::string& companion() const { return companion_; }

private:
  database_hold() = default;
  jobs::status open_index(int parent, const std::string& name);

  int database_ = -1;
  journal_mode mode_ = journal_mode::rollback;
  file_descriptor index_; ///< the "-shm" file; its locks end with it
  std::string doubt_;
  std::string companion_;
};

} // namespace alula::backup
