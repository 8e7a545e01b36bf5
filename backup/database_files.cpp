#include "backup/database_files.hpp"

#include "backup/file_io.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <thread>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::string_view magic{"SQLite format 3\0", 16};
// os_unix.c: PENDING_BYTE, RESERVED_BYTE, SHARED_FIRST, SHARED_SIZE.
constexpr off_t pending_byte = 0x40000000;
constexpr off_t reserved_byte = pending_byte + 1;
constexpr off_t shared_first = pending_byte + 2;
constexpr off_t shared_size = 510;
// walformat 2.3.1: lock bytes of the index, from 120: write, checkpoint,
// recover, and five of readers.
constexpr off_t checkpoint_byte = 121;
constexpr off_t first_log_reader_byte = 124; // readers of the log itself

/// Locks of the open file description: they conflict with those of other
/// processes and are not lost when this process closes another descriptor of
/// the file (fcntl(2), F_OFD_SETLK).
bool lock(int file, short type, off_t start, off_t length) {
  struct flock what {};
  what.l_type = type;
  what.l_whence = SEEK_SET;
  what.l_start = start;
  what.l_len = length;
  return ::fcntl(file, F_OFD_SETLK, &what) == 0;
}

void unlock(int file, off_t start, off_t length) {
  (void)lock(file, F_UNLCK, start, length);
}

bool is_locked_by_another(int file, off_t byte) {
  struct flock what {};
  what.l_type = F_WRLCK;
  what.l_whence = SEEK_SET;
  what.l_start = byte;
  what.l_len = 1;
  return ::fcntl(file, F_OFD_GETLK, &what) == 0 && what.l_type != F_UNLCK;
}

/// As SQLite itself takes a SHARED lock: past a writer that is about to write.
bool share_database(int file) {
  if (!lock(file, F_RDLCK, pending_byte, 1))
    return false;
  const bool shared = lock(file, F_RDLCK, shared_first, shared_size);
  unlock(file, pending_byte, 1);
  return shared;
}

bool hold_log(int index) {
  if (!lock(index, F_RDLCK, checkpoint_byte, 1))
    return false;
  if (lock(index, F_RDLCK, first_log_reader_byte, 1))
    return true;
  unlock(index, checkpoint_byte, 1);
  return false;
}

template<class Try>
bool within(std::chrono::milliseconds patience, const std::stop_token& stop,
            Try attempt) {
  constexpr std::chrono::milliseconds between{5};
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!attempt()) {
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= until)
      return false;
    std::this_thread::sleep_for(between);
  }
  return true;
}

/// Also what cannot be looked at: who opens it finds out why.
bool may_have_bytes(int parent, const std::string& name) {
  struct stat found {};
  if (::fstatat(parent, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return errno != ENOENT && errno != ENAMETOOLONG;
  return S_ISREG(found.st_mode) && found.st_size > 0;
}

constexpr const char* written_all_the_time =
    "is a database that was written all the time; its copy may be torn";

} // namespace

bool is_database(std::span<const std::byte> begin) {
  return begin.size() >= magic.size()
         && std::memcmp(begin.data(), magic.data(), magic.size()) == 0;
}

std::optional<journal_mode> database_mode(int file) {
  std::array<char, 20> head{};
  if (::pread(file, head.data(), head.size(), 0)
          != static_cast<ssize_t>(head.size())
      || std::string_view{head.data(), magic.size()} != magic)
    return std::nullopt;
  constexpr std::size_t write_version = 18;
  return head[write_version] == 2 ? journal_mode::write_ahead
                                  : journal_mode::rollback;
}

std::string database_of(std::string_view name) {
  for (const std::string_view suffix : {"-journal", "-wal", "-shm"})
    if (name.size() > suffix.size() && name.ends_with(suffix))
      return std::string{name.substr(0, name.size() - suffix.size())};
  return {};
}

jobs::result<database_hold>
database_hold::take(int database, journal_mode mode, int parent,
                    const std::string& name, std::chrono::milliseconds patience,
                    const std::stop_token& stop) {
  database_hold hold;
  hold.database_ = database;
  hold.mode_ = mode;
  if (!within(patience, stop, [&] { return share_database(database); }))
    hold.doubt_ = written_all_the_time;
  if (mode == journal_mode::rollback) {
    const auto journal = name + "-journal";
    // With a living writer the database is whole without its journal.
    if (may_have_bytes(parent, journal)
        && (!hold.is_held() || !is_locked_by_another(database, reserved_byte)))
      hold.companion_ = journal;
    return hold;
  }
  const auto log = name + "-wal";
  if (may_have_bytes(parent, log))
    hold.companion_ = log;
  if (auto opened = hold.open_index(parent, name + "-shm"); !opened)
    return std::move(opened).error();
  if (hold.is_held() && hold.index_.is_open()
      && !within(patience, stop, [&] { return hold_log(hold.index_.get()); }))
    hold.doubt_ = written_all_the_time;
  return hold;
}

/// Without one nobody has the database open.
jobs::status database_hold::open_index(int parent, const std::string& name) {
  auto index = open_regular(parent, name.c_str());
  if (is_shortage(index.error))
    return jobs::system_fault(index.error, index.call, name);
  if (!index.fd.is_open() && index.error != ENOENT)
    doubt_ = "is a database whose index of its log cannot be opened ("
             + error_text(index.error) + "); its copy may be torn";
  index_ = std::move(index.fd);
  return {};
}

database_hold::database_hold(database_hold&& other) noexcept
  : database_(std::exchange(other.database_, -1)), mode_(other.mode_),
    index_(std::move(other.index_)), doubt_(std::move(other.doubt_)),
    companion_(std::move(other.companion_)) {}

database_hold::~database_hold() {
  if (database_ >= 0)
    unlock(database_, shared_first, shared_size);
}

} // namespace alula::backup
