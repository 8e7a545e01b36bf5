// Archives that are made, kept, moved and removed.
#include "tests/doubles/fake_archives.hpp"

#include <algorithm>
#include <limits>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

namespace alula::jobs {

namespace {

archive_file file_of(const backup_id& backup,
                     const fake_archives::stored& from) {
  archive_file out{.backup = backup,
                   .server = {},
                   .size = from.facts.size,
                   .modified_at = from.modified_at,
                   .has_manifest = from.has_manifest,
                   .facts = {}};
  if (from.has_manifest) {
    out.server = from.server;
    out.facts = from.facts;
  }
  return out;
}

} // namespace

result<tree_size> fake_archives::measure(const descriptor&,
                                         const archive_order& order,
                                         std::stop_token stop,
                                         const archive_tell&) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, stop, "measure", order.backup.view());
      !planned)
    return std::move(planned).error();
  auto size = size_of(volume);
  size.aside = aside;
  return size;
}

status fake_archives::reserve(const job_id& job, const room_wanted& room) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "reserve", job.view(), room.bytes);
      !planned)
    return planned;
  constexpr auto inodes = std::numeric_limits<std::int64_t>::max();
  return reserved.keep(job, room, disk_free, inodes);
}

void fake_archives::release(const job_id& job) {
  std::unique_lock lock{mutex};
  journal.push_back("release " + job.to_string());
  reserved.erase(job);
}

result<archive_made> fake_archives::write(const descriptor&,
                                          const archive_order& order,
                                          std::stop_token stop,
                                          const archive_tell& tell) {
  std::unique_lock lock{mutex};
  if (auto planned =
          enter(lock, stop, "write", order.backup.view(), order.job.view());
      !planned)
    return std::move(planned).error();
  if (auto told = tell_each(lock, volume, stop, tell); !told)
    return std::move(told).error();
  auto made = make(order.backup, order.server, order.job, volume);
  made.notes = volume_notes;
  archive_made out{made.facts, made.notes,
                   static_cast<std::int64_t>(made.notes.size())};
  unfinished.insert_or_assign({order.backup, order.job}, std::move(made));
  return out;
}

result<archive_made> fake_archives::pack(const descriptor&, const job_id& job,
                                         const archive_sink& into,
                                         std::stop_token stop,
                                         const archive_tell& tell) {
  stored made;
  {
    std::unique_lock lock{mutex};
    if (auto planned = enter(lock, stop, "pack", job.view()); !planned)
      return std::move(planned).error();
    if (auto told = tell_each(lock, volume, stop, tell); !told)
      return std::move(told).error();
    made = make({}, {}, job, volume);
    made.notes = volume_notes;
  }
  const auto raw = text_in(made.file);
  for (std::size_t at = 0; at < raw.size(); at += 7)
    if (auto taken = into(std::string_view{raw}.substr(at, 7)); !taken)
      return std::move(taken).error();
  return archive_made{made.facts, made.notes,
                      static_cast<std::int64_t>(made.notes.size())};
}

result<archive_made> fake_archives::stream(const descriptor& root,
                                           const archive_order& order,
                                           const archive_sink& into,
                                           std::stop_token stop,
                                           const archive_tell& tell) {
  auto made = write(root, order, stop, tell);
  if (!made)
    return made;
  std::string raw;
  {
    const std::lock_guard guard{mutex};
    auto& part = unfinished.at({order.backup, order.job});
    raw = text_in(part.file);
    part.file.close();
  }
  // In pieces that fit no part.
  for (std::size_t at = 0; at < raw.size(); at += 7)
    if (auto taken = into(std::string_view{raw}.substr(at, 7)); !taken)
      return std::move(taken).error();
  return made;
}

result<descriptor> fake_archives::open_part(const backup_id& backup,
                                            const job_id& job,
                                            archive_half which) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open_part", backup.view(), job.view());
      !planned)
    return std::move(planned).error();
  const auto made = unfinished.find({backup, job});
  if (which == archive_half::archive && made != unfinished.end())
    return reopen(made->second.file, O_RDWR);
  auto& parts = which == archive_half::archive ? fetched : fetched_manifests;
  auto& part = parts[{backup, job}];
  if (!part.is_open()) {
    const bool is_made =
        which == archive_half::manifest && made != unfinished.end();
    part = file_of_text(is_made ? manifest_of(backup, made->second)
                                : std::string{});
  }
  return reopen(part, O_RDWR);
}

status fake_archives::keep_part(const backup_id& backup, const job_id& job,
                                archive_half) {
  std::unique_lock lock{mutex};
  return enter(lock, {}, "keep_part", backup.view(), job.view());
}

status fake_archives::adopt(const backup_id& backup, const job_id& job) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "adopt", backup.view(), job.view());
      !planned)
    return planned;
  if (const auto streamed = unfinished.find({backup, job});
      streamed != unfinished.end() && !streamed->second.file.is_open()) {
    dropped.insert_or_assign(backup, std::move(streamed->second));
    unfinished.erase(streamed);
    return {};
  }
  const auto part = fetched.find({backup, job});
  if (part == fetched.end())
    return {};
  if (published.contains(backup))
    return fault{.code = fault_code::backup_exists, .what = "it is there"};
  auto known = dropped.find(backup);
  auto made =
      make(backup, known == dropped.end() ? server_id{} : known->second.server,
           job, tree_in(text_in(part->second)));
  const auto manifest = fetched_manifests.find({backup, job});
  const bool is_fetched = manifest != fetched_manifests.end();
  made.has_manifest = is_fetched || known != dropped.end();
  made.is_ours = is_fetched ? is_manifest_of_ours(text_in(manifest->second))
                            : made.has_manifest && known->second.is_ours;
  published.insert_or_assign(backup, std::move(made));
  fetched.erase(part);
  return {};
}

status fake_archives::drop(const backup_id& backup) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "drop", backup.view()); !planned)
    return planned;
  const auto at = published.find(backup);
  if (at == published.end())
    return {};
  dropped.insert_or_assign(backup, std::move(at->second));
  published.erase(at);
  return {};
}

result<descriptor> fake_archives::make_spool() {
  return descriptor{::memfd_create("spool", MFD_CLOEXEC)};
}

status fake_archives::publish(const backup_id& backup, const job_id& job) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "publish", backup.view(), job.view());
      !planned)
    return planned;
  const auto there = published.find(backup);
  if (there != published.end() && there->second.job == job)
    return {};
  if (there != published.end())
    return fault{.code = fault_code::backup_exists,
                 .what = "another archive has the name"};
  const auto part = unfinished.find({backup, job});
  if (part == unfinished.end())
    return fault{.code = fault_code::io_error,
                 .what = "nothing of the job is there"};
  published.emplace(backup, std::move(part->second));
  unfinished.erase(part);
  return {};
}

status fake_archives::discard(const backup_id& backup, const job_id& job) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "discard", backup.view(), job.view());
      !planned)
    return planned;
  unfinished.erase({backup, job});
  fetched.erase({backup, job});
  fetched_manifests.erase({backup, job});
  return {};
}

result<std::optional<archive_file>>
fake_archives::inspect(const backup_id& backup) {
  if (before_inspect)
    before_inspect();
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "inspect", backup.view()); !planned)
    return std::move(planned).error();
  const auto at = published.find(backup);
  if (at == published.end())
    return std::optional<archive_file>{};
  return std::optional{file_of(at->first, at->second)};
}

result<archive_list> fake_archives::list() {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "list"); !planned)
    return std::move(planned).error();
  archive_list out;
  for (const auto& [backup, archive] : published) {
    if (unreadable.contains(backup))
      out.unreadable.push_back(backup);
    else
      out.files.push_back(file_of(backup, archive));
  }
  if (!out.unreadable.empty() && out.files.empty())
    return fault{.code = fault_code::io_error, .what = "EIO"};
  return out;
}

status fake_archives::sweep(const is_live_job& is_live,
                            const is_known_backup& is_known) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "sweep"); !planned)
    return planned;
  const auto is_dead = [&](const auto& part) {
    return !is_live(part.first.second);
  };
  std::erase_if(orphans, [&](const auto& each) { return !is_known(each); });
  std::erase_if(unfinished, is_dead);
  std::erase_if(fetched, is_dead);
  std::erase_if(fetched_manifests, is_dead);
  return {};
}

status fake_archives::remove(const backup_id& backup) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "remove", backup.view()); !planned)
    return planned;
  const auto at = published.find(backup);
  if (at == published.end())
    return {};
  const auto mine = reopen(at->second.file);
  if (::flock(mine.get(), LOCK_EX | LOCK_NB) != 0)
    return fault{.code = fault_code::backup_in_use,
                 .what = "somebody downloads the backup"};
  published.erase(at);
  return {};
}

result<disk_space> fake_archives::space() {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "space"); !planned)
    return std::move(planned).error();
  const auto kept = reserved.sum();
  return disk_space{.free = std::max<std::int64_t>(0, disk_free - kept),
                    .total = disk_total,
                    .reserved = kept,
                    .unused = disk_unused.value_or(disk_free),
                    .device = device};
}

status fake_archives::tell_each(std::unique_lock<std::mutex>& lock, tree files,
                                const std::stop_token& stop,
                                const archive_tell& tell) {
  lock.unlock();
  archive_progress_made so_far;
  bool is_stopped = false;
  for (const auto& [path, content] : files) {
    ++so_far.files;
    so_far.bytes += static_cast<std::int64_t>(content.size());
    if (tell)
      tell(so_far);
    is_stopped = stop.stop_requested();
    if (is_stopped)
      break;
  }
  lock.lock();
  return is_stopped ? status{interrupted()} : status{};
}

} // namespace alula::jobs
