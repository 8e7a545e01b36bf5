#include "backup/archive_file_writer.hpp"
#include "backup/archive_writer.hpp"
#include "backup/data_map.hpp"
#include "backup/database_files.hpp"
#include "backup/file_io.hpp"
#include "backup/idle_io.hpp"
#include "backup/local_archives.hpp"
#include "backup/manifest_writer.hpp"
#include "backup/order_rules.hpp"
#include "backup/report_pace.hpp"
#include "backup/tree_walk.hpp"

#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <span>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t most_notes = 1000;
/// So much is written before the disk is asked again whether it fills up.
constexpr std::size_t bytes_between_looks = std::size_t{16} << 20;

/// Smaller databases are copied aside as well; to ask every file of a world
/// whether it is one would cost more than their room is worth.
constexpr std::int64_t smallest_looked_into = std::int64_t{16} << 20;

/// Counts what an archive would read.
class tree_measure final : public tree_visitor {
public:
  tree_measure(const std::stop_token& stop, const jobs::archive_tell& tell)
    : stop_(stop), tell_(tell) {}

  jobs::status file(const place& at, const struct stat& seen) override {
    if (seen.st_size >= smallest_looked_into && is_database_at(at))
      size.aside = std::max<std::int64_t>(size.aside, seen.st_size);
    size.bytes += may_have_holes(seen.st_size, seen.st_blocks)
                      ? size_of_data(at, seen)
                      : seen.st_size;
    return count();
  }
  jobs::status link(const place&, const struct stat&) override {
    return count();
  }
  jobs::status directory(const place&, const struct stat&, bool) override {
    return {};
  }
  void skipped(std::string_view, std::string_view) override {}

  jobs::tree_size size;

private:
  static bool is_database_at(const place& at) {
    const auto fd =
        open_beneath(at.parent, at.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd.is_open())
      return false;
    // One page of it, not what would be read ahead.
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
    return database_mode(fd.get()).has_value();
  }

  std::int64_t size_of_data(const place& at, const struct stat& seen) const {
    const auto fd =
        open_beneath(at.parent, at.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd.is_open())
      return seen.st_blocks * 512;
    const auto whole = static_cast<std::uint64_t>(seen.st_size);
    const auto data = data_map_of(fd.get(), whole, stop_).data;
    return static_cast<std::int64_t>(whole - data >= least_of_holes ? data
                                                                    : whole);
  }

  jobs::status count() {
    if (static_cast<std::uint64_t>(++size.files) % files_between_reports == 0
        && tell_)
      tell_({size.files, size.bytes});
    return {};
  }

  const std::stop_token& stop_;
  const jobs::archive_tell& tell_;
};

jobs::archive_progress_made progress_of(const archive_progress& from) {
  return {static_cast<std::int64_t>(from.files),
          static_cast<std::int64_t>(from.bytes)};
}

/// The first notes of the rules and of the archive together.
std::vector<jobs::file_note> joined(std::vector<jobs::file_note> notes,
                                    const std::vector<archive_note>& more) {
  for (const auto& each : more)
    notes.push_back({each.path, each.what});
  if (notes.size() > most_notes)
    notes.resize(most_notes);
  return notes;
}

/// What all archives of a store have in common. `tell` outlives it.
archive_settings settings_for(const store_settings& store,
                              const jobs::archive_tell& tell) {
  archive_settings out;
  out.pipeline.level = store.level;
  out.pipeline.threads = store.threads;
  out.max_notes = most_notes;
  if (tell)
    out.tell = [&tell](const archive_progress& now) { tell(progress_of(now)); };
  return out;
}

jobs::archive_facts facts_written(const archive_summary& written) {
  return {.size = static_cast<std::int64_t>(written.stream.archive_bytes),
          .sha1 = written.stream.sums.sha1,
          .sha256 = written.stream.sums.sha256,
          .content_bytes = static_cast<std::int64_t>(written.content_bytes),
          .files = static_cast<std::int64_t>(written.total.files)};
}

/// Durable, but for its name.
jobs::status write_manifest(const backup_directory& directory,
                            const std::string& part, manifest_writer& manifest,
                            manifest_facts facts,
                            std::span<const member_position> members,
                            std::span<const jobs::file_note> notes,
                            const std::stop_token& stop) {
  auto file = directory.create(part);
  if (!file)
    return std::move(file).error();
  if (auto finished =
          manifest.finish(std::move(facts), members, notes, stop, file->get());
      !finished)
    return finished;
  return make_durable(file->get(), directory.path_of(part));
}

} // namespace

jobs::result<jobs::tree_size>
local_archives::measure(const jobs::descriptor& volume,
                        const jobs::archive_order& order, std::stop_token stop,
                        const jobs::archive_tell& tell) {
  const idle_io others_first{settings_.idle_io};
  const auto ordered = rules_for(volume.get(), order);
  if (!ordered)
    return ordered.error();
  tree_measure counted{stop, tell};
  if (auto walked = walk_tree(volume.get(), ordered->rules, stop, counted);
      !walked)
    return std::move(walked).error();
  return counted.size;
}

jobs::result<jobs::archive_made>
local_archives::write(const jobs::descriptor& volume,
                      const jobs::archive_order& order, std::stop_token stop,
                      const jobs::archive_tell& tell) {
  const idle_io others_first{settings_.idle_io};
  auto made = write_parts(volume, order, nullptr, stop, tell);
  if (!made) // the room is needed now; what this fails at is left to sweep()
    (void)discard(order.backup, order.job);
  return made;
}

jobs::result<jobs::archive_made>
local_archives::stream(const jobs::descriptor& volume,
                       const jobs::archive_order& order,
                       const jobs::archive_sink& into, std::stop_token stop,
                       const jobs::archive_tell& tell) {
  const idle_io others_first{settings_.idle_io};
  auto made = write_parts(volume, order, &into, stop, tell);
  if (!made)
    (void)discard(order.backup, order.job);
  return made;
}

/// The server is down meanwhile and somebody waits: no idle priority.
jobs::result<jobs::archive_made>
local_archives::pack(const jobs::descriptor& volume, const jobs::job_id& job,
                     const jobs::archive_sink& into, std::stop_token stop,
                     const jobs::archive_tell& tell) {
  const auto spool = archive_names::part_of(names_.of(jobs::backup_id{}), job);
  auto settings = settings_for(settings_, tell);
  settings.format = archive_format::moved;
  settings.make_spool = [&] { return directory_.create_spool(spool); };
  auto packed =
      write_archive(volume.get(), ignore_rules{}, settings, stop,
                    [&](byte_view data) { return into(text_of(data)); });
  if (!packed)
    return std::move(packed).error();
  if (tell)
    tell(progress_of(packed->total));
  return jobs::archive_made{.facts = facts_written(*packed),
                            .notes = joined({}, packed->notes),
                            .noted = static_cast<std::int64_t>(packed->noted)};
}

jobs::result<jobs::archive_made> local_archives::write_parts(
    const jobs::descriptor& volume, const jobs::archive_order& order,
    const jobs::archive_sink* into, const std::stop_token& stop,
    const jobs::archive_tell& tell) {
  const auto name = names_.of(order.backup);
  const auto part = archive_names::part_of(name, order.job);
  const auto manifest_part =
      archive_names::part_of(archive_names::manifest_of(name), order.job);
  auto ordered = rules_for(volume.get(), order);
  if (!ordered)
    return std::move(ordered).error();
  std::optional<archive_file_writer> archive;
  if (!into) {
    auto file = directory_.create(part);
    if (!file)
      return std::move(file).error();
    archive.emplace(std::move(*file), directory_.path_of(part),
                    settings_.write_limit, stop, [&](std::size_t size) {
                      settings_.room->spend(order.job, disk_name,
                                            static_cast<std::int64_t>(size));
                    });
  }
  manifest_writer manifest{
      [&] { return directory_.create_spool(manifest_part); }};
  auto settings = settings_for(settings_, tell);
  settings.format = settings_.format;
  settings.read_limit = settings_.read_limit;
  settings.make_spool = [&] { return directory_.create_spool(manifest_part); };
  settings.found = [&](const archive_entry& entry) {
    return manifest.add(entry);
  };
  std::size_t since_look = 0;
  auto written = write_archive(
      volume.get(), ordered->rules, settings, stop, [&](byte_view data) {
        if (into)
          return (*into)(text_of(data));
        since_look += data.size();
        if (since_look >= bytes_between_looks) {
          since_look = 0;
          if (auto room = settings_.room->look(directory_.fd(), disk_name);
              !room)
            return room;
        }
        return archive->write(data);
      });
  if (!written)
    return std::move(written).error();
  if (tell)
    tell(progress_of(written->total));
  if (archive)
    if (auto durable = archive->make_durable(); !durable)
      return std::move(durable).error();

  manifest_facts facts{.backup = order.backup,
                       .server = order.server,
                       .job = order.job,
                       .created_at = order.created_at,
                       .archive = facts_written(*written),
                       .noted = static_cast<std::int64_t>(ordered->notes.size()
                                                          + written->noted),
                       .level = settings_.level,
                       .ignored_by = ordered->source};
  jobs::archive_made made{facts.archive,
                          joined(std::move(ordered->notes), written->notes),
                          facts.noted};
  if (auto beside =
          write_manifest(directory_, manifest_part, manifest, std::move(facts),
                         written->stream.members, made.notes, stop);
      !beside)
    return std::move(beside).error();
  if (auto synced = directory_.sync(); !synced)
    return std::move(synced).error();
  return made;
}

} // namespace alula::backup
