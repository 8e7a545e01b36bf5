/// Where a merge keeps what it may have to give back: directories that look
/// like those of the volume, and beside them the list of the names it has made.
/// For tree_merge.cpp and what takes a merge back.
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"
#include "storage/tree_merge.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <sys/stat.h>

namespace alula::storage {

/// `path` below `root`, "" for itself. Nothing when it is not there, or not a
/// directory any more.
jobs::result<std::optional<directory>> open_below(const directory& root,
                                                  const std::string& path);

/// Makes a directory, or opens the one that is there, and gives it owner and
/// mode of `look` when there is one.
jobs::result<directory> make_aside(const directory& parent,
                                   const std::string& name,
                                   const struct stat* look);

/// Moves an entry of the volume into a directory of what is kept, under its
/// name or, when that is taken, with ".1" to ".99" added to it.
jobs::status move_aside(const directory& volume, const std::string& name,
                        const directory& aside);

/// "<entry>.new": the names a merge has made, relative to the volume, each with
/// a NUL behind it.
std::string list_beside(const std::string& entry);

/// Of 64 MiB at most; what a merge makes beyond that an undo leaves where it
/// is. One writer.
class new_names {
public:
  explicit new_names(const tree_place& kept) : kept_(kept) {}

  /// Durable when it returns: before the names are made.
  jobs::status add(const std::string& names);

private:
  jobs::status open();

  const tree_place& kept_;
  file_descriptor file_;
  std::uint64_t size_ = 0;
};

/// Moves the names on the list of `from` out of the volume `out_of` into
/// `aside`, durably, and removes the list. Goes on where a crash left it; no
/// list is success. What is not there any more is passed over.
jobs::status take_out_new(const tree_place& from, const directory& out_of,
                          const tree_place& aside, const std::stop_token& stop);

} // namespace alula::storage
