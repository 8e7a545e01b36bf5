/// What the files in the backup directory are called, and what a name means.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// A name in the backup directory that is one of ours.
struct known_name {
  enum class kind { archive, manifest, part };
  kind is = kind::archive;
  jobs::backup_id backup;
  jobs::job_id job; ///< of a part
};

class archive_names {
public:
  /// `file_name`: `system.backups.file_name`, with "{uuid}" in it once. Fault
  /// validation when it cannot be a plain file name ending in ".tar.gz".
  static jobs::result<archive_names> from(std::string file_name);

  /// As archives are written.
  std::string of(const jobs::backup_id& backup) const;

  /// As they are found: as written, as alula writes by default, as stock Wings
  /// does (design 4).
  std::vector<std::string> all_of(const jobs::backup_id& backup) const;

  std::optional<known_name> parse(std::string_view name) const;

  static std::string manifest_of(const std::string& archive);
  /// Of the name of a manifest.
  static std::string archive_of(const std::string& manifest);
  /// The unfinished form of an archive's or a manifest's name.
  static std::string part_of(const std::string& name, const jobs::job_id& job);

private:
  explicit archive_names(std::vector<std::string> patterns)
    : patterns_(std::move(patterns)) {}

  std::vector<std::string> patterns_; ///< the first is how we write
};

} // namespace alula::backup
