/// A server's files as one .tar.gz that GNU tar, stock Wings and stock Panels
/// can read, made in one pass over the files and none over the archive.
#pragma once

#include "backup/entry_sort.hpp"
#include "backup/ignore_rules.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
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
  /// A hard link without content of its own: in archives of the full format,
  /// and of other programs.
  bool is_reference = false;
  /// Where the header begins when the content stands in the tar without its
  /// holes.
  std::optional<std::uint64_t> packed_at = {};
  friend bool operator==(const archive_entry&, const archive_entry&) = default;
};

/// Something that is not in the archive as it is on the disk.
struct archive_note {
  std::string path;
  std::string what; ///< "vanished", "shrank by 12 bytes; padded with zeros"
};

enum class archive_format {
  /// No entry that breaks a restore by stock Wings: files, each name of one
  /// with a full copy, and symbolic links.
  wings,
  /// The same and directories, after what is in them: stock Wings skips them
  /// when it takes a server in (wings-protocol 7.9).
  moved,
  /// All that a tar can hold of a tree: directories too, and further names of a
  /// file as hard links.
  full,
};

struct archive_progress {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0; ///< of files, read so far
};

struct archive_settings {
  pipeline_settings pipeline = {};
  archive_format format = archive_format::wings;
  std::uint64_t read_limit = 0; ///< bytes per second; 0: none
  std::size_t max_notes = 1000; ///< more are counted, not kept
  /// What is over them is left out with a note: no restore would take it.
  jobs::extraction_limits limits = {};
  /// Where databases are copied to, so that their games wait for nothing else;
  /// empty: straight into the archive.
  spool_maker make_spool = {};
  /// How long to wait for a game that writes its database, and how long it may
  /// be kept waiting for it (database_copy.hpp).
  std::chrono::milliseconds patience{2'000};
  std::chrono::milliseconds longest_hold{3'000};
  /// Called at least after every MiB read and every 256 files.
  std::function<void(const archive_progress&)> tell = {};
  /// Called once for everything found, in the order of the archive, on the
  /// calling thread. Its first fault ends the archive.
  std::function<jobs::status(const archive_entry&)> found = {};
};

struct archive_summary {
  pipeline_result stream;
  std::vector<archive_note> notes;
  std::uint64_t noted = 0; ///< all notes, kept or not
  archive_progress total;
  std::uint64_t content_bytes = 0; ///< of files, less the holes left out
};

/// What stands in the archive (wings-protocol 7.3): regular files with mode,
/// mtime and content, every hard-linked name with a full copy, and symbolic
/// links; owners are 0; no directory entries, since they break a restore by
/// stock Wings (trap 73). `found` is told the rest: directories, and which
/// names are one file. The other formats have that in the tar, as far as they
/// say (archive_format).
///
/// A file that grows, shrinks, vanishes or cannot be read while it is archived
/// keeps the length its header declares, clamped or padded with zeros, and is
/// noted; the backup goes on. Not so where the node is short of descriptors or
/// memory: every file would be left out (io_error). Pages that were not in the
/// page cache before are dropped from it afterwards, the game's own stay.
///
/// A SQLite database is copied under SQLite's own locks, together with its
/// write-ahead log or the journal of a writer that died, so that the copy is
/// whole while the game writes on (database_copy.hpp). Where that cannot be
/// done it is noted.
///
/// A file with 64 MiB of holes or more stands in the archive without them, in
/// GNU's sparse format 1.0, which GNU tar, bsdtar, Python and Go read.
///
/// Blocks. `root` is an open directory. Faults: those of the sink, interrupted
/// (looked at for every file and MiB), io_error.
jobs::result<archive_summary> write_archive(int root, const ignore_rules& rules,
                                            const archive_settings& settings,
                                            const std::stop_token& stop,
                                            member_pipeline::sink to);

} // namespace alula::backup
