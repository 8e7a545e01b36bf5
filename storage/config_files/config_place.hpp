/// One configuration file beneath a volume: found, read and replaced through
/// directory descriptors, whatever the server's owner puts in the way.
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace alula::storage {

class config_place {
public:
  /// Follows links that end beneath the volume. Makes the directories that are
  /// missing, as `owner` says. Faults: malformed, with a sentence, for a path
  /// that leads out or to what is no file; io_error.
  static jobs::result<config_place> find(int volume, std::string_view path,
                                         const ownership& owner);

  bool exists() const { return found_.has_value(); }

  /// Its text; empty when it does not exist. Fault malformed: too large.
  jobs::result<std::string> read() const;

  /// Puts a file of this text in its place, by a rename and durably, with the
  /// mode and owner of the old one. Fault io_error: it was changed since it was
  /// found, and stays as it is now.
  jobs::status replace(std::string_view text) const;

private:
  config_place() = default;
  jobs::status make_beside(std::string_view text) const;
  jobs::status put_in_place() const;

  file_descriptor parent_;
  std::string name_;
  std::optional<struct stat> found_;
  ownership owner_{};
};

} // namespace alula::storage
