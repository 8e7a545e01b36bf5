/// Writes the manifest of an archive: entries come in any order, one by one,
/// while the archive is made, and cost no memory.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/entry_sort.hpp"
#include "backup/manifest.hpp"
#include "jobs/result.hpp"

#include <span>
#include <stop_token>
#include <string>

namespace alula::backup {

/// Belongs to one thread. Memory is bounded (entry_sort). Faults:
/// insufficient_storage, io_error.
class manifest_writer {
public:
  explicit manifest_writer(spool_maker make_spool);

  /// Parents of the path that are never added become directories of mode 0755.
  /// Paths over the limit of the format are left out.
  jobs::status add(const archive_entry& entry);

  /// Writes the whole manifest to `into`, an empty file; not durable yet.
  /// `members`: where gzip members begin, may be empty. Counts the entries
  /// into `facts` itself. Fault interrupted. Once.
  jobs::status finish(manifest_facts facts,
                      std::span<const member_position> members,
                      std::span<const jobs::file_note> notes,
                      const std::stop_token& stop, int into);

private:
  class block_writer;

  jobs::status add_parents(std::string_view path, std::int64_t mtime_ns);
  jobs::status write_entries(block_writer& to, const std::stop_token& stop);

  spool_maker make_spool_;
  entry_sort sort_;
  std::string line_;
  std::string last_parent_;
};

} // namespace alula::backup
