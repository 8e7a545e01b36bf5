/// What a restore may take, of the disk and of the server's quota, and where it
/// gets room from. For the sources of kinds only.
#pragma once

#include "jobs/disk_room.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/ports.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::jobs {

/// The server's disk quota in bytes, 0 for none (wings-protocol 3.4: MiB).
std::int64_t quota_of(const server_record& server);

/// Bytes; 0: none.
std::int64_t quota_in(const step_context& ctx);

/// For so many bytes of contents: 5 % more for what a file system adds
/// (job-engine C.4).
std::int64_t needed_room(std::int64_t bytes);

/// What is known before anything is read.
struct outlook {
  /// All that is in it, as far as the manifest says; all 0 when there is none:
  /// the verification counts it then.
  tree_size content;
  /// What of it an extraction will write: of chosen paths what the manifest
  /// says of them, and nothing without one on this node.
  tree_size written;
  bool has_manifest = false;
  std::int64_t download = 0; ///< bytes; 0 also when nobody knows
};

/// Refuses what cannot be restored: a missing archive, a place that cannot be
/// swapped, contents over the quota.
result<outlook> look_ahead(step_context& ctx);

/// Keeps what a restore takes of the backup disk: `download` bytes of an
/// archive that is fetched, and what the manifest's `files` entries take that
/// are sorted aside by their place in the archive. For the sorting alone, which
/// is over when the files are unpacked, the part that is never promised will
/// do: a server can be restored from a disk that is as good as full. Fault
/// no_room, with the numbers.
status keep_backup_room(step_context& ctx, std::int64_t download,
                        std::int64_t files);
/// Of the disk of the volumes: `needs` bytes, and the download where both are
/// on one disk.
result<std::int64_t> room_before_download(step_context& ctx, std::int64_t needs,
                                          std::int64_t download);

/// Whether the whole contents fit into the quota.
status check_quota(const step_context& ctx, std::int64_t bytes);
/// Whether the server fits into it once `bytes` of the staged tree are merged
/// into its files. One that is over it already may not grow.
status check_merged_quota(step_context& ctx, const std::string& staged,
                          std::int64_t bytes);

/// When `needs` bytes are not free, claims as many of the trees that restores
/// replaced as that takes, oldest first; none when all of them would not do.
step_outcome claim_trees_for_room(step_context& ctx, std::int64_t needs);
step_outcome let_trees_go(step_context& ctx);
/// Removes what was claimed. Also the undo of itself: half a tree is of no use.
step_outcome remove_claimed_trees(step_context& ctx, std::stop_token stop);
/// The restores that cannot be undone any more because of that.
fields::json removed_trees(const step_context& ctx);
/// Of a job that ended while it removed them: what is left of them is of no use
/// to anybody.
std::vector<change> spoilt_trees(const job_record& ended);

/// Keeps the room of a job while it writes, and stops it when others have taken
/// it: better than to fill the disk.
class room_watch {
public:
  room_watch(step_context& ctx, std::int64_t needs);

  status begin();
  void wrote(std::int64_t bytes);
  std::stop_token token() const { return own_.get_token(); }
  /// Of how the writing ended: that the room went, with the numbers, or else
  /// what it says.
  fault why(fault ended) const;

private:
  step_context& ctx_;
  std::int64_t needs_;
  std::int64_t written_ = 0;
  std::int64_t looked_at_ = 0;
  std::optional<fault> full_;
  std::stop_source own_;
  std::stop_callback<std::function<void()>> link_;
};

} // namespace alula::jobs
