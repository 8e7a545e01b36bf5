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

/// What unpacking so much takes: 5 % more for what a file system adds
/// (job-engine C.4), and 4 KiB for each file: its last block, which is half
/// empty on average and all but empty in a small one, its inode where that
/// takes from the same room, and its name.
room_wanted needed_room(const tree_size& contents);

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
  /// Entries of the manifest.
  std::int64_t files_to_sort() const {
    return has_manifest ? content.files : 0;
  }
};

/// Refuses what cannot be restored: a missing archive, a place that cannot be
/// swapped, contents over the quota.
result<outlook> look_ahead(step_context& ctx);

/// Keeps what a restore takes of the backup disk: `download` bytes of an
/// archive that is fetched, and what the manifest's `files` entries take that
/// are sorted aside by their place in the archive. For the sorting alone, which
/// is over when the files are unpacked, the part that is never promised will
/// do: a server can be restored from a disk that is as good as full. For
/// neither nothing is kept any more. Fault no_room, with the numbers.
status keep_backup_room(step_context& ctx, std::int64_t download,
                        std::int64_t files);
/// The step `make_room`: claims trees of older restores for what is missing of
/// the room, the download included where both are on one disk.
step_outcome claim_room(step_context& ctx, const outlook& ahead);
/// The step `clear_room`: removes of them what a download needs that would not
/// fit beside them, once the archive was seen where it lies.
step_outcome clear_room_for_download(step_context& ctx);
/// Keeps what it needs of the disk of the volumes, but for what the claimed
/// trees take: nobody else gets that either. Also where less than nothing is
/// left, as long as they make up for that, too.
status keep_room_beside_trees(step_context& ctx, const room_wanted& needs);
/// Keeps all of it: a part of the step `extract` that removes such trees, or
/// what is wrong; nothing once it is there.
std::optional<step_outcome> take_room(step_context& ctx,
                                      const room_wanted& needs);

/// Whether the whole contents fit into the quota.
status check_quota(const step_context& ctx, std::int64_t bytes);
/// Whether the server fits into it once the staged tree is merged into its
/// files, by what both take on the disk. One that is over it already may not
/// grow.
status check_merged_quota(step_context& ctx, const std::string& staged);

/// Keeps the room of a job while it writes, and stops it when others have taken
/// it: better than to fill the disk.
class room_watch {
public:
  room_watch(step_context& ctx, const room_wanted& needs);

  status begin();
  void wrote(const archive_progress_made& so_far);
  std::stop_token token() const { return own_.get_token(); }
  /// Of how the writing ended: that the room went, with the numbers, or else
  /// what it says.
  fault why(fault ended) const;

private:
  step_context& ctx_;
  room_wanted needs_;
  archive_progress_made written_;
  std::int64_t looked_at_ = 0;
  std::optional<fault> full_;
  std::stop_source own_;
  std::stop_callback<std::function<void()>> link_;
};

} // namespace alula::jobs
