#include "backup/file_io.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace alula::backup {

std::string error_text(int number) {
  char buffer[128];
  return ::strerror_r(number, buffer, sizeof buffer);
}

bool is_shortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE
         || error_number == ENOMEM;
}

regular_file open_regular(int parent, const char* name) {
  regular_file out;
  auto fd = open_beneath(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd.is_open()) {
    // A link, a socket or a device without a driver, no name that can be.
    const bool is_none =
        errno == ELOOP || errno == ENXIO || errno == ENAMETOOLONG;
    out.error = is_none ? ENOENT : errno;
  } else if (::fstat(fd.get(), &out.seen) != 0) {
    out.error = errno;
    out.call = "fstat";
  } else if (!S_ISREG(out.seen.st_mode)) {
    out.error = ENOENT;
  } else {
    out.fd = std::move(fd);
  }
  return out;
}

jobs::fault no_thread(const std::system_error& why) {
  return {.code = jobs::fault_code::io_error,
          .what = "the node gives no further thread: "
                  + error_text(why.code().value())};
}

jobs::status write_all(int fd, byte_view data, std::string_view name) {
  while (!data.empty()) {
    const auto put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return jobs::system_fault(errno, "write", name);
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

int try_read_at(int fd, std::uint64_t offset, std::size_t size, bytes& into) {
  into.resize(size);
  std::size_t held = 0;
  while (held < size) {
    const auto got = ::pread(fd, into.data() + held, size - held,
                             static_cast<off_t>(offset + held));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    if (got == 0)
      break;
    held += static_cast<std::size_t>(got);
  }
  into.resize(held);
  return 0;
}

jobs::status read_at(int fd, std::uint64_t offset, std::size_t size,
                     bytes& into, std::string_view name) {
  if (const int error = try_read_at(fd, offset, size, into))
    return jobs::system_fault(error, "read", name);
  return {};
}

jobs::status make_durable(int fd, std::string_view name) {
  if (::fsync(fd) != 0)
    return jobs::system_fault(errno, "fsync", name);
  return {};
}

} // namespace alula::backup
