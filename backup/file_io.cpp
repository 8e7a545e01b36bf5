#include "backup/file_io.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace alula::backup {

std::string error_text(int number) {
  char buffer[128];
  return ::strerror_r(number, buffer, sizeof buffer);
}

bool is_shortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE
         || error_number == ENOMEM;
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

jobs::status read_at(int fd, std::uint64_t offset, std::size_t size,
                     bytes& into, std::string_view name) {
  into.resize(size);
  std::size_t held = 0;
  while (held < size) {
    const auto got = ::pread(fd, into.data() + held, size - held,
                             static_cast<off_t>(offset + held));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return jobs::system_fault(errno, "read", name);
    if (got == 0)
      break;
    held += static_cast<std::size_t>(got);
  }
  into.resize(held);
  return {};
}

jobs::status make_durable(int fd, std::string_view name) {
  if (::fsync(fd) != 0)
    return jobs::system_fault(errno, "fsync", name);
  return {};
}

} // namespace alula::backup
