/// A backup as the ledger knows it. The archive and its manifest are files of
/// the backup directory (jobs/archives.hpp).
#pragma once

#include "jobs/archives.hpp"
#include "jobs/ids.hpp"
#include "jobs/outbox.hpp"
#include "jobs/transfers.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

enum class backup_state { creating, ready, deleting };

std::string_view to_string(backup_state s);
std::optional<backup_state> parse_backup_state(std::string_view text);

/// Where else than in the backup directory an archive lies.
struct backup_place {
  /// The name of a store, or panel_place.
  std::string name;
  std::string key;  ///< in a store of ours
  std::string etag; ///< of that object
  std::int64_t size = 0;
  time_ms stored_at = 0;
  // Of panel_place only:
  time_ms asked_at = 0; ///< when the Panel was last asked for it, or 0
  /// Since when the Panel says that it has no such backup; 0: it does not.
  time_ms missed_at = 0;
};

/// The store a Panel has links to; only it can get at what lies there.
inline constexpr std::string_view panel_place = "panel";
/// The backup directory, where a request names places.
inline constexpr std::string_view local_place = "local";

struct backup_record {
  std::int64_t row = 0;
  backup_id uuid;
  server_id server; ///< empty: of another program, and nobody has asked for it
  backup_state state = backup_state::creating;
  job_id owner_job;    ///< that creates or deletes it, or empty
  archive_facts facts; ///< of a ready one; checksums may be empty if found
  bool has_manifest = false;
  bool pinned = false;       ///< never rotated away
  bool server_lives = false; ///< a server of that uuid is on this node
  time_ms created_at = 0;
  time_ms completed_at = 0;
  time_ms verified_at = 0; ///< of the last verification, good or bad
  /// What the last verification found wrong: with the archive here, or, in the
  /// words of damage_in_store, with the copy in a store.
  std::string damage;
  time_ms lost_at = 0; ///< since when the archive is missing, or 0
  time_ms told_at = 0; ///< when the Panel took note that it is ready, or 0
  /// Of the last report about it; nothing when there is none, or no more.
  std::optional<report_state> report;
  bool is_local = true; ///< there is one in the backup directory, unless lost
  /// The local one is to go as soon as another place has it for sure.
  bool is_scratch = false;
  std::vector<backup_place> places; ///< besides, by name

  const backup_place* find_place(std::string_view name) const;
  /// A place it can be fetched from with the node's own keys; null: none.
  const backup_place* any_store() const;
  /// The same, and one that nobody has found damaged where there is one.
  const backup_place* best_store() const;
  /// Whether one lies in the backup directory that nobody has found anything
  /// wrong with.
  bool is_good_here() const;
  /// Which copy the damage on record is that of: local_place or the name of a
  /// store; empty: none is on record.
  std::string_view damaged_place() const;
  /// Whether another copy than that in this place is there, and nobody has
  /// found anything wrong with it.
  bool has_good_copy_besides(std::string_view place) const;
};

/// How damage of the copy in a store is put on record.
std::string damage_in_store(std::string_view store, std::string_view what);

/// Whether it is in the Panel's store and in no place of ours for good: the
/// Panel made it and the Panel removes it.
bool is_the_panels(const backup_record& backup);

/// Whether only the Panel's store has it, and the Panel has taken note that it
/// is complete: the Panel may have deleted it since, and says so when it is
/// asked only.
bool is_left_to_panel(const backup_record& backup);
/// The same, and the Panel says that it has no such backup.
bool is_missed_by_panel(const backup_record& backup);

/// Whether its archive can be read from here: in the backup directory or, with
/// the node's own keys, in a store.
bool is_readable(const backup_record& backup);

/// Whether nobody has read it to its end yet, nor copied it elsewhere: it may
/// have been seen while it was still being written.
bool is_unread(const backup_record& backup);

/// Whether record_found_backup would take another size or time on record from
/// what lies in the directory: one that is unread.
bool is_outdated_by(const backup_record& backup, const archive_file& file);

/// When it was last read from end to end; as long as it was not, when it was
/// made.
time_ms last_read_at(const backup_record& backup);

/// Strictly below `before` (rows; 0: from the newest), newest first.
struct backup_filter {
  server_id server;      ///< empty: any
  bool orphaned = false; ///< only those whose server is not on this node
  std::optional<backup_state> state;
};

struct backup_page {
  std::vector<backup_record> items;
  std::int64_t next_before = 0; ///< 0: no more
};

/// A tree that a restore replaced, in the trash until `keep_until`.
struct replaced_tree {
  job_id replaced_by; ///< the restore
  server_id server;
  std::int64_t server_row = 0;
  std::string name;    ///< entry below the trash directory
  bool merged = false; ///< it holds only what was in the way of a merge
  bool claimed = false;
  time_ms replaced_at = 0;
  time_ms keep_until = 0; ///< 0: due, and never taken back (decision 30)

  /// An undo would get it now: nobody else has it, and none came after it.
  bool can_be_taken_back() const { return !claimed && keep_until > 0; }
};

struct schedule_entry {
  std::string name;
  time_ms next_at = 0;
};

/// What steps and schedules read of the ledger: a part of jobs::queries.
class backup_records {
public:
  virtual ~backup_records() = default;
  virtual result<std::optional<backup_record>>
  find_backup(const backup_id& uuid) = 0;
  virtual result<backup_page> list_backups(const backup_filter& filter,
                                           std::int64_t before,
                                           std::size_t limit) = 0;
  /// Nothing when the restore is not undoable any more.
  virtual result<std::optional<replaced_tree>>
  find_replaced(const job_id& replaced_by) = 0;
  /// Held trees whose time is over, the oldest first.
  virtual result<std::vector<replaced_tree>>
  list_due_replaced(time_ms now, std::size_t limit) = 0;
  virtual result<std::vector<schedule_entry>> list_schedules() = 0;
  /// Nothing when the job has none (under way).
  virtual result<std::optional<transfer_record>>
  find_transfer(const job_id& job) = 0;
  /// The oldest first.
  virtual result<std::vector<remote_remains>>
  list_remains(std::size_t limit) = 0;
  /// Ready ones whose local archive may go now: scratch that the Panel has
  /// taken note of, or a store of ours has if it is not for the Panel's.
  virtual result<std::vector<backup_record>>
  list_settled_scratch(std::size_t limit) = 0;
};

} // namespace alula::jobs
