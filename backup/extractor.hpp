/// An archive back into files, below a staging directory. The tar is what is
/// trusted, after it has been checked; a manifest only adds what a tar for
/// stock Wings cannot hold.
#pragma once

#include "backup/archive_reader.hpp"
#include "backup/archive_writer.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <sys/types.h>

namespace alula::backup {

/// The manifest's entries in its order, one per call; null at the end. What it
/// points at is valid until the next call.
using manifest_cursor = std::function<const archive_entry*()>;

struct extraction_settings {
  reader_settings reader = {};
  jobs::extraction_limits limits = {};
  std::vector<std::string> paths = {};  ///< as extraction_order has them
  std::vector<std::string> denied = {}; ///< as extraction_order has them
  /// Of files that are not chosen and have chosen hard links to them: the path
  /// of the first of these, by that of the file. It takes the content.
  std::map<std::string, std::string, std::less<>> stand_ins = {};
  /// Empty: none. Gives back directories with their modes and times (empty
  /// ones too), names that are one file, and the nanoseconds of times. When it
  /// does not describe this archive it is left alone from there on, noted.
  /// Names that it calls one file become one only when their contents in the
  /// archive are the same.
  manifest_cursor manifest = {};
  std::optional<uid_t> uid = {}; ///< who everything belongs to
  std::optional<gid_t> gid = {};
  /// Links that lead out of the server's files are kept, with a note: they mean
  /// a place in the container (a Python environment has some), and alula never
  /// follows one. False: they are left out, with a note.
  bool keep_outside_links = true;
  std::size_t max_notes = 1000; ///< more are counted, not kept
  jobs::archive_tell tell = {};
};

/// Writes the entries of `archive` below `staging`, an empty directory nobody
/// else reaches. Everything is made through openat2 without following links,
/// and durable (syncfs) when it returns. Modes, times and owners are set by
/// descriptor; files are at least rw and directories rwx for their owner.
/// Symbolic links come last. Of two files of one name the later one stays.
///
/// Blocks. Faults: backup_damaged, archive_refused (naming the entry and what
/// is wrong with it), insufficient_storage, io_error, interrupted (looked at
/// for every entry and MiB). What was written until then stays in staging.
jobs::result<jobs::extraction_made>
extract_archive(int archive, int staging, const extraction_settings& settings,
                const std::stop_token& stop);

} // namespace alula::backup
