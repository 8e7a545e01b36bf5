/// The fields of a tar's header blocks, as texts and numbers. Pure.
#pragma once

#include "backup/gzip_member.hpp"
#include "backup/tar_reader.hpp"
#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

constexpr std::size_t tar_block = 512;

/// Zeros that follow content of this size.
constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((tar_block - size % tar_block) % tar_block);
}

/// Where in a header block its checksum stands (POSIX.1-1988 ustar).
constexpr std::size_t checksum_at = 148;

/// A piece of a sparse file that has content.
struct sparse_extent {
  std::uint64_t at = 0;
  std::uint64_t size = 0;
};

/// One header block (POSIX.1-1988 ustar; GNU and v7 where they differ).
struct tar_header {
  std::string path;
  std::string target;
  char flag = '0';
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0; ///< seconds
};

/// What of pax records concerns us; the rest is passed over.
struct pax_values {
  std::optional<std::string> path;
  std::optional<std::string> target;
  std::optional<std::uint64_t> size;
  std::optional<std::int64_t> mtime_ns;
  std::optional<std::uint64_t> real_size; ///< of a sparse file
  std::optional<std::string> sparse_name;
  std::vector<sparse_extent> map; ///< GNU formats 0.0 and 0.1
  bool is_sparse = false;
  bool has_map_in_content = false; ///< GNU format 1.0
  bool is_there = false;           ///< any record at all
};

bool is_zero_block(byte_view block);

/// `block` has 512 bytes. Nothing on success, else what is wrong with it.
std::optional<std::string> parse_header(byte_view block, tar_header& into);

/// The same for the text of a pax header.
std::optional<std::string> parse_pax(std::string_view text, pax_values& into);

/// `count` extents of an old GNU sparse header, 24 bytes each, up to the first
/// empty one.
std::optional<std::string> parse_old_extents(byte_view fields,
                                             std::vector<sparse_extent>& into);

/// A number of a field: octal, or base 256 when its first bit is set.
std::optional<std::int64_t> parse_number(byte_view field);

/// Digits only, the whole text.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

/// Extents in order, apart, inside `real_size`, and as long as what is stored.
bool is_sound(const std::vector<sparse_extent>& map, std::uint64_t real_size,
              std::uint64_t stored);

/// A name as it may stand in a sentence: printable, at most 200 bytes.
std::string shown(std::string_view name);

} // namespace alula::backup
