/// A server's files as one .tar.gz that GNU tar, stock Wings and stock Panels
/// can read, made in one pass over the files and none over the archive.
#pragma once

#include "backup/ignore_rules.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::backup {

enum class entry_type { file, link, hard_link, directory };

/// One thing in the archive, or, for directories and further names of a file,
/// beside it in the manifest.
struct archive_entry {
  std::string path; ///< relative to the server's root, bytes
  entry_type type = entry_type::file;
  std::uint32_t mode = 0; ///< permission bits, set-id bits included
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0; ///< content bytes of a file
  std::string target;     ///< of a link; of a hard link: the first name's path
  std::uint64_t offset = 0; ///< of the content in the uncompressed stream
  bool is_sparse = false;
  friend bool operator==(const archive_entry&, const archive_entry&) = default;
};

/// Something that is not in the archive as it is on the disk.
struct archive_note {
  std::string path;
  std::string what; ///< "vanished", "shrank by 12 bytes; padded with zeros"
};

struct archive_progress {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0; ///< of files, read so far
};

struct archive_settings {
  pipeline_settings pipeline = {};
  std::uint64_t read_limit = 0; ///< bytes per second; 0: none
  std::size_t max_notes = 1000; ///< more are counted, not kept
  /// Called at least after every MiB read and every 256 files.
  std::function<void(const archive_progress&)> tell = {};
};

struct archive_summary {
  pipeline_result stream;
  std::vector<archive_entry> entries; ///< in the order of the archive
  std::vector<archive_note> notes;
  std::uint64_t noted = 0; ///< all notes, kept or not
  archive_progress total;
};

/// What stands in the archive (wings-protocol 7.3): regular files with mode,
/// mtime and content, every hard-linked name with a full copy, and symbolic
/// links; owners are 0; no directory entries, since they break a restore by
/// stock Wings (trap 73). The entries list knows the rest: directories, and
/// which names are one file.
///
/// A file that grows, shrinks, vanishes or cannot be read while it is archived
/// keeps the length its header declares, clamped or padded with zeros, and is
/// noted; the backup goes on. Pages that were not in the page cache before are
/// dropped from it afterwards, the game's own stay.
///
/// Blocks. `root` is an open directory. Faults: those of the sink, interrupted
/// (looked at for every file and MiB), io_error.
jobs::result<archive_summary> write_archive(int root, const ignore_rules& rules,
                                            const archive_settings& settings,
                                            const std::stop_token& stop,
                                            member_pipeline::sink to);

} // namespace alula::backup
