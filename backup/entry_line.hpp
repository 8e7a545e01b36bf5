/// One entry of an archive as one line of JSON, as it stands in a manifest
/// (docs/manifest.md).
#pragma once

#include "backup/archive_writer.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>

namespace alula::backup {

/// Appends the line with its newline.
void append_entry_line(std::string& out, const archive_entry& entry);

/// Fault backup_damaged when the line is not one of ours.
jobs::result<archive_entry> entry_from_line(std::string_view line);

/// Only the path of a line, fast: what a search compares. Lines whose path
/// needs no unescaping cost no copy; else it is put into `scratch`. Empty when
/// the line is not one of ours.
std::string_view path_of_line(std::string_view line, std::string& scratch);

} // namespace alula::backup
