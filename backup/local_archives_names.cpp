// Archives that get their names and lose them, and what is left over.
#include "backup/local_archives.hpp"
#include "jobs/log.hpp"

#include <cerrno>
#include <ctime>
#include <string>
#include <sys/file.h>
#include <utility>
#include <vector>

namespace alula::backup {

jobs::status local_archives::publish(const jobs::backup_id& backup,
                                     const jobs::job_id& job) {
  auto there = find(backup);
  if (!there)
    return std::move(there).error();
  auto may = backup_directory::overwrite::never;
  if (!there->name.empty()) {
    auto facts = facts_of(backup, *there);
    if (!facts)
      return std::move(facts).error();
    if (!*facts) {
      auto joined = publish_manifest(backup, job, *there);
      if (!joined)
        return std::move(joined).error();
      if (*joined)
        return directory_.sync();
    }
    if (!*facts || (*facts)->job != job)
      return jobs::fault{.code = jobs::fault_code::backup_exists,
                         .what = directory_.path_of(there->name)
                                 + " is another archive"};
    auto part =
        directory_.exists(archive_names::part_of(names_.of(backup), job));
    if (!part)
      return std::move(part).error();
    if (!*part)
      return directory_.sync();
    may = backup_directory::overwrite::allowed; // it is the same job's
  }
  return publish_parts(backup, job, may);
}

/// A power cut may keep the second rename and lose the first one: the archive
/// has its name, and its manifest the unfinished one. True when it was so.
jobs::result<bool>
local_archives::publish_manifest(const jobs::backup_id& backup,
                                 const jobs::job_id& job,
                                 const found_archive& archive) const {
  const auto manifest = archive_names::manifest_of(archive.name);
  const auto part = archive_names::part_of(manifest, job);
  auto file = directory_.find(part);
  if (!file)
    return std::move(file).error();
  if (!file->fd.is_open() || archive.name != names_.of(backup))
    return false;
  auto facts = read_manifest_facts(file->fd.get());
  if (!facts && facts.error().code == jobs::fault_code::backup_damaged)
    return false;
  if (!facts)
    return std::move(facts).error();
  if (facts->backup != backup || facts->job != job
      || facts->archive.size != archive.file.seen.st_size)
    return false;
  if (auto renamed = directory_.rename(part, manifest,
                                       backup_directory::overwrite::allowed);
      !renamed)
    return std::move(renamed).error();
  return true;
}

jobs::status
local_archives::publish_parts(const jobs::backup_id& backup,
                              const jobs::job_id& job,
                              backup_directory::overwrite may) const {
  const auto name = names_.of(backup);
  const auto manifest = archive_names::manifest_of(name);
  const auto part = archive_names::part_of(name, job);
  const auto manifest_part = archive_names::part_of(manifest, job);
  const jobs::fault nothing{.code = jobs::fault_code::io_error,
                            .what = "nothing is there to become "
                                    + directory_.path_of(name)};
  auto archive = directory_.find(part);
  if (!archive)
    return std::move(archive).error();
  if (!archive->fd.is_open())
    return nothing;
  auto is_first = directory_.exists(manifest_part);
  if (!is_first)
    return std::move(is_first).error();
  if (*is_first) {
    // What has the name belongs to an archive that is gone.
    if (auto renamed = directory_.rename(manifest_part, manifest,
                                         backup_directory::overwrite::allowed);
        !renamed)
      return renamed;
  } else {
    found_archive unnamed{name, std::move(*archive)};
    auto facts = facts_of(backup, unnamed);
    if (!facts)
      return std::move(facts).error();
    if (!*facts || (*facts)->job != job)
      return nothing;
  }
  if (auto renamed = directory_.rename(part, name, may); !renamed)
    return renamed;
  return directory_.sync();
}

jobs::status local_archives::discard(const jobs::backup_id& backup,
                                     const jobs::job_id& job) {
  const auto name = names_.of(backup);
  for (const auto& each : {name, archive_names::manifest_of(name)})
    if (auto removed = directory_.remove(archive_names::part_of(each, job));
        !removed)
      return std::move(removed).error();
  return directory_.sync(); // a crash may have come before this
}

jobs::result<bool>
local_archives::is_orphan(const std::string& name, const jobs::backup_id& of,
                          const jobs::is_live_job& is_live,
                          const jobs::is_known_backup& is_known) const {
  auto archive = directory_.exists(archive_names::archive_of(name));
  if (!archive)
    return std::move(archive).error();
  if (*archive || is_known(of))
    return false;
  auto manifest = directory_.find(name);
  if (!manifest)
    return std::move(manifest).error();
  if (!manifest->fd.is_open()
      || std::time(nullptr) - manifest->seen.st_ctim.tv_sec
             < settings_.orphans_wait.count())
    return false;
  auto facts = read_manifest_facts(manifest->fd.get());
  if (!facts && facts.error().code != jobs::fault_code::backup_damaged)
    return std::move(facts).error();
  // A publish renames the manifest first.
  return !facts || facts->job.empty() || !is_live(facts->job);
}

jobs::status local_archives::sweep(const jobs::is_live_job& is_live,
                                   const jobs::is_known_backup& is_known) {
  std::vector<std::string> dead;
  std::vector<std::pair<std::string, jobs::backup_id>> manifests;
  auto read = directory_.for_each([&](std::string_view name) {
    const auto known = names_.parse(name);
    if (!known)
      return;
    if (known->is == known_name::kind::part && !is_live(known->job))
      dead.emplace_back(name);
    if (known->is == known_name::kind::manifest)
      manifests.emplace_back(name, known->backup);
  });
  if (!read)
    return read;
  jobs::status outcome;
  const auto stays = [&outcome](const std::string& name, jobs::fault why) {
    jobs::log(jobs::log_level::warning, "backup-leftover-stays",
              {{"file", name}, {"reason", why.what}});
    if (outcome)
      outcome = std::move(why);
  };
  for (auto& [name, backup] : manifests) {
    auto orphan = is_orphan(name, backup, is_live, is_known);
    if (!orphan)
      stays(name, std::move(orphan).error());
    else if (*orphan)
      dead.push_back(std::move(name));
  }
  for (const auto& name : dead) {
    if (auto removed = directory_.remove(name); !removed)
      stays(name, std::move(removed).error());
    else
      jobs::log(jobs::log_level::info, "backup-leftover-removed",
                {{"file", name}});
  }
  auto synced = dead.empty() ? jobs::status{} : directory_.sync();
  return outcome ? synced : outcome;
}

jobs::status local_archives::remove(const jobs::backup_id& backup) {
  std::vector<opened_file> held;
  std::vector<std::string> names;
  for (auto& name : names_.all_of(backup)) {
    auto file = directory_.find_to_lock(name);
    if (!file)
      return std::move(file).error();
    if (file->fd.is_open() && ::flock(file->fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK)
        return jobs::system_fault(errno, "flock", directory_.path_of(name));
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "somebody reads " + directory_.path_of(name)};
    }
    if (file->fd.is_open())
      names.push_back(name);
    held.push_back(std::move(*file));
  }
  for (const auto& name : names_.all_of(backup))
    names.push_back(archive_names::manifest_of(name));
  for (const auto& name : names)
    if (auto removed = directory_.remove(name); !removed)
      return std::move(removed).error();
  // Also when nothing was there: a crash may have come before this.
  return directory_.sync();
}

} // namespace alula::backup
