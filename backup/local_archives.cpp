#include "backup/local_archives.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/file.h>
#include <utility>

namespace alula::backup {

namespace {

void log_unusable(const jobs::backup_id& backup, const jobs::fault& why) {
  jobs::log(jobs::log_level::warning, "manifest-unusable",
            {{"backup", backup.view()}, {"reason", why.what}});
}

void log_unreadable(const jobs::backup_id& backup, const jobs::fault& why) {
  jobs::log(
      jobs::log_level::warning, "archive-unreadable",
      {{"backup", backup.view()}, {"where", why.where}, {"reason", why.what}});
}

} // namespace

jobs::fault local_archives::not_found(const jobs::backup_id& backup) {
  return {.code = jobs::fault_code::backup_not_found,
          .what = "there is no archive of backup " + backup.to_string()};
}

jobs::time_ms local_archives::milliseconds(const timespec& at) {
  return at.tv_sec * 1000 + at.tv_nsec / 1'000'000;
}

jobs::result<std::unique_ptr<local_archives>>
local_archives::open(store_settings settings) {
  auto names = archive_names::from(settings.file_name);
  if (!names)
    return std::move(names).error();
  auto directory = backup_directory::open(settings.directory);
  if (!directory)
    return std::move(directory).error();
  return std::unique_ptr<local_archives>{new local_archives{
      std::move(settings), std::move(*names), std::move(*directory)}};
}

local_archives::local_archives(store_settings settings, archive_names names,
                               backup_directory directory)
  : settings_(std::move(settings)), names_(std::move(names)),
    directory_(std::move(directory)) {
  if (!settings_.room)
    settings_.room = std::make_shared<jobs::disk_room>();
}

jobs::status local_archives::reserve(const jobs::job_id& job,
                                     const jobs::room_wanted& room) {
  return settings_.room->reserve(directory_.fd(), disk_name, job, room);
}

void local_archives::release(const jobs::job_id& job) {
  settings_.room->release(job, disk_name);
}

jobs::result<jobs::disk_space> local_archives::space() {
  return settings_.room->space(directory_.fd(), disk_name);
}

// -- finding ------------------------------------------------------------------

jobs::result<local_archives::found_archive>
local_archives::find(const jobs::backup_id& backup) const {
  for (auto& name : names_.all_of(backup)) {
    auto file = directory_.find(name);
    if (!file)
      return std::move(file).error();
    if (file->fd.is_open())
      return found_archive{std::move(name), std::move(*file)};
  }
  return found_archive{};
}

jobs::result<local_archives::found_archive>
local_archives::find_to_read(const jobs::backup_id& backup) const {
  auto found = find(backup);
  if (!found)
    return found;
  if (found->name.empty())
    return not_found(backup);
  if (::flock(found->file.fd.get(), LOCK_SH | LOCK_NB) != 0)
    return errno == EWOULDBLOCK
               ? not_found(backup) // who removes it has it
               : jobs::system_fault(errno, "flock",
                                    directory_.path_of(found->name));
  // It may have been removed just before the lock.
  if (::fstat(found->file.fd.get(), &found->file.seen) != 0)
    return jobs::system_fault(errno, "fstat", directory_.path_of(found->name));
  if (found->file.seen.st_nlink == 0)
    return not_found(backup);
  return found;
}

jobs::result<local_archives::found_archive>
local_archives::find_fetched(const jobs::backup_id& backup,
                             const jobs::job_id& job) const {
  if (job.empty())
    return find_to_read(backup);
  const auto name = names_.of(backup);
  const auto part = archive_names::part_of(name, job);
  auto file = directory_.find(part);
  if (!file)
    return std::move(file).error();
  if (!file->fd.is_open())
    return not_found(backup);
  return found_archive{
      part,
      std::move(*file),
      {archive_names::part_of(archive_names::manifest_of(name), job),
       archive_names::manifest_of(name)}};
}

jobs::result<opened_file>
local_archives::find_manifest(const found_archive& archive) const {
  if (archive.manifests.empty())
    return directory_.find(archive_names::manifest_of(archive.name));
  for (const auto& name : archive.manifests) {
    auto file = directory_.find(name);
    if (!file || file->fd.is_open())
      return file;
  }
  return opened_file{};
}

jobs::result<std::optional<manifest_facts>>
local_archives::facts_of(const jobs::backup_id& backup,
                         const found_archive& archive) const {
  auto file = find_manifest(archive);
  if (!file)
    return std::move(file).error();
  if (!file->fd.is_open())
    return std::optional<manifest_facts>{};
  auto facts = read_manifest_facts(file->fd.get());
  if (facts
      && (facts->backup != backup
          || facts->archive.size != archive.file.seen.st_size))
    facts = jobs::fault{.code = jobs::fault_code::backup_damaged,
                        .what = "the manifest is of another archive"};
  if (facts)
    return std::optional{std::move(*facts)};
  if (facts.error().code != jobs::fault_code::backup_damaged)
    return std::move(facts).error();
  log_unusable(backup, facts.error());
  return std::optional<manifest_facts>{};
}

jobs::result<manifest_reader>
local_archives::manifest_of(const jobs::backup_id& backup,
                            const found_archive& archive) const {
  auto facts = facts_of(backup, archive);
  if (!facts)
    return std::move(facts).error();
  jobs::fault none{.code = jobs::fault_code::no_manifest,
                   .what = "the archive of backup " + backup.to_string()
                           + " has not been indexed"};
  if (!*facts)
    return none;
  auto file = find_manifest(archive);
  if (!file)
    return std::move(file).error();
  if (!file->fd.is_open())
    return none;
  auto reader = manifest_reader::open(std::move(file->fd));
  if (reader || reader.error().code != jobs::fault_code::backup_damaged)
    return reader;
  log_unusable(backup, reader.error());
  return none;
}

jobs::result<jobs::archive_file>
local_archives::describe(const jobs::backup_id& backup,
                         const found_archive& found) const {
  auto facts = facts_of(backup, found);
  if (!facts)
    return std::move(facts).error();
  jobs::archive_file out;
  out.backup = backup;
  out.size = found.file.seen.st_size;
  out.modified_at = milliseconds(found.file.seen.st_mtim);
  out.has_manifest = facts->has_value();
  if (*facts) {
    out.server = (*facts)->server;
    out.facts = std::move((*facts)->archive);
  }
  return out;
}

jobs::result<std::optional<jobs::archive_file>>
local_archives::inspect(const jobs::backup_id& backup) {
  auto found = find(backup);
  if (!found)
    return std::move(found).error();
  if (found->name.empty())
    return std::optional<jobs::archive_file>{};
  auto described = describe(backup, *found);
  if (!described)
    return std::move(described).error();
  return std::optional{std::move(*described)};
}

jobs::result<jobs::archive_list> local_archives::list() {
  std::vector<jobs::backup_id> backups;
  auto read = directory_.for_each([&](std::string_view name) {
    const auto known = names_.parse(name);
    if (known && known->is == known_name::kind::archive)
      backups.push_back(known->backup);
  });
  if (!read)
    return std::move(read).error();
  std::ranges::sort(backups);
  backups.erase(std::unique(backups.begin(), backups.end()), backups.end());
  jobs::archive_list out;
  jobs::status first;
  for (const auto& backup : backups) {
    auto found = inspect(backup);
    if (found && *found)
      out.files.push_back(std::move(**found));
    if (found)
      continue;
    log_unreadable(backup, found.error());
    out.unreadable.push_back(backup);
    if (first)
      first = std::move(found).error();
  }
  // A disk that is away, or a process that may open no more: nothing was seen.
  if (!first && out.files.empty())
    return std::move(first).error();
  return out;
}

} // namespace alula::backup
