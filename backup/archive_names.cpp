#include "backup/archive_names.hpp"

#include <algorithm>

namespace alula::backup {

namespace {

constexpr std::string_view place = "{uuid}";
constexpr std::size_t uuid_size = 36;
constexpr std::string_view archive_end = ".tar.gz";
constexpr std::string_view manifest_end = ".manifest";
constexpr std::string_view part_end = ".part";
/// What a name grows by at most: ".manifest", ".<job>", ".part"; NAME_MAX 255.
constexpr std::size_t longest_file_name = 255 - 9 - 37 - 5;

std::string filled(const std::string& pattern, const jobs::backup_id& backup) {
  auto out = pattern;
  return out.replace(out.find(place), place.size(), backup.view());
}

std::optional<jobs::backup_id> backup_in(std::string_view name,
                                         std::string_view pattern) {
  const auto at = pattern.find(place);
  const auto before = pattern.substr(0, at);
  const auto after = pattern.substr(at + place.size());
  if (name.size() != before.size() + uuid_size + after.size()
      || !name.starts_with(before) || !name.ends_with(after))
    return std::nullopt;
  return jobs::backup_id::parse(name.substr(before.size(), uuid_size));
}

} // namespace

jobs::result<archive_names> archive_names::from(std::string file_name) {
  const auto at = file_name.find(place);
  const bool is_good = at != std::string::npos
                       && file_name.find(place, at + 1) == std::string::npos
                       && file_name.find('/') == std::string::npos
                       && file_name.find('\0') == std::string::npos
                       && !file_name.starts_with('.')
                       && file_name.ends_with(archive_end)
                       && file_name.size() + uuid_size <= longest_file_name;
  if (!is_good)
    return jobs::fault{
        .code = jobs::fault_code::validation,
        .what = "backups cannot be named \"" + file_name
                + "\": a plain name with {uuid} in it once and .tar.gz at its "
                  "end is needed"};
  std::vector<std::string> patterns{std::move(file_name)};
  for (const char* other : {"backup-{uuid}.tar.gz", "{uuid}.tar.gz"})
    if (other != patterns.front())
      patterns.emplace_back(other);
  return archive_names{std::move(patterns)};
}

std::string archive_names::of(const jobs::backup_id& backup) const {
  return filled(patterns_.front(), backup);
}

std::vector<std::string>
archive_names::all_of(const jobs::backup_id& backup) const {
  std::vector<std::string> out;
  for (const auto& pattern : patterns_)
    out.push_back(filled(pattern, backup));
  return out;
}

std::optional<known_name> archive_names::parse(std::string_view name) const {
  known_name out;
  if (name.ends_with(part_end)) {
    name.remove_suffix(part_end.size());
    if (name.size() <= uuid_size + 1)
      return std::nullopt;
    const auto job = jobs::job_id::parse(name.substr(name.size() - uuid_size));
    name.remove_suffix(uuid_size);
    if (!job || !name.ends_with('.'))
      return std::nullopt;
    name.remove_suffix(1);
    out.job = *job;
    out.is = known_name::kind::part;
  }
  if (name.ends_with(manifest_end)) {
    name.remove_suffix(manifest_end.size());
    if (out.is == known_name::kind::archive)
      out.is = known_name::kind::manifest;
  }
  for (const auto& pattern : patterns_)
    if (const auto backup = backup_in(name, pattern)) {
      out.backup = *backup;
      return out;
    }
  return std::nullopt;
}

std::string archive_names::manifest_of(const std::string& archive) {
  return archive + std::string{manifest_end};
}

std::string archive_names::archive_of(const std::string& manifest) {
  return manifest.substr(0, manifest.size() - manifest_end.size());
}

std::string archive_names::part_of(const std::string& name,
                                   const jobs::job_id& job) {
  return name + '.' + job.to_string() + std::string{part_end};
}

} // namespace alula::backup
