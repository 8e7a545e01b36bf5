/// The multipart body of an incoming transfer: its archive on the disk, and
/// whether it is what the sender says (wings-protocol 2.16, 2.18). For the
/// sources of kinds only.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/job.hpp"
#include "jobs/kind.hpp"
#include "jobs/result.hpp"

namespace alula::jobs {

/// What the unfinished archive of the job is called: no backup, but stored,
/// read and swept as one that a restore has fetched.
backup_id part_of_transfer(const job_record& job);

/// Reads the request to its end: the part `archive` into the unfinished file of
/// the job, then `checksum`, its SHA-256 in hexadecimal digits without a line
/// break (trap 107); other parts are skipped. Lets go of the body however it
/// ends. Only what the archive is as a whole is known then: nothing in it was
/// looked at. Size and sha256 are set.
///
/// Faults: malformed, with what is wrong with the body; backup_damaged when the
/// checksum is another one's; upload_failed, interrupted, io_error,
/// insufficient_storage.
result<archive_facts> receive_archive(step_context& ctx,
                                      incoming_transfer request);

} // namespace alula::jobs
