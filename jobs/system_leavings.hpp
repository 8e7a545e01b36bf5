/// What uploads of systems' backups have left behind: what system.backup.sweep
/// removes, and whether there is any of it. Blocks; any thread but the I/O
/// thread.
#pragma once

#include "jobs/ledger.hpp"
#include "jobs/system_backup.hpp"

#include <cstddef>
#include <string_view>

namespace alula::jobs {

class system_objects;

/// More than are ever under way; the next sweep has the others.
constexpr std::size_t most_system_uploads = 10'000;

/// Its job has ended and has left the row as it was. The job is asked first:
/// one that ends well meanwhile has changed the row by then. A ledger that
/// cannot say is a reason to leave things alone.
bool was_given_up(queries& records, const system_backup_record& upload);

/// True as well when the ledger cannot say.
bool is_on_record(queries& records, std::string_view backup);

/// Whether a sweep has anything to remove or to tell of. Changes nothing. True
/// as well when it cannot be seen: the sweep is tried again, and tells why.
bool has_system_leavings(queries& records, system_objects& objects);

} // namespace alula::jobs
