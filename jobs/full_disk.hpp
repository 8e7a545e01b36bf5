/// Which disk is full, and what it is that it lacks, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace alula::jobs {

/// "512 bytes", "1.5 GiB".
std::string readable_size(std::int64_t bytes);

/// Where the disk of this absolute path is mounted; the path need not exist.
/// Empty for what is no absolute path.
std::string mount_of(std::string_view path);

/// The same of an open directory; empty when that cannot be told.
std::string mount_of(int directory);

/// "the disk at /srv is full: 0 bytes of 1.0 GiB are free"; for EDQUOT that a
/// quota is used up, and of a disk without free inodes that. Empty for what is
/// no absolute path. Blocks as stat() does.
std::string words_of_full_disk(int error_number, std::string_view path);

} // namespace alula::jobs
