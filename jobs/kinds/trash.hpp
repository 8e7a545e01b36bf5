/// What the kinds that deal with the trash have in common.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/ports.hpp"

#include <stop_token>
#include <string>
#include <string_view>

namespace alula::jobs {

/// The trash entry of a delete is named after its job, so the accept commit is
/// already the intent of the rename (design 3).
std::string trash_name(const job_id& deleted_by);

/// `{"deleted_by": …}` of a job's input.
job_id deleted_by(const job_record& job);

/// Moves the files that an undelete has put in the place of the server's volume
/// into the trash again. While the entry lies there nothing was moved, and a
/// volume that is in the way belongs to somebody else. Otherwise the volume is
/// ours: nobody else gets the uuid while the entry is claimed.
step_outcome put_back_into_trash(step_context& ctx);

/// The entry is free for its delete again.
step_outcome release_entry(step_context& ctx);

enum class deleted_files {
  in_trash,
  taken_out, ///< by an undelete that is under way, or that was given up and
             ///< undelete.settle is about to bring them back
  gone,      ///< purged, or a server has them again
};

/// Where the files of a delete of the job's server are.
result<deleted_files> find_deleted(step_context& ctx, const job_id& deleted_by);

/// What a purge does while they are taken out.
step_waits wait_for_taken_out();

/// Purges the entry and tells how far it is, for the step the job is at. A step
/// counts on from where the ledger saw it when the process died, even if the
/// disk knows of less.
result<volumes::purge_progress> remove_from_trash(step_context& ctx,
                                                  std::string_view step,
                                                  std::string_view entry);

/// Purges the entry, and tells how many of its files are gone with `message`.
result<volumes::purge_progress> purge_telling(step_context& ctx,
                                              std::string_view entry,
                                              std::stop_token stop,
                                              const std::string& message);

/// Removes a staged tree, and tells how many of its files are gone.
status discard_telling(step_context& ctx, std::string_view staged,
                       std::stop_token stop);

/// Removes the entry's files and takes it off the list; tells how far it is.
/// For a step named "purge".
step_outcome purge_entry(step_context& ctx, const job_id& deleted_by);

} // namespace alula::jobs
