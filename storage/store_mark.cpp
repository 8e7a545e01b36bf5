#include "storage/store_mark.hpp"

#include "jobs/ids.hpp"
#include "storage/ballast.hpp"
#include "storage/file_system.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/sqlite.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace alula::storage {

namespace {

namespace fs = std::filesystem;
using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

constexpr std::size_t id_length = 36;

/// Empty: the ledger is new, or has never been begun with an id.
result<std::string> id_of_ledger(const fs::path& file) {
  std::error_code failed;
  if (!fs::exists(file, failed)) {
    if (failed)
      return system_fault(failed.value(), "stat", file.string());
    return std::string{};
  }
  // For writing, because a crash may have left something to be rolled back.
  auto db = database::open(file, database::access::write);
  ballast reserve{file, ledger_settings{}.ballast_bytes};
  if (!db && db.error().code == fault_code::insufficient_storage
      && reserve.release())
    db = database::open(file, database::access::write);
  if (!db)
    return std::move(db).error();
  auto known = db->integer(ledger_sql("has_store"));
  if (!known)
    return std::move(known).error();
  if (*known == 0)
    return std::string{};
  auto found = db->ask(ledger_sql("store_id"));
  std::string id = found.next() ? found.text(0) : "";
  if (auto ended = found.outcome(); !ended)
    return std::move(ended).error();
  return id;
}

/// Empty: the directory, or its mark, is not there.
result<std::string> mark_of(const fs::path& directory,
                            std::string_view name = store_mark::file_name) {
  const auto path = directory / name;
  const file_descriptor fd{
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!fd.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::string{};
    return system_fault(errno, "open", path.string());
  }
  std::string text(id_length, '\0');
  const auto got = ::read(fd.get(), text.data(), text.size());
  if (got < 0)
    return system_fault(errno, "read", path.string());
  text.resize(static_cast<std::size_t>(got));
  return text;
}

fault not_ours(const fs::path& directory, const std::string& mark,
               const std::string& id, const std::string& contents) {
  const auto path = (directory / store_mark::file_name).string();
  const std::string why =
      mark.empty()
          ? " is not the directory this node's servers had their " + contents
                + " in: its mark is missing. The disk is probably not "
                  "mounted: mount it."
          : " is marked as the directory of another ledger.";
  return {.code = fault_code::volume_obstructed,
          .what = directory.string() + why
                  + " To go on with what is there now, whatever it lacks: "
                    "mkdir -p "
                  + directory.string() + " && echo " + id + " > " + path,
          .where = path};
}

status write_mark(const fs::path& directory, std::string_view mark,
                  const std::string& id) {
  auto opened = open_root(directory, std::nullopt);
  if (!opened)
    return std::move(opened).error();
  const std::string name{mark};
  const auto part = name + ".part";
  const file_descriptor fd{
      ::openat(opened->fd.get(), part.c_str(),
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)};
  if (!fd.is_open())
    return system_fault(errno, "open", opened->path_of(part));
  const auto line = id + "\n";
  const auto put = ::write(fd.get(), line.data(), line.size());
  if (put != static_cast<ssize_t>(line.size()))
    return system_fault(put < 0 ? errno : ENOSPC, "write",
                        opened->path_of(part));
  if (::fsync(fd.get()) != 0)
    return system_fault(errno, "fsync", opened->path_of(part));
  if (::renameat(opened->fd.get(), part.c_str(), opened->fd.get(), name.c_str())
      != 0)
    return system_fault(errno, "rename", opened->path_of(name));
  return sync_directory(*opened);
}

std::string new_id() {
  using namespace std::chrono;
  const auto now = system_clock::now().time_since_epoch();
  return jobs::make_job_id(duration_cast<milliseconds>(now).count())
      .to_string();
}

} // namespace

result<store_mark> store_mark::look(const fs::path& ledger_file,
                                    std::vector<fs::path> directories,
                                    fs::path backups) {
  auto id = id_of_ledger(ledger_file);
  if (!id)
    return std::move(id).error();
  const bool is_new = id->empty();
  for (const auto& directory : directories) {
    auto mark = mark_of(directory);
    if (!mark)
      return std::move(mark).error();
    if (is_new && id->empty() && mark->size() == id_length)
      *id = *mark;
    if (!is_new && *mark != *id)
      return not_ours(directory, *mark, *id, "files");
  }
  auto mark = mark_of(backups);
  if (!mark)
    return std::move(mark).error();
  if (id->empty())
    *id = mark->size() == id_length ? *mark : new_id();
  store_mark out;
  out.ledger_at_ = ledger_file.parent_path();
  auto known = mark_of(out.ledger_at_, backups_name);
  if (!known)
    return std::move(known).error();
  out.tells_of_backups_ = *known == *id;
  if (*mark != *id && (!mark->empty() || out.tells_of_backups_))
    return not_ours(backups, *mark, *id, "backups");
  if (is_new)
    out.unmarked_ = std::move(directories);
  if (mark->empty())
    out.unmarked_.push_back(std::move(backups));
  out.id_ = *std::move(id);
  return out;
}

status store_mark::write() const {
  for (const auto& directory : unmarked_)
    if (auto marked = write_mark(directory, file_name, id_); !marked)
      return marked;
  // After the mark itself: a crash in between takes the directory over again.
  return tells_of_backups_ ? status{}
                           : write_mark(ledger_at_, backups_name, id_);
}

} // namespace alula::storage
