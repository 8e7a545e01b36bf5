/// The headers an archive of ours is written with: ustar, and a pax header
/// before it where ustar cannot say it (wings-protocol 7.3). Names are written
/// byte for byte. Pure.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/data_map.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace alula::backup {

/// All header blocks of a file (further names of one included), link or
/// directory. Owner 0 without names, whole seconds, like stock Wings'.
std::string tar_headers(const archive_entry& entry);

/// The same for a file whose holes are left out (GNU tar's manual, "Storing
/// Sparse Files": pax format 1.0): also the map that its content begins with.
std::string sparse_tar_headers(const archive_entry& entry, const data_map& map);

/// Seconds before or at a time.
std::int64_t whole_seconds(std::int64_t ns);

/// What ends a tar.
constexpr std::size_t tar_end_size = 1024;

} // namespace alula::backup
