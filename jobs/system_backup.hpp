/// Systems and the backups that appliances send: what is on record of them, how
/// their ids and names are made, and what is removed when there are too many.
/// Pure; the rules are those of the systems backups API (docs/systems.md).
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// An appliance whose backups are kept here.
struct system_record {
  std::string id;           ///< opaque, 1 to 255 bytes, in URLs
  std::string organization; ///< path of who owns it: "d1/r1/c1"
  std::string name;         ///< for people; may be empty
  time_ms created_at = 0;
  time_ms suspended_at = 0; ///< 0: it may send backups
  time_ms destroyed_at = 0; ///< 0: it is there; else its backups are going
};

/// A system with what is stored of it.
struct listed_system : system_record {
  std::int64_t backups = 0;
  std::int64_t bytes = 0; ///< together
  time_ms newest_at = 0;  ///< upload of the newest; 0: none
};

enum class system_backup_state {
  uploading, ///< announced and reserved, not there yet
  stored,    ///< the only state that anybody is shown
  deleting   ///< on its way out
};
std::string_view to_string(system_backup_state s);
std::optional<system_backup_state>
parse_system_backup_state(std::string_view text);

struct system_backup_record {
  std::string id; ///< UUIDv7 and extension: the name of the file too
  std::string system;
  system_backup_state state = system_backup_state::uploading;
  std::string filename; ///< made harmless; may be empty
  std::string mimetype; ///< as the appliance declared it
  std::int64_t size = 0;
  std::string sha256;      ///< 64 lower-case digits once it is stored
  std::string uploader;    ///< address of the peer; never told
  time_ms uploaded_at = 0; ///< the time in the id
  job_id owner_job;        ///< that makes or removes it; empty when stored
};

/// docs/systems.md has each number's reason.
struct system_limits {
  std::int64_t upload = std::int64_t{2} << 30;  ///< bytes of one backup
  std::int64_t count = 10;                      ///< backups of a system
  std::int64_t bytes = std::int64_t{500} << 20; ///< of a system, together
  /// Of an organisation, together; 0: no limit.
  std::int64_t organization = std::int64_t{100} << 30;
  std::int64_t per_minute = 6;    ///< uploads of a system; 0: no limit
  std::int64_t per_hour = 60;     ///< the same
  std::chrono::seconds link{300}; ///< how long a download link is good

  /// The largest backup that can be taken and kept: one that is larger than
  /// what its system may have would push everything out, itself included.
  std::int64_t largest() const { return upload < bytes ? upload : bytes; }
};

/// The id in its one spelling, lower case, or nothing: UUIDv7 with one of six
/// extensions, or none.
std::optional<std::string> canonical_system_backup_id(std::string_view text);

/// A new id with the extension that an upload of this name gets.
std::string make_system_backup_id(time_ms now, std::string_view x_filename);

/// Kept of an announced name when it is one of the six, whatever the case;
/// ".bin" for every other.
std::string_view system_backup_extension(std::string_view filename);

/// What is behind the last slash or backslash of X-Filename; "backup-<uuid>"
/// when the header is missing or blank.
std::string display_name(std::string_view x_filename, std::string_view id);

/// Every code point outside A-Z a-z 0-9 . _ - becomes an underscore; at most
/// 255 bytes are kept. A broken sequence counts byte by byte.
std::string harmless_name(std::string_view name);

/// The name a download is saved under: the stored one with the time of the
/// upload in UTC before its first dot.
std::string download_name(const system_backup_record& of);

/// Ids that have to go so that at most `count` backups of at most `bytes` are
/// left, oldest first by id. The newest always stays, and so does `fresh`, the
/// one that was just stored: its id has the time of its request's head, so a
/// slow upload, or any after the clock went back, is not the newest. `stored`
/// in any order, `fresh` among them.
std::vector<std::string>
choose_system_victims(std::vector<system_backup_record> stored,
                      std::string_view fresh, std::int64_t count,
                      std::int64_t bytes);

/// The JSON of one backup as it is told: the uploader is not in it.
std::string to_json(const system_backup_record& backup);

/// What is read of the ledger: a part of jobs::queries. Blocks; any thread but
/// the I/O thread.
class system_records {
public:
  virtual ~system_records() = default;
  virtual result<std::optional<system_record>>
  find_system(std::string_view id) = 0;
  /// In the order of their ids, strictly behind `after`.
  virtual result<std::vector<listed_system>>
  list_systems(std::string_view after, std::size_t limit) = 0;
  virtual result<std::optional<system_backup_record>>
  find_system_backup(std::string_view id) = 0;
  /// All of them in every state, newest first.
  virtual result<std::vector<system_backup_record>>
  list_system_backups(std::string_view system) = 0;
  /// Of all systems, those that are `uploading`, by whichever job.
  virtual result<std::vector<system_backup_record>>
  list_system_uploads(std::size_t limit) = 0;
};

} // namespace alula::jobs
