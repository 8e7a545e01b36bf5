/// What the jobs that bring archives to other machines, or get them from there,
/// have in common. For the sources of kinds only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/far_places.hpp"
#include "jobs/kind.hpp"
#include "jobs/part_upload.hpp"
#include "jobs/ports.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace alula::jobs {

/// "<server>/<backup>.tar.gz", below the store's prefix; the manifest beside
/// it.
std::string object_key(const server_id& server, const backup_id& backup);
std::string manifest_key(const std::string& archive_key);

/// Faults: store_not_found; not_implemented on a node without any.
result<object_store*> find_store(const step_context& ctx,
                                 const std::string& name);

/// Whether a store of ours, other than `besides`, says that it has the archive
/// in its size; one whose copy is known to be damaged is not asked. Where none
/// says so the fault is that of one that says nothing, if there is one.
result<bool> is_in_a_store(const step_context& ctx, const backup_record& backup,
                           std::string_view besides = {});

/// A store that does not answer is waited for, visibly, for a day from the
/// accept on; other faults, and then that one, are what they are.
step_outcome wait_for_store(const step_context& ctx, fault why);

// -- to other machines --------------------------------------------------------

struct uploaded {
  std::string etag; ///< of the object; empty for a Panel's
  std::int64_t size = 0;
};

/// Sends an archive of the job to the Panel's store: links are asked for once
/// and kept before the first byte leaves, and anew when they have expired. The
/// parts that are through stand in the job's transfer.
result<uploaded> upload_for_panel(step_context& ctx, const backup_id& backup,
                                  int fd, std::int64_t size);

/// Sends archive and manifest to a store of ours and puts them together there.
/// `manifest` may be -1.
result<uploaded> upload_to_store(step_context& ctx, object_store& store,
                                 const std::string& key, int fd,
                                 std::int64_t size, int manifest);

/// Takes back what the job's transfer has left in a store of ours. What cannot
/// be reached is left on record, and removed later: a job that makes nothing
/// needs no store to end (user-pains A9).
step_outcome take_back_upload(step_context& ctx);

/// Uploads and object of that key, and the manifest beside it.
status remove_remains(object_store& store, const remote_remains& what,
                      std::stop_token stop);

/// An archive that leaves while it is made.
class archive_stream {
public:
  virtual ~archive_stream() = default;
  virtual status write(std::string_view piece) = 0;
  virtual result<uploaded> finish() = 0;
  /// Bytes that are through, for the progress of the job. Any thread.
  virtual std::int64_t sent() const = 0;
  /// Its links are of no use any more. They may last shorter than the archive
  /// takes to be made, every time: the next try had better have it first.
  virtual bool is_too_slow() const = 0;
};

/// For archives of at most `bound` bytes, `expected` for the progress. Null,
/// and a line in the log, when the parts would be too large for the memory:
/// they go by way of the disk.
result<std::unique_ptr<archive_stream>>
stream_for_panel(step_context& ctx, const backup_id& backup, std::int64_t bound,
                 std::int64_t expected);
result<std::unique_ptr<archive_stream>>
stream_to_store(step_context& ctx, object_store& store, const std::string& key,
                std::int64_t bound, std::int64_t expected);
/// The manifest of such an archive, beside its object.
status put_manifest(step_context& ctx, object_store& store,
                    const std::string& key, int manifest);

// -- from other machines ------------------------------------------------------

/// Gets what the job's transfer has a link to, into the job's unfinished
/// archive; goes on where an earlier try ended. Its size.
result<std::int64_t> fetch_link(step_context& ctx, const backup_id& backup);
/// The same from a store of ours, with the manifest when this node has none.
result<std::int64_t> fetch_object(step_context& ctx, const backup_id& backup,
                                  object_store& store,
                                  const backup_place& place);
/// Reads it there from its first byte to its last, and goes on where a
/// connection was cut. Needs no room. Its size and checksums.
result<archive_facts> hash_object(step_context& ctx, object_store& store,
                                  const backup_place& place);
/// From the first store that has it as it was written, and answers. The fault
/// is that of one that may answer later, if there is one.
result<std::int64_t> fetch_from_stores(step_context& ctx,
                                       const backup_record& backup,
                                       check_for whom);
/// Undoes a step that has fetched the archive of the job's backup.
step_outcome discard_fetched(step_context& ctx);

} // namespace alula::jobs
