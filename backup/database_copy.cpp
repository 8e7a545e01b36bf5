#include "backup/database_copy.hpp"

#include "backup/file_io.hpp"
#include "backup/idle_io.hpp"
#include "backup/quiet_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <utility>
#include <vector>

namespace alula::backup {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t copied_at_once = std::size_t{1024} * 1024;
/// Smaller ones are copied under the lock at once.
constexpr std::uint64_t copied_ahead = std::uint64_t{16} * 1024 * 1024;
/// What is left for everybody else.
constexpr std::uint64_t room_left = std::uint64_t{64} * 1024 * 1024;
constexpr int most_attempts = 3;

jobs::fault asked_to_stop() {
  return {.code = jobs::fault_code::interrupted,
          .what = "the copying of a database was asked to stop"};
}

jobs::fault failed(const char* call) {
  return jobs::system_fault(errno, call, "the copy of a database");
}

bool has_room(int spool, std::int64_t size) {
  struct statvfs disk {};
  if (::fstatvfs(spool, &disk) != 0)
    return true;
  const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  return free >= static_cast<std::uint64_t>(size) + room_left;
}

class copying {
public:
  copying(const database_place& from, const copy_settings& settings,
          const std::stop_token& stop)
    : from_(from), settings_(settings), stop_(stop), ours_(copied_at_once),
      theirs_(copied_at_once) {}

  jobs::result<database_copy> run() {
    if (auto made = make_spool(out_.database, from_.file); !made)
      return std::move(made).error();
    const page_memory before{from_.file};
    can_clone_ = ::ioctl(out_.database.get(), FICLONE, from_.file) == 0;
    if (auto ahead = copy_ahead(); !ahead)
      return std::move(ahead).error();
    for (int attempt = 1;; ++attempt) {
      auto done = copy_held(attempt == most_attempts);
      if (!done)
        return std::move(done).error();
      if (*done)
        return std::move(out_);
    }
  }

private:
  jobs::status make_spool(file_descriptor& into, int of) {
    struct stat seen {};
    if (::fstat(of, &seen) != 0)
      return failed("fstat");
    auto made = settings_.make_spool();
    if (!made)
      return std::move(made).error();
    into = std::move(*made);
    if (!has_room(into.get(), seen.st_size))
      return jobs::system_fault(ENOSPC, "copy", "a database aside");
    return {};
  }

  jobs::status copy_ahead() {
    struct stat seen {};
    if (can_clone_ || from_.mode != journal_mode::rollback
        || ::fstat(from_.file, &seen) != 0
        || static_cast<std::uint64_t>(seen.st_size) < copied_ahead)
      return {};
    auto copied = copy(from_.file, out_.database.get(), known_, true, {});
    return copied ? jobs::status{} : jobs::status{std::move(copied).error()};
  }

  /// False: the lock had to be let go before the end.
  jobs::result<bool> copy_held(bool is_last) {
    const auto hold =
        database_hold::take(from_.file, from_.mode, from_.parent, from_.name,
                            settings_.patience, stop_);
    if (!hold)
      return hold.error();
    const prompt_io somebody_waits;
    out_.doubt = hold->doubt();
    std::optional<clock::time_point> until;
    if (hold->is_held() && from_.mode == journal_mode::rollback)
      until = clock::now() + settings_.longest_hold;
    if (::fstat(from_.file, &out_.seen) != 0)
      return failed("fstat");
    const bool is_cloned =
        can_clone_ && ::ioctl(out_.database.get(), FICLONE, from_.file) == 0;
    if (!is_cloned) {
      auto whole = copy(from_.file, out_.database.get(), known_, false, until);
      if (!whole || (!*whole && !is_last))
        return whole;
      if (!*whole)
        return finish_without_lock();
    }
    return copy_companion(hold->companion());
  }

  /// Its companion would not belong to it either.
  jobs::result<bool> finish_without_lock() {
    auto copied = copy(from_.file, out_.database.get(), known_, false, {});
    out_.doubt = "is a database too large to be copied before its game gives "
                 "up waiting; its copy may be torn";
    return copied;
  }

  jobs::result<bool> copy_companion(const std::string& name) {
    out_.companion_name.clear();
    if (name.empty())
      return true;
    const auto file = open_regular(from_.parent, name.c_str());
    if (file.error == ENOENT)
      return true;
    if (!file.fd.is_open())
      return jobs::system_fault(file.error, file.call, name);
    out_.companion_seen = file.seen;
    const auto fd = file.fd.get();
    if (auto made = make_spool(out_.companion, fd); !made)
      return std::move(made).error();
    const page_memory before{fd};
    std::uint64_t nothing = 0;
    auto copied = copy(fd, out_.companion.get(), nothing, false, {});
    if (!copied)
      return copied;
    out_.companion_name = name;
    out_.companion_seen.st_size = static_cast<off_t>(nothing);
    return true;
  }

  /// Makes `to` what `from` is. Up to `known` it was that some time ago. False
  /// when `until` is over before the end.
  jobs::result<bool> copy(int from, int to, std::uint64_t& known, bool may_wait,
                          const std::optional<clock::time_point>& until) {
    std::uint64_t at = 0;
    for (;;) {
      if (stop_.stop_requested()
          || (may_wait && settings_.pass && !settings_.pass(copied_at_once)))
        return asked_to_stop();
      if (until && clock::now() >= *until)
        return false;
      if (settings_.tell)
        settings_.tell();
      const auto got =
          ::pread(from, theirs_.data(), copied_at_once, static_cast<off_t>(at));
      if (got < 0)
        return failed("pread");
      if (got == 0)
        break;
      const auto size = static_cast<std::size_t>(got);
      if (!is_same(to, at, size, known))
        if (auto put = write(to, at, size); !put)
          return std::move(put).error();
      at += size;
      known = std::max(known, at);
    }
    if (::ftruncate(to, static_cast<off_t>(at)) != 0)
      return failed("ftruncate");
    known = at;
    if (to == out_.database.get())
      out_.seen.st_size = static_cast<off_t>(at);
    return true;
  }

  bool is_same(int to, std::uint64_t at, std::size_t size,
               std::uint64_t known) {
    return at + size <= known
           && ::pread(to, ours_.data(), size, static_cast<off_t>(at))
                  == static_cast<ssize_t>(size)
           && std::memcmp(ours_.data(), theirs_.data(), size) == 0;
  }

  jobs::status write(int to, std::uint64_t at, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const auto put = ::pwrite(to, theirs_.data() + done, size - done,
                                static_cast<off_t>(at + done));
      if (put < 0 && errno != EINTR)
        return failed("pwrite");
      done += put > 0 ? static_cast<std::size_t>(put) : 0;
    }
    return {};
  }

  const database_place& from_;
  const copy_settings& settings_;
  const std::stop_token& stop_;
  std::vector<std::byte> ours_;
  std::vector<std::byte> theirs_;
  std::uint64_t known_ = 0;
  bool can_clone_ = false;
  database_copy out_;
};

} // namespace

jobs::result<database_copy> copy_database(const database_place& from,
                                          const copy_settings& settings,
                                          const std::stop_token& stop) {
  return copying{from, settings, stop}.run();
}

} // namespace alula::backup
