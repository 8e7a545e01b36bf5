// Archives that come from elsewhere, go elsewhere, or lie elsewhere.
#include "backup/content_source.hpp"
#include "backup/digest.hpp"
#include "backup/entry_checks.hpp"
#include "backup/file_io.hpp"
#include "backup/local_archives.hpp"
#include "backup/manifest_blocks.hpp"
#include "backup/path_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace alula::backup {

std::string local_archives::name_of_half(const jobs::backup_id& backup,
                                         jobs::archive_half which) const {
  const auto name = names_.of(backup);
  return which == jobs::archive_half::archive
             ? name
             : archive_names::manifest_of(name);
}

jobs::result<jobs::descriptor>
local_archives::open_part(const jobs::backup_id& backup,
                          const jobs::job_id& job, jobs::archive_half which) {
  const auto part = archive_names::part_of(name_of_half(backup, which), job);
  constexpr mode_t own = 0600;
  auto fd = open_beneath(directory_.fd(), part.c_str(), O_RDWR | O_CREAT, own);
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", directory_.path_of(part));
  return fd;
}

jobs::status local_archives::keep_part(const jobs::backup_id& backup,
                                       const jobs::job_id& job,
                                       jobs::archive_half which) {
  const auto part = archive_names::part_of(name_of_half(backup, which), job);
  auto file = directory_.find(part);
  if (!file)
    return std::move(file).error();
  if (!file->fd.is_open())
    return jobs::fault{.code = jobs::fault_code::io_error,
                       .what = directory_.path_of(part) + " is gone"};
  if (auto durable = make_durable(file->fd.get(), directory_.path_of(part));
      !durable)
    return durable;
  return directory_.sync();
}

jobs::status local_archives::adopt(const jobs::backup_id& backup,
                                   const jobs::job_id& job) {
  // Before anything has a new name: the manifest of the archive that is there
  // already is none of this job's.
  auto is_fetched =
      directory_.exists(archive_names::part_of(names_.of(backup), job));
  if (!is_fetched)
    return std::move(is_fetched).error();
  if (*is_fetched) {
    auto taken = find(backup);
    if (!taken)
      return std::move(taken).error();
    if (!taken->name.empty())
      return jobs::fault{.code = jobs::fault_code::backup_exists,
                         .what = directory_.path_of(taken->name)
                                 + " is there already"};
  }
  for (const auto which :
       {jobs::archive_half::manifest, jobs::archive_half::archive}) {
    const auto to = name_of_half(backup, which);
    const auto part = archive_names::part_of(to, job);
    auto there = directory_.exists(part);
    if (!there)
      return std::move(there).error();
    if (!*there)
      continue;
    const auto may = which == jobs::archive_half::manifest
                         ? backup_directory::overwrite::allowed
                         : backup_directory::overwrite::never;
    if (auto renamed = directory_.rename(part, to, may); !renamed)
      return renamed;
  }
  return directory_.sync();
}

jobs::status local_archives::drop(const jobs::backup_id& backup) {
  for (const auto& name : names_.all_of(backup))
    if (auto removed = directory_.remove(name); !removed)
      return std::move(removed).error();
  // Also when nothing was there: a crash may have come before this.
  return directory_.sync();
}

// -- by the manifest alone ----------------------------------------------------

jobs::result<manifest_reader>
local_archives::manifest_alone(const jobs::backup_id& backup) const {
  for (const auto& name : names_.all_of(backup)) {
    auto file = directory_.find(archive_names::manifest_of(name));
    if (!file)
      return std::move(file).error();
    if (!file->fd.is_open())
      continue;
    auto reader = manifest_reader::open(std::move(file->fd));
    if (reader && reader->facts().backup == backup)
      return reader;
    if (!reader && reader.error().code != jobs::fault_code::backup_damaged)
      return reader;
  }
  return jobs::fault{.code = jobs::fault_code::no_manifest,
                     .what = "there is no manifest of backup "
                             + backup.to_string() + " on this node"};
}

jobs::result<jobs::archive_file>
local_archives::read_manifest(std::string_view beginning, std::int64_t size) {
  auto opened =
      open_manifest_in(view_of(beginning), static_cast<std::uint64_t>(size));
  if (!opened)
    return std::move(opened).error();
  auto& facts = opened->header.facts;
  return jobs::archive_file{.backup = facts.backup,
                            .server = facts.server,
                            .size = facts.archive.size,
                            .modified_at = facts.created_at,
                            .has_manifest = true,
                            .facts = std::move(facts.archive)};
}

jobs::result<manifest_reader>
local_archives::manifest_here(const jobs::backup_id& backup) const {
  auto found = find(backup);
  if (!found)
    return std::move(found).error();
  if (!found->name.empty())
    return manifest_of(backup, *found);
  auto manifest = manifest_alone(backup);
  if (!manifest && manifest.error().code == jobs::fault_code::no_manifest)
    return not_found(backup);
  return manifest;
}

namespace {

std::int64_t bytes_of(const archive_entry& it) {
  const bool has_content = it.type != entry_type::link && !it.is_reference;
  return has_content && !it.packed_at ? static_cast<std::int64_t>(it.size) : 0;
}

jobs::fault stopped_counting() {
  return {.code = jobs::fault_code::interrupted,
          .what = "counting what was chosen was asked to stop"};
}

} // namespace

jobs::result<jobs::tree_size>
local_archives::chosen_size(const jobs::backup_id& backup,
                            const std::vector<std::string>& paths,
                            std::stop_token stop) {
  auto manifest = manifest_here(backup);
  if (!manifest)
    return std::move(manifest).error();
  const entry_checks checks{jobs::extraction_limits{}, paths, 0};
  jobs::tree_size out;
  // Not chosen, and written in the place of a chosen name: see stand_ins_of.
  std::set<std::string> come_along;
  std::int64_t held = 0;
  for (;;) {
    if (stop.stop_requested())
      return stopped_counting();
    auto entry = manifest->next();
    if (!entry)
      return std::move(entry).error();
    if (!*entry)
      break;
    const auto& it = **entry;
    if (it.type == entry_type::directory || !checks.is_chosen(it.path))
      continue;
    ++out.files;
    out.bytes += bytes_of(it);
    if (it.is_reference && !checks.is_chosen(it.target)
        && held < jobs::extraction_limits{}.links
        && come_along.insert(it.target).second)
      held += static_cast<std::int64_t>(cost_in_memory(it.target));
  }
  for (const auto& path : come_along) {
    if (stop.stop_requested())
      return stopped_counting();
    auto entry = manifest->find(path);
    if (!entry)
      return std::move(entry).error();
    if (*entry)
      out.bytes += bytes_of(**entry);
  }
  return out;
}

jobs::result<jobs::open_archive>
local_archives::open_manifest(const jobs::backup_id& backup) {
  for (const auto& name : names_.all_of(backup)) {
    const auto manifest = archive_names::manifest_of(name);
    auto file = directory_.find(manifest);
    if (!file)
      return std::move(file).error();
    if (file->fd.is_open())
      return jobs::open_archive{std::move(file->fd), file->seen.st_size,
                                milliseconds(file->seen.st_mtim), manifest};
  }
  return jobs::fault{.code = jobs::fault_code::no_manifest,
                     .what = "there is no manifest of backup "
                             + backup.to_string() + " on this node"};
}

jobs::result<local_archives::found_entry>
local_archives::find_entry(const jobs::backup_id& backup,
                           std::string_view path) const {
  auto manifest = manifest_alone(backup);
  if (!manifest)
    return std::move(manifest).error();
  return find_entry(*manifest, path);
}

jobs::result<local_archives::found_entry>
local_archives::find_entry(manifest_reader& manifest, std::string_view path) {
  auto entry = manifest.find_content(without_slashes(path));
  if (!entry)
    return std::move(entry).error();
  if (!*entry
      || ((*entry)->type != entry_type::file
          && (*entry)->type != entry_type::hard_link))
    return jobs::fault{.code = jobs::fault_code::path_not_found,
                       .what = "the backup has no file " + std::string{path}};
  auto members = manifest.members();
  if (!members)
    return std::move(members).error();
  return found_entry{**entry, std::move(*members),
                     manifest.facts().archive.size};
}

jobs::result<jobs::archive_piece>
local_archives::find_piece(const jobs::backup_id& backup,
                           std::string_view path) {
  auto found = find_entry(backup, path);
  if (!found)
    return std::move(found).error();
  jobs::archive_piece out{0, found->archive_size, found->archive_size};
  if (found->members.empty())
    return out; // of another program: it is read from its start
  const auto& members = found->members;
  const auto first = found->entry.packed_at.value_or(found->entry.offset);
  const auto begin =
      std::ranges::upper_bound(members, first, {}, &member_position::content);
  if (begin != members.begin())
    out.at = static_cast<std::int64_t>(std::prev(begin)->archive);
  // How long one without its holes is does not stand there: to the end.
  const auto last = found->entry.packed_at
                        ? members.end()
                        : std::ranges::lower_bound(
                            members, found->entry.offset + found->entry.size,
                            {}, &member_position::content);
  const auto end = last == members.end()
                       ? found->archive_size
                       : static_cast<std::int64_t>(last->archive);
  out.length = std::max<std::int64_t>(end - out.at, 0);
  return out;
}

jobs::result<std::unique_ptr<jobs::content_reader>>
local_archives::open_piece(const jobs::backup_id& backup, std::string_view path,
                           jobs::descriptor piece) {
  auto found = find_entry(backup, path);
  if (!found)
    return std::move(found).error();
  return open_entry(std::move(piece), found->entry, std::move(found->members));
}

jobs::result<jobs::descriptor> local_archives::make_spool() {
  // A name of nobody's, for file systems without nameless files: swept.
  return directory_.create_spool(archive_names::part_of(
      names_.of(jobs::backup_id{}), jobs::make_job_id(0)));
}

jobs::result<jobs::archive_facts> local_archives::hash(
    const std::function<jobs::status(const jobs::archive_sink&)>& from) {
  digest hash;
  jobs::archive_facts out;
  auto whole = from([&](std::string_view piece) -> jobs::status {
    hash.update(std::as_bytes(std::span{piece}));
    out.size += static_cast<std::int64_t>(piece.size());
    return {};
  });
  if (!whole)
    return std::move(whole).error();
  auto found = hash.finish();
  out.sha1 = std::move(found.sha1);
  out.sha256 = std::move(found.sha256);
  return out;
}

} // namespace alula::backup
