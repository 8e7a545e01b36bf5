/// The one directory all archives are in, held open: every file is reached
/// below it, by a plain name, and no link is followed.
#pragma once

#include "backup/file_descriptor.hpp"
#include "jobs/result.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace alula::backup {

struct opened_file {
  file_descriptor fd; ///< not open: no regular file has the name
  struct stat seen {};
};

/// Any thread. Faults: io_error, insufficient_storage, with the path.
class backup_directory {
public:
  /// Makes the directory, mode 0700, when it is missing.
  static jobs::result<backup_directory> open(std::filesystem::path path);

  /// A regular file for reading.
  jobs::result<opened_file> find(const std::string& name) const;
  /// The same for an exclusive flock(2): open for writing as well, where that
  /// is allowed.
  jobs::result<opened_file> find_to_lock(const std::string& name) const;
  jobs::result<bool> exists(const std::string& name) const;

  /// A new, empty file of mode 0600 for reading and writing, in place of what
  /// had the name.
  jobs::result<file_descriptor> create(const std::string& name) const;

  /// A file without a name. Where the file system has none, one that had
  /// `name` for a moment.
  jobs::result<file_descriptor> create_spool(const std::string& name) const;

  enum class overwrite { never, allowed };
  /// Fault backup_exists when `to` is there and may not be replaced.
  jobs::status rename(const std::string& from, const std::string& to,
                      overwrite may) const;
  /// True when it was there.
  jobs::result<bool> remove(const std::string& name) const;

  /// Makes names durable.
  jobs::status sync() const;

  jobs::status
  for_each(const std::function<void(std::string_view name)>& visit) const;

  int fd() const { return fd_.get(); }
  std::string path_of(std::string_view name) const {
    return (path_ / name).string();
  }

private:
  backup_directory(std::filesystem::path path, file_descriptor fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

  /// What was opened just now, or why it was not (errno).
  jobs::result<opened_file> look_at(const std::string& name,
                                    file_descriptor fd) const;

  std::filesystem::path path_;
  file_descriptor fd_;
};

} // namespace alula::backup
