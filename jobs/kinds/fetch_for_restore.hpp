/// The part of backup.restore that is about archives on other machines. For
/// its source only.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/reading_backups.hpp"

#include <string>

namespace alula::jobs {

/// What the ledger knows of the backup; an empty record when it knows nothing,
/// as of one that another program has sent to the Panel's store.
result<backup_record> record_of_restore(const step_context& ctx);

/// Whether it is not to be read from the backup directory.
bool is_to_be_fetched(const step_context& ctx, const backup_record& record);

/// Bytes of the archive that the step `fetch` will put on the backup disk; 0
/// when nobody knows yet.
std::int64_t size_to_fetch(const step_context& ctx,
                           const backup_record& record);

/// The step `fetch`: gets the archive into an unfinished one of this job, from
/// the link of the request or from a store of ours, before the server is
/// stopped. Nothing when it lies in the directory.
step_outcome fetch_archive(step_context& ctx);
/// Whether the step would find the archive; reads none of it.
status look_for_far_archive(step_context& ctx);
/// The job, when it has fetched an archive; else empty.
job_id fetched_by(const step_context& ctx);

/// As check_backup, of what was fetched.
result<backup_check> check_fetched(step_context& ctx, const backup_id& backup);

} // namespace alula::jobs
