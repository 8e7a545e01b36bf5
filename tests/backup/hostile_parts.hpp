/// What the sources that make hostile archives share. They are one list, in the
/// order that the functions stand in here.
#pragma once

#include "tests/backup/hostile_archives.hpp"
#include "tests/backup/tar_builder.hpp"

#include <string>
#include <vector>

namespace alula::backup::hostile {

using list = std::vector<hostile_archive>;
constexpr auto refused = jobs::fault_code::archive_refused;
constexpr auto damaged = jobs::fault_code::backup_damaged;

inline std::string packed(const tar_builder& tar) {
  return gzipped(tar.finished());
}

/// Names that leave the directory or are none, links, and kinds of entries.
void add_entries(list& out);
/// Numbers, extensions and sparse maps that lie.
void add_headers(list& out);
/// Streams that are cut, spoilt or without end, and indexes that lie.
void add_streams(list& out);

} // namespace alula::backup::hostile
