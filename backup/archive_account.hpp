/// What goes into an archive so far, what had to be left out of it, and who
/// hears of both.
#pragma once

#include "backup/archive_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace alula::backup {

/// Belongs to one thread.
class archive_account {
public:
  /// It outlives this.
  explicit archive_account(const archive_settings& settings)
    : settings_(settings) {}

  /// Counts an entry of the tar; false, with a note, when an archive with it
  /// would be over the limits of a restore.
  bool has_room_for(const archive_entry& entry);

  /// The first `max_notes` are kept, all are counted.
  void note(std::string_view path, std::string what);

  /// Of a file, read.
  void count_bytes(std::size_t size);

  /// Of a file, in the archive.
  void count_content(std::uint64_t size) { summary_.content_bytes += size; }

  void count_file();

  /// How far it is.
  void tell() const;

  /// Once, at the end.
  archive_summary close(pipeline_result stream);

private:
  const archive_settings& settings_;
  archive_summary summary_;
  std::uint64_t entries_ = 0;
  std::uint64_t links_size_ = 0;
};

} // namespace alula::backup
