/// The part of backup.create that is about other machines. For its source
/// only.
#pragma once

#include "jobs/kinds/far_steps.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace alula::jobs {

/// "wings", "s3" or "store".
std::string adapter_of(const step_context& ctx);

/// Whether there is anybody to send it to.
status check_destination(const step_context& ctx);

/// Whether the archive is to be sent while it is made.
bool may_stream(const step_context& ctx);
/// Whether it was, and no file of it is here.
bool was_streamed(const step_context& ctx);

/// Nothing when it has to go by way of the disk. `files` and `bytes` as they
/// were counted, `expected` of the archive.
result<std::unique_ptr<archive_stream>> open_stream(step_context& ctx,
                                                    std::int64_t files,
                                                    std::int64_t bytes,
                                                    std::int64_t expected);

/// The step `upload`: from the unfinished archive, which keeps its name until
/// it is through, so that a backup that never arrives leaves nothing.
step_outcome send_archive(step_context& ctx);

/// What is on record of the finished backup, and what the Panel is told.
result<std::vector<change>> place_it(const step_context& ctx,
                                     const backup_id& uuid,
                                     const archive_facts& facts);

} // namespace alula::jobs
