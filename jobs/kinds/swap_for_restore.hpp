/// The part of backup.restore behind its pivot: the unpacked tree takes the
/// place of the server's files, or goes between them. For its source only.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"

#include <string>

namespace alula::jobs {

/// Of the tree in the staging directory, and of what it replaces in the trash:
/// named after the job, so that the accept is the intent of both (design 3).
std::string tree_of_restore(const step_context& ctx);

/// The step `swap`: two renames, or file by file without truncate_directory.
/// It can only go forward, so it is tried until it is done. What was there is
/// kept in the trash.
step_outcome swap_trees(step_context& ctx);

/// What the swap has to tell: {"undo_until", "merge"}, both only if there is
/// such a thing.
fields::json told_by_swap(const step_context& ctx);
/// The merge in a sentence for the server's clients; empty when there was none,
/// or when it could not be counted.
std::string merge_message(const step_context& ctx);

} // namespace alula::jobs
