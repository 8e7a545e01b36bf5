#include "backup/system_object_files.hpp"

#include "backup/digest.hpp"
#include "backup/file_io.hpp"
#include "jobs/log.hpp"

#include <fcntl.h>
#include <string>
#include <utility>
#include <vector>

namespace alula::backup {

namespace {

/// Large enough that a system call costs nothing beside it.
constexpr std::size_t piece_size = std::size_t{256} << 10;
/// Between two looks at the disk, and two pushes of what was written to it: so
/// that the last fsync does not wait for gigabytes.
constexpr std::int64_t look_every = std::int64_t{16} << 20;

constexpr std::string_view disk_name = "the disk of systems' backups";

constexpr std::string_view part_suffix = ".part";

std::string part_of(std::string_view id) {
  return std::string{id} + std::string{part_suffix};
}

} // namespace

jobs::result<const backup_directory*> system_object_files::at() {
  const std::scoped_lock lock{mutex_};
  if (!opened_) {
    auto opened = backup_directory::open(path_);
    if (!opened)
      return std::move(opened).error();
    opened_.emplace(*std::move(opened));
  }
  return &*opened_;
}

jobs::result<const backup_directory*>
system_object_files::place_of(std::string_view id) {
  if (jobs::canonical_system_backup_id(id) != id)
    return jobs::fault{.code = jobs::fault_code::validation,
                       .what = "this is not the id of a backup of a system"};
  return at();
}

jobs::result<jobs::system_objects::written>
system_object_files::write(std::string_view id, const piece_source& from,
                           const std::function<void(std::int64_t)>& tell) {
  const auto place = place_of(id);
  if (!place)
    return place.error();
  const auto& files = **place;
  const auto part = part_of(id);
  auto file = files.create(part);
  if (!file)
    return std::move(file).error();
  const auto give_up = [&](jobs::fault why) {
    (void)files.remove(part); // the undo of the job's step removes it as well
    return why;
  };
  const auto path = files.path_of(part);
  digest sum{sums::sha256};
  bytes piece(piece_size);
  std::int64_t size = 0, looked = 0;
  for (;;) {
    const auto got =
        from({reinterpret_cast<char*>(piece.data()), piece.size()});
    if (!got)
      return give_up(got.error());
    if (*got == 0)
      break;
    const byte_view taken{piece.data(), *got};
    sum.update(taken);
    if (auto kept = write_all(file->get(), taken, path); !kept)
      return give_up(std::move(kept).error());
    size += static_cast<std::int64_t>(*got);
    tell(size);
    if (size - looked < look_every)
      continue;
    ::sync_file_range(file->get(), looked, size - looked,
                      SYNC_FILE_RANGE_WRITE);
    looked = size;
    if (auto room = room_->look(files.fd(), disk_name); !room)
      return give_up(std::move(room).error());
  }
  if (auto durable = make_durable(file->get(), path); !durable)
    return give_up(std::move(durable).error());
  // Its name too: from here on the job counts on finding it.
  if (auto named = files.sync(); !named)
    return give_up(std::move(named).error());
  return written{size, sum.finish().sha256};
}

jobs::status system_object_files::publish(std::string_view id) {
  const auto place = place_of(id);
  if (!place)
    return place.error();
  const auto& files = **place;
  const std::string name{id};
  const auto part = part_of(id);
  const auto there = files.exists(part);
  if (!there)
    return there.error();
  if (*there) {
    if (auto moved =
            files.rename(part, name, backup_directory::overwrite::never);
        !moved)
      return moved;
  } else {
    const auto done = files.exists(name);
    if (!done)
      return done.error();
    if (!*done)
      return jobs::fault{.code = jobs::fault_code::io_error,
                         .what = "the part of backup " + name + " is gone",
                         .where = files.path_of(part)};
  }
  return files.sync();
}

jobs::status system_object_files::remove(std::string_view id) {
  const auto place = place_of(id);
  if (!place)
    return place.error();
  const auto& files = **place;
  for (const auto& name : {part_of(id), std::string{id}})
    if (auto gone = files.remove(name); !gone)
      return std::move(gone).error();
  return files.sync();
}

jobs::result<jobs::system_objects::swept>
system_object_files::sweep(const is_known_id& is_known) {
  // The first upload makes the directory: a node that takes none in has none.
  std::error_code unseen;
  if (!std::filesystem::exists(path_, unseen) && !unseen)
    return swept{};
  const auto place = at();
  if (!place)
    return place.error();
  const auto& files = **place;
  swept made;
  std::vector<std::string> dead;
  auto read = files.for_each([&](std::string_view name) {
    const bool is_part = name.ends_with(part_suffix);
    const auto id =
        name.substr(0, name.size() - (is_part ? part_suffix.size() : 0));
    if (jobs::canonical_system_backup_id(id) != id || is_known(id))
      return;
    if (is_part)
      dead.emplace_back(name);
    else
      ++made.unknown;
  });
  if (!read)
    return std::move(read).error();
  for (const auto& name : dead) {
    if (auto gone = files.remove(name); !gone)
      return std::move(gone).error();
    ++made.parts;
    jobs::log(jobs::log_level::info, "backup-leftover-removed",
              {{"file", name}});
  }
  if (!dead.empty())
    if (auto durable = files.sync(); !durable)
      return std::move(durable).error();
  return made;
}

jobs::result<jobs::system_objects::open_object>
system_object_files::open(std::string_view id) {
  const auto place = place_of(id);
  if (!place)
    return place.error();
  const auto& files = **place;
  auto found = files.find(std::string{id});
  if (!found)
    return std::move(found).error();
  if (!found->fd.is_open())
    return jobs::fault{.code = jobs::fault_code::backup_not_found,
                       .what = "there is no file of backup " + std::string{id},
                       .where = files.path_of(id)};
  jobs::descriptor own{::fcntl(found->fd.get(), F_DUPFD_CLOEXEC, 0)};
  if (!own.is_open())
    return jobs::system_fault(errno, "dup", files.path_of(id));
  constexpr jobs::time_ms ms = 1'000, ns_in_ms = 1'000'000;
  return open_object{std::move(own), found->seen.st_size,
                     found->seen.st_mtim.tv_sec * ms
                         + found->seen.st_mtim.tv_nsec / ns_in_ms};
}

jobs::result<jobs::disk_space> system_object_files::space() {
  const auto place = at();
  if (!place)
    return place.error();
  return room_->space((*place)->fd(), disk_name);
}

jobs::status system_object_files::reserve(const jobs::job_id& job,
                                          std::int64_t size) {
  const auto place = at();
  if (!place)
    return place.error();
  return room_->reserve((*place)->fd(), disk_name, job, size);
}

void system_object_files::release(const jobs::job_id& job) {
  room_->release(job, disk_name);
}

} // namespace alula::backup
