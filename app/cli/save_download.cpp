#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"
#include "jobs/descriptor.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_write(const fs::path& to) {
  throw leave{failed, "cannot write " + to.string() + ": "
                          + std::generic_category().message(errno)};
}

[[noreturn]] void is_there(const fs::path& to) {
  throw leave{usage, to.string()
                         + " is there already; --force replaces it, -o names "
                           "another"};
}

/// Looked at before anything is fetched; a file that comes later is seen by
/// take_place.
void check(const download_target& target) {
  struct stat about {};
  if (lstat(target.to.c_str(), &about) != 0)
    return;
  if (!S_ISREG(about.st_mode))
    throw leave{usage, target.to.string()
                           + " is there already and is no file: -o names "
                             "another"};
  if (!target.replaces)
    is_there(target.to);
}

/// For the handler of signals.
std::atomic<const char*> file_to_remove{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);

/// Removes it here, and not where it is written: nothing may come for long.
void remove_and_end(int number) {
  if (const auto* path = file_to_remove.load())
    ::unlink(path);
  ::raise(number); // its own effect, as soon as this returns
}

/// While it lives, a signal that ends the program removes the file of this
/// path, which outlives it; one at a time. What is ignored stays so.
class removed_by_signals {
public:
  explicit removed_by_signals(const char* path) {
    file_to_remove = path;
    struct sigaction ours {};
    ours.sa_handler = remove_and_end;
    ours.sa_flags = static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      sigaction(numbers[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN)
        sigaction(numbers[i], &ours, nullptr);
    }
  }
  ~removed_by_signals() {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      sigaction(numbers[i], &before_[i], nullptr);
    file_to_remove = nullptr;
  }
  removed_by_signals(const removed_by_signals&) = delete;
  removed_by_signals& operator=(const removed_by_signals&) = delete;

private:
  static constexpr std::array numbers{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, numbers.size()> before_{};
};

/// A file of its own beside the name it will have; gone again unless it takes
/// that place.
class unfinished_file {
public:
  explicit unfinished_file(const fs::path& beside)
    : path_(beside.string() + "." + std::to_string(getpid()) + ".part"),
      on_signals_(path_.c_str()),
      file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                   0666)) {
    if (!file_.is_open())
      cannot_write(path_);
  }
  ~unfinished_file() {
    if (!placed_)
      ::unlink(path_.c_str());
  }
  unfinished_file(const unfinished_file&) = delete;
  unfinished_file& operator=(const unfinished_file&) = delete;

  /// False: `errno` says why.
  bool write(std::string_view piece) {
    while (!piece.empty()) {
      const auto n = ::write(file_.get(), piece.data(), piece.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return false;
      piece.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void take_place(const download_target& target) {
    if (fsync(file_.get()) != 0)
      cannot_write(path_);
    const auto* to = target.to.c_str();
    const int failure =
        target.replaces ? ::rename(path_.c_str(), to) : rename_to_free_name(to);
    if (failure != 0 && errno == EEXIST)
      is_there(target.to);
    if (failure != 0)
      cannot_write(target.to);
    placed_ = true;
  }

private:
  /// Replaces nothing; a failure is in `errno`.
  int rename_to_free_name(const char* to) {
    const auto* from = path_.c_str();
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
      return 0;
    if (errno != EINVAL)
      return -1;
    // File systems over a network know no such rename; a link refuses as well.
    if (::link(from, to) == 0) {
      ::unlink(from);
      return 0;
    }
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP)
      return -1;
    // Nor do those of memory cards know links: what comes between these two
    // calls is lost, which is less than all that was fetched.
    struct stat about {};
    if (lstat(to, &about) == 0) {
      errno = EEXIST;
      return -1;
    }
    return errno == ENOENT ? ::rename(from, to) : -1;
  }

  const std::string path_;
  const removed_by_signals on_signals_;
  const jobs::descriptor file_;
  bool placed_ = false;
};

int to_standard_output(client& node, const std::string& url) {
  node.download(url, [](std::string_view piece) {
    return std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size();
  });
  return done;
}

} // namespace

int save_download(client& node, const asked_node& asked, const std::string& url,
                  const download_target& target) {
  const auto& to = target.to;
  if (to == "-")
    return to_standard_output(node, url);
  check(target);
  unfinished_file part{to};
  std::int64_t got = 0;
  int error = 0;
  const bool shows = isatty(STDERR_FILENO) == 1;
  const auto take = [&](std::string_view piece) {
    if (!part.write(piece)) {
      error = errno;
      return false;
    }
    got += static_cast<std::int64_t>(piece.size());
    if (shows)
      std::fprintf(stderr, "\r%s  %s\x1b[K", to.c_str(),
                   bytes_text(got).c_str());
    return true;
  };
  try {
    node.download(url, take);
  } catch (const leave&) {
    if (error == 0)
      throw;
  }
  if (shows)
    std::fputc('\n', stderr);
  if (error != 0) {
    errno = error; // of this machine's disk, not of the node
    cannot_write(to);
  }
  part.take_place(target);
  if (asked.as_json)
    print_json({{"file", to.string()}, {"bytes", got}});
  else
    print(to.string() + ", " + bytes_text(got) + "\n");
  return done;
}

} // namespace alula::app::cli
