/// Files, directories and links made below one directory, whatever their names
/// say: each part of a path is opened with openat2 from the one above it,
/// following no link and crossing no mount.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/file_io.hpp"
#include "backup/gzip_member.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace alula::backup {

struct file_owner {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

struct file_traits {
  std::uint32_t mode = 0; ///< permission bits
  std::int64_t mtime_ns = 0;
};

/// A directory that stays open as long as somebody writes into it.
using open_directory = std::shared_ptr<const file_descriptor>;

/// Where an entry goes: a directory and a name in it.
struct tree_place {
  open_directory parent;
  std::string name;
};

/// A file that is being written. Owned by one thread.
class new_file {
public:
  /// `path` is for messages. Replaces a regular file of that name; fault
  /// archive_refused when something else has it.
  static jobs::result<new_file> create(const tree_place& at,
                                       const std::string& path);

  /// Faults insufficient_storage, io_error.
  jobs::status write(std::uint64_t at, byte_view data);

  /// The same, but blocks of zeros become holes. What is there must be unset.
  jobs::status write_sparse(std::uint64_t at, byte_view data);

  /// Gives it its size, when it ends in a hole, owner, mode and time.
  jobs::status finish(std::uint64_t size, const file_traits& traits,
                      const file_owner& owner);

  int fd() const { return fd_.get(); }

private:
  new_file(file_descriptor fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)) {}

  file_descriptor fd_;
  std::string path_;
  std::uint64_t end_ = 0;         ///< of what is written
  std::uint64_t written_out_ = 0; ///< up to here on its way to the disk
};

/// Paths are plain: see plain_path(). Belongs to one thread. Faults of all:
/// insufficient_storage, io_error, archive_refused when an entry is in the way
/// of another. Holds some 64 directories open, however deep the tree is.
class tree_writer {
public:
  /// Fault io_error: cannot be opened, or holds something.
  static jobs::result<tree_writer> open(int root, file_owner owner);

  /// Makes the directories above it, rwxr-xr-x, as far as they are missing.
  jobs::result<tree_place> place(std::string_view path);

  /// The directory itself, made as the ones above.
  jobs::status make_directory(std::string_view path);

  /// Mode (rwx for its owner at least) and time of a directory that was made.
  jobs::status set_traits(std::string_view path, const file_traits& traits);

  /// Removes a regular file; nothing and anything else are left as they are.
  jobs::status remove_file(std::string_view path);

  enum class outcome { made, in_the_way, no_target };

  /// Replaces a link, nothing else: in_the_way.
  jobs::result<outcome> make_link(std::string_view path,
                                  const std::string& target,
                                  std::int64_t mtime_ns);

  /// Another name for a file or link that is there, replacing a file. no_target
  /// when there is none. A file with too many names is copied.
  jobs::result<outcome> make_hard_link(std::string_view path,
                                       std::string_view target);

  /// For reading; closed when there is no such file.
  jobs::result<regular_file> open_file(std::string_view path) const;

  /// All that was written is on the disk.
  jobs::status sync();

  const file_owner& owner() const { return owner_; }

private:
  struct level {
    std::string name;
    open_directory fd; ///< null when far above; opened again when needed
  };

  tree_writer(file_descriptor root, file_owner owner);
  jobs::result<open_directory> enter(std::string_view directory);
  /// The directory the first `depth` levels lead to.
  jobs::result<open_directory> directory_at(std::size_t depth);
  jobs::result<open_directory> enter_one(const open_directory& parent,
                                         const std::string& name,
                                         std::string_view path);
  struct found_entry {
    tree_place at;
    mode_t kind = 0; ///< type bits; 0: it is not there
  };
  jobs::result<found_entry> find(std::string_view path) const;
  jobs::result<outcome> copy_file(const tree_place& at, std::string_view path,
                                  std::string_view target);

  open_directory root_;
  file_owner owner_;
  std::vector<level> levels_; ///< of the directory entered last
};

} // namespace alula::backup
