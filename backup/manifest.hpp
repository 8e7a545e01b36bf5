/// What stands beside an archive about it, apart from the entries
/// (docs/manifest.md).
#pragma once

#include "backup/gzip_member.hpp"
#include "jobs/archives.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace alula::backup {

/// For the sentences of faults.
constexpr std::string_view manifest_name = "the manifest";

/// Where the patterns came from that kept files out of an archive.
enum class ignore_source { none, request, pteroignore };

/// The header of a manifest.
struct manifest_facts {
  jobs::backup_id backup;
  jobs::server_id server; ///< empty: unknown
  jobs::job_id job;       ///< that wrote the archive; empty: another program
  jobs::time_ms created_at = 0;
  jobs::archive_facts archive;
  std::int64_t noted = 0; ///< all notes; the first of them are in the manifest
  std::int64_t entries = 0;
  compression level = compression::best_speed;
  ignore_source ignored_by = ignore_source::none;
};

/// Limits of the format: a reader refuses what is over them.
namespace manifest_limits {
constexpr std::size_t header_text = std::size_t{64} * 1024;
constexpr std::size_t index_text = std::size_t{64} * 1024 * 1024;
/// A block ends after this many entries, or with the entry that makes its text
/// as long as this.
constexpr std::size_t block_entries = 1000;
constexpr std::size_t block_target = std::size_t{1024} * 1024;
/// The longest line, with a path and a target of 1 MiB in base64.
constexpr std::size_t line_text = std::size_t{3} * 1024 * 1024;
constexpr std::size_t block_text = block_target + line_text;
constexpr std::size_t path = std::size_t{1024} * 1024;
/// Keys of the index are cut here.
constexpr std::size_t key = 512;
} // namespace manifest_limits

constexpr int manifest_version = 1;

} // namespace alula::backup
