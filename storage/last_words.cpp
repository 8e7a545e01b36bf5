#include "storage/last_words.hpp"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::storage {

namespace {

// One block of the file systems that servers use, so that it is never split.
constexpr std::size_t block_size = 4'096;
constexpr const char* form =
    "boot %" PRId64 " ended on purpose at %" PRId64 "\n";

jobs::status write_blank(int fd, const std::string& path) {
  const std::array<char, block_size> blank{};
  if (::pwrite(fd, blank.data(), blank.size(), 0)
      != static_cast<ssize_t>(blank.size()))
    return jobs::system_fault(errno, "pwrite", path);
  if (::fsync(fd) != 0)
    return jobs::system_fault(errno, "fsync", path);
  return {};
}

jobs::status sync_parent(const std::filesystem::path& file) {
  const auto parent = file.has_parent_path() ? file.parent_path() : ".";
  const file_descriptor dir{
      ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!dir.is_open())
    return jobs::system_fault(errno, "open", parent.native());
  if (::fsync(dir.get()) != 0)
    return jobs::system_fault(errno, "fsync", parent.native());
  return {};
}

} // namespace

last_words::last_words(const std::filesystem::path& ledger) : file_(ledger) {
  file_ += ".last-words";
}

std::optional<last_words::end> last_words::heard() const {
  std::ifstream in{file_};
  std::string line;
  end found;
  if (!std::getline(in, line)
      || std::sscanf(line.c_str(), form, &found.boot, &found.at) != 2)
    return std::nullopt;
  return found;
}

jobs::status last_words::prepare() {
  const auto& path = file_.native();
  file_descriptor fd{
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", path);
  struct ::stat found {};
  if (::fstat(fd.get(), &found) != 0)
    return jobs::system_fault(errno, "fstat", path);
  if (found.st_size < static_cast<off_t>(block_size)) {
    if (auto written = write_blank(fd.get(), path); !written)
      return written;
    if (auto synced = sync_parent(file_); !synced)
      return synced;
  }
  fd_ = std::move(fd);
  return {};
}

void last_words::say(const end& what) noexcept {
  if (!fd_.is_open())
    return;
  std::array<char, 128> line{};
  const int length =
      std::snprintf(line.data(), line.size(), form, what.boot, what.at);
  if (::pwrite(fd_.get(), line.data(), static_cast<std::size_t>(length), 0)
      == length)
    (void)::fdatasync(fd_.get());
}

} // namespace alula::storage
