#include "storage/data_lock.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <unistd.h>

namespace alula::storage {

namespace {

/// Who holds it, as far as the file tells; only for the message.
std::string holder_of(int fd) {
  std::array<char, 16> text{};
  const auto size = ::pread(fd, text.data(), text.size(), 0);
  std::string pid;
  for (ssize_t i = 0; i < size && text[static_cast<std::size_t>(i)] >= '0'
                      && text[static_cast<std::size_t>(i)] <= '9';
       ++i)
    pid += text[static_cast<std::size_t>(i)];
  return pid.empty() ? "another process" : "process " + pid;
}

} // namespace

jobs::result<data_lock> data_lock::acquire(const std::filesystem::path& dir) {
  if (auto made = open_root(dir, std::nullopt); !made)
    return std::move(made).error();
  const auto file = dir / "alula.lock";
  file_descriptor fd{
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", file.native());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return jobs::system_fault(errno, "flock", file.native());
    return jobs::fault{.code = jobs::fault_code::journal_unavailable,
                       .what = "the data directory " + dir.string()
                               + " is in use by " + holder_of(fd.get()),
                       .where = file.string()};
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0
      || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    // The lock counts, not the note: a full disk must not keep alula down.
  }
  return data_lock{std::move(fd)};
}

} // namespace alula::storage
