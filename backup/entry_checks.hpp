/// What an entry of an archive may ask for. Archives are hostile until they
/// have been through here; no disk is touched.
#pragma once

#include "backup/tar_reader.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// A path below the root as a row of plain names joined by '/': no empty ones,
/// no "." and "..", each at most 255 bytes. Absolute paths become relative.
/// Empty: the root itself. Fault archive_refused: "..", a NUL, a name or path
/// too long, too deep.
jobs::result<std::string> plain_path(std::string_view path,
                                     const jobs::extraction_limits& limits);

/// Where a symbolic link in the directory of `path` leads.
enum class link_reach {
  inside,  ///< relative and never above the root
  outside, ///< absolute, or climbs out: means something in a container only
};
link_reach reach_of(std::string_view path, std::string_view target);

/// What a link costs that is kept until the end of an extraction, against
/// `extraction_limits::links`; its target comes on top.
constexpr std::uint64_t cost_in_memory(std::string_view path) {
  return path.size() + 64;
}

/// An entry that may be written.
struct checked_entry {
  std::string path;   ///< plain; empty for the root
  std::string target; ///< of a hard link: plain; of a link: as it is
  std::uint32_t mode = 0;
  bool is_restorable = false; ///< of a kind we write
  bool is_wanted = false;     ///< to be written: restorable and chosen
  std::string note;           ///< what is not restored as it was; may be empty
};

/// Judges the entries of one archive in their order and counts them against
/// the limits. Belongs to one thread.
class entry_checks {
public:
  /// `paths` as extraction_order has them; empty: all. `archive_size` is what
  /// the ratio is measured against.
  entry_checks(const jobs::extraction_limits& limits,
               const std::vector<std::string>& paths,
               std::uint64_t archive_size);

  /// Fault archive_refused naming the entry, and the limit if it is one.
  /// Set-id and sticky bits are taken off with a note; devices, fifos and
  /// unknown kinds are not wanted, with a note.
  jobs::result<checked_entry> check(const tar_entry& entry);

  /// Fault archive_refused when this much content is too much for the archive's
  /// size, whatever entry it belongs to.
  jobs::status check_position(std::uint64_t position) const;

  /// Whether a plain path is among the chosen ones or below one of them.
  bool is_chosen(std::string_view path) const;

  std::uint64_t entries() const { return entries_; }
  std::uint64_t files() const { return files_; } ///< files and links wanted
  /// Of files wanted, without the holes of those that come without them.
  std::uint64_t bytes() const { return bytes_; }

private:
  jobs::status judge(const tar_entry& entry, checked_entry& out) const;
  jobs::status judge_links(const tar_entry& entry, checked_entry& out) const;
  jobs::status count(const tar_entry& entry, bool is_wanted);

  jobs::extraction_limits limits_;
  std::set<std::string, std::less<>> paths_;
  bool is_everything_;
  std::uint64_t most_by_ratio_;
  std::uint64_t entries_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t total_ = 0;
};

} // namespace alula::backup
