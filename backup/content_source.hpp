/// One file out of an archive, read in order, without reading what is before
/// it when the member positions are known.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/file_descriptor.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <memory>
#include <vector>

namespace alula::backup {

/// `entry`: a file or a hard link with content of its own. Without `members`
/// the archive is decoded from its start. The reader keeps `archive`, and with
/// it any lock it has. Faults of open and read: backup_damaged, io_error.
jobs::result<std::unique_ptr<jobs::content_reader>>
open_entry(file_descriptor archive, const archive_entry& entry,
           std::vector<member_position> members);

} // namespace alula::backup
