/// The files and directories of a backup that a restore is asked for. For the
/// sources of kinds only.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/ports.hpp"

#include <string>
#include <vector>

namespace alula::jobs {

/// "paths" of the body of a restore; an empty list when it has none.
result<fields::json> read_paths(const fields::json& body);
/// "paths64" of it: the same in base64, for names that are not UTF-8.
result<fields::json> read_paths64(const fields::json& body);

/// Of the input of a restore. Empty: everything.
std::vector<std::string> chosen_paths(const step_context& ctx);

/// Whether the manifest on this node lists every chosen path; false when there
/// is none that can be read. Fault path_not_found, naming the first that it
/// does not list. One search in the manifest for each path.
result<bool> manifest_has_paths(step_context& ctx);

/// What the manifest on this node says of them; all 0 when there is none that
/// can be read.
result<tree_size> size_of_chosen(step_context& ctx);

} // namespace alula::jobs
