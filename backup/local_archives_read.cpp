#include "backup/archive_reader.hpp"
#include "backup/content_source.hpp"
#include "backup/entry_checks.hpp"
#include "backup/extractor.hpp"
#include "backup/file_io.hpp"
#include "backup/idle_io.hpp"
#include "backup/local_archives.hpp"
#include "backup/manifest_writer.hpp"
#include "backup/page_cache.hpp"
#include "backup/path_text.hpp"
#include "backup/verifier.hpp"
#include "jobs/clock.hpp"
#include "jobs/log.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace alula::backup {

namespace {

archive_entry entry_of(const tar_entry& from) {
  archive_entry out;
  out.path = from.path;
  out.mode = from.mode;
  out.mtime_ns = from.mtime_ns;
  switch (from.type) {
  case tar_type::link:
    out.type = entry_type::link;
    break;
  case tar_type::directory:
    out.type = entry_type::directory;
    break;
  case tar_type::hard_link:
    out.type = entry_type::hard_link;
    break;
  default:
    out.type = entry_type::file;
    break;
  }
  // Of a hard link the path of another entry, spelled as the archive likes.
  auto other = out.type == entry_type::hard_link
                   ? plain_path(from.target, jobs::extraction_limits{})
                   : jobs::result<std::string>{from.target};
  out.target = other ? *other : from.target;
  out.is_reference = out.type == entry_type::hard_link && from.size == 0;
  out.size = from.size;
  out.offset = from.offset;
  if (from.is_sparse) {
    out.is_sparse = true;
    out.packed_at = from.header;
  }
  return out;
}

} // namespace

jobs::result<std::vector<member_position>>
local_archives::hint_of(const jobs::backup_id& backup,
                        const found_archive& archive) const {
  auto manifest = manifest_of(backup, archive);
  if (!manifest && manifest.error().code == jobs::fault_code::no_manifest)
    return std::vector<member_position>{};
  if (!manifest)
    return std::move(manifest).error();
  auto members = manifest->members();
  if (!members && members.error().code == jobs::fault_code::backup_damaged)
    return std::vector<member_position>{};
  return members;
}

jobs::result<std::optional<manifest_order>>
local_archives::order_of(const jobs::backup_id& backup,
                         const found_archive& archive,
                         const std::stop_token& stop) const {
  auto manifest = manifest_of(backup, archive);
  jobs::fault why;
  if (manifest) {
    // An archive of another program says all there is to know by itself.
    if (manifest->facts().job.empty())
      return std::optional<manifest_order>{};
    auto made = manifest_order::of(
        *manifest,
        [this, name = archive.name] {
          return directory_.create_spool(archive_names::part_of(
              name, jobs::make_job_id(jobs::system_clock{}.now())));
        },
        stop);
    if (made)
      return std::optional{std::move(*made)};
    why = std::move(made).error();
  } else {
    why = std::move(manifest).error();
  }
  if (why.code != jobs::fault_code::no_manifest
      && why.code != jobs::fault_code::backup_damaged)
    return why;
  return std::optional<manifest_order>{};
}

jobs::result<local_archives::path_map>
local_archives::stand_ins_of(const jobs::extraction_order& order,
                             const found_archive& archive,
                             const std::stop_token& stop) const {
  path_map out;
  auto manifest = manifest_of(order.backup, archive);
  if (!manifest && manifest.error().code == jobs::fault_code::no_manifest)
    return out;
  if (!manifest)
    return std::move(manifest).error();
  const entry_checks checks{order.limits, order.paths, 0};
  std::uint64_t held = 0;
  while (!stop.stop_requested()
         && held < static_cast<std::uint64_t>(order.limits.links)) {
    auto entry = manifest->next();
    if (!entry && entry.error().code == jobs::fault_code::backup_damaged)
      return out;
    if (!entry)
      return std::move(entry).error();
    if (!*entry)
      break;
    const auto& it = **entry;
    if (!it.is_reference || !checks.is_chosen(it.path)
        || checks.is_chosen(it.target))
      continue;
    held += cost_in_memory(it.path) + it.target.size();
    out.try_emplace(it.target, it.path);
  }
  return out;
}

jobs::result<std::optional<jobs::archive_facts>>
local_archives::made_here(const jobs::backup_id& backup,
                          const found_archive& archive,
                          const jobs::archive_expectation& expected) const {
  const std::optional<jobs::archive_facts> none;
  if (expected.depth != jobs::check_depth::sum_of_ours
      || expected.sha256.empty())
    return none;
  auto facts = facts_of(backup, archive);
  if (!facts)
    return std::move(facts).error();
  if (!*facts || (*facts)->job.empty()
      || (*facts)->archive.sha256 != expected.sha256)
    return none;
  return std::optional{std::move((*facts)->archive)};
}

bool local_archives::is_read_again_soon(
    const found_archive& archive, const jobs::archive_expectation& expected) {
  return expected.whom == jobs::check_for::who_waits
         && may_stay_in_cache(
             static_cast<std::uint64_t>(archive.file.seen.st_size));
}

jobs::result<jobs::archive_verified> local_archives::verify_bytes(
    const found_archive& archive, jobs::archive_facts made,
    const jobs::archive_expectation& expected, const std::stop_token& stop,
    const jobs::archive_tell& tell) const {
  const bool is_waited_for = expected.whom == jobs::check_for::who_waits;
  sum_settings settings;
  settings.size = expected.size;
  settings.sha256 = expected.sha256;
  settings.read_limit = is_waited_for ? 0 : settings_.read_limit;
  settings.drop_behind = !is_read_again_soon(archive, expected);
  settings.tell = tell;
  if (auto same = verify_sum(archive.file.fd.get(), settings, stop); !same)
    return std::move(same).error();
  if (!expected.sha1.empty())
    made.sha1 = expected.sha1;
  return jobs::archive_verified{
      .facts = std::move(made), .entries = 0, .is_whole = false};
}

jobs::result<jobs::archive_verified>
local_archives::verify(const jobs::backup_id& backup,
                       const jobs::archive_expectation& expected,
                       std::stop_token stop, const jobs::archive_tell& tell) {
  const bool is_waited_for = expected.whom == jobs::check_for::who_waits;
  std::optional<polite_io> others_first;
  if (!is_waited_for)
    others_first.emplace(settings_.idle_io);
  auto found = find_fetched(backup, expected.fetched_by);
  if (!found)
    return std::move(found).error();
  auto made = made_here(backup, *found, expected);
  if (!made)
    return std::move(made).error();
  if (*made)
    return verify_bytes(*found, std::move(**made), expected, stop, tell);
  auto members = hint_of(backup, *found);
  if (!members)
    return std::move(members).error();
  verification_settings settings;
  settings.reader.members = std::move(*members);
  settings.reader.threads = settings_.threads;
  settings.reader.drop_behind = !is_read_again_soon(*found, expected);
  settings.expected = expected;
  settings.read_limit = is_waited_for ? 0 : settings_.read_limit;
  settings.tell = tell;
  return verify_archive(found->file.fd.get(), settings, stop);
}

jobs::result<jobs::extraction_made>
local_archives::extract(const jobs::extraction_order& order,
                        const jobs::descriptor& staging, std::stop_token stop,
                        const jobs::archive_tell& tell) {
  auto found = find_fetched(order.backup, order.fetched_by);
  if (!found)
    return std::move(found).error();
  auto members = hint_of(order.backup, *found);
  if (!members)
    return std::move(members).error();
  extraction_settings settings;
  settings.reader.members = std::move(*members);
  settings.reader.threads = settings_.threads;
  settings.limits = order.limits;
  settings.paths = order.paths;
  settings.denied = order.denied;
  settings.keep_outside_links = settings_.keep_outside_links;
  settings.uid = settings_.uid;
  settings.gid = settings_.gid;
  settings.tell = tell;
  if (!order.paths.empty()) {
    auto stand_ins = stand_ins_of(order, *found, stop);
    if (!stand_ins)
      return std::move(stand_ins).error();
    settings.stand_ins = std::move(*stand_ins);
  }
  auto beside = order_of(order.backup, *found, stop);
  if (!beside)
    return std::move(beside).error();
  if (*beside)
    settings.manifest = [&]() -> const archive_entry* {
      auto next = (*beside)->next();
      if (next)
        return *next;
      jobs::log(
          jobs::log_level::warning, "manifest-unusable",
          {{"backup", order.backup.view()}, {"reason", next.error().what}});
      return nullptr;
    };
  return extract_archive(found->file.fd.get(), staging.get(), settings, stop);
}

jobs::result<jobs::tree_size>
local_archives::content_size(const jobs::backup_id& backup,
                             std::stop_token stop,
                             const jobs::archive_tell& tell) {
  auto found = find_to_read(backup);
  if (!found)
    return std::move(found).error();
  auto facts = facts_of(backup, *found);
  if (!facts)
    return std::move(facts).error();
  if (*facts)
    return jobs::tree_size{(*facts)->archive.files,
                           (*facts)->archive.content_bytes};
  verification_settings settings;
  settings.reader.threads = settings_.threads;
  settings.reader.wanted = sums::none;
  settings.tell = tell;
  auto read = verify_archive(found->file.fd.get(), settings, stop);
  if (!read)
    return std::move(read).error();
  return jobs::tree_size{read->facts.files, read->facts.content_bytes};
}

jobs::status local_archives::index(const jobs::backup_id& backup,
                                   const jobs::server_id& server,
                                   const jobs::job_id& job,
                                   std::stop_token stop,
                                   const jobs::archive_tell& tell) {
  const idle_io others_first{settings_.idle_io};
  auto found = find_to_read(backup);
  if (!found)
    return std::move(found).error();
  const auto name = archive_names::manifest_of(found->name);
  const auto part = archive_names::part_of(name, job);
  manifest_writer manifest{[&] { return directory_.create_spool(part); }};
  verification_settings settings;
  settings.reader.threads = settings_.threads;
  settings.tell = tell;
  settings.visit = [&](const tar_entry& entry) {
    return manifest.add(entry_of(entry));
  };
  // It may be one of ours whose manifest was lost.
  std::vector<member_position> members;
  settings.members = [&](std::vector<member_position> begins) {
    members = std::move(begins);
  };
  auto read = verify_archive(found->file.fd.get(), settings, stop);
  if (!read)
    return std::move(read).error();
  manifest_facts facts;
  facts.backup = backup;
  facts.server = server;
  facts.created_at = found->file.seen.st_mtim.tv_sec * 1000;
  facts.archive = std::move(read->facts);
  auto written = write_index(part, name, [&](int into) {
    return manifest.finish(std::move(facts), members, {}, stop, into);
  });
  if (!written)
    (void)directory_.remove(part);
  return written;
}

jobs::status local_archives::write_index(
    const std::string& part, const std::string& name,
    const std::function<jobs::status(int into)>& fill) const {
  auto file = directory_.create(part);
  if (!file)
    return std::move(file).error();
  if (auto filled = fill(file->get()); !filled)
    return filled;
  if (auto durable = make_durable(file->get(), directory_.path_of(part));
      !durable)
    return durable;
  if (auto renamed =
          directory_.rename(part, name, backup_directory::overwrite::allowed);
      !renamed)
    return renamed;
  return directory_.sync();
}

jobs::result<jobs::browse_page>
local_archives::browse(const jobs::backup_id& backup, std::string_view path,
                       std::string_view after, std::size_t limit) {
  auto manifest = manifest_here(backup);
  if (!manifest)
    return std::move(manifest).error();
  return manifest->browse(without_slashes(path), after, limit);
}

jobs::result<std::unique_ptr<jobs::content_reader>>
local_archives::open_content(const jobs::backup_id& backup,
                             std::string_view path) {
  auto found = find_to_read(backup);
  if (!found)
    return std::move(found).error();
  auto manifest = manifest_of(backup, *found);
  if (!manifest)
    return std::move(manifest).error();
  auto entry = find_entry(*manifest, path);
  if (!entry)
    return std::move(entry).error();
  return open_entry(std::move(found->file.fd), entry->entry,
                    std::move(entry->members));
}

jobs::result<jobs::open_archive>
local_archives::open(const jobs::backup_id& backup) {
  auto found = find_to_read(backup);
  if (!found)
    return std::move(found).error();
  const auto& seen = found->file.seen;
  return jobs::open_archive{std::move(found->file.fd), seen.st_size,
                            milliseconds(seen.st_mtim),
                            backup.to_string() + ".tar.gz"};
}

} // namespace alula::backup
