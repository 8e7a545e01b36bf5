/// Files opened, and whole reads and writes on descriptors, with failures as
/// sentences.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/gzip_member.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>

namespace alula::backup {

inline byte_view view_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view text_of(byte_view data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// What strerror(3) says. Any thread.
std::string error_text(int number);

/// Whether a call failed for want of descriptors or memory: that is the node's
/// failure, and says nothing of the file.
bool is_shortage(int error_number);

/// A regular file that is open for reading, or why it is not.
struct regular_file {
  file_descriptor fd;
  struct stat seen {};
  int error = 0;             ///< ENOENT: no regular file has the name
  const char* call = "open"; ///< the one that failed
};

/// Waits for nobody: a fifo, a link, a socket and a device are not regular.
regular_file open_regular(int parent, const char* name);

/// A thread that the system does not give (TasksMax, a limit of the user): the
/// node's failure too.
jobs::fault no_thread(const std::system_error& why);

/// Writes all of `data` at the descriptor's position. `name` is for the
/// sentence. Faults: insufficient_storage, io_error.
jobs::status write_all(int fd, byte_view data, std::string_view name);

/// Replaces `into` by the `size` bytes at `offset`, fewer at the end of the
/// file. Fault io_error.
jobs::status read_at(int fd, std::uint64_t offset, std::size_t size,
                     bytes& into, std::string_view name);

/// The same without the sentence: 0, or the errno of what failed.
int try_read_at(int fd, std::uint64_t offset, std::size_t size, bytes& into);

/// fsync(2). A failure is final: the file must be given up (design 3).
jobs::status make_durable(int fd, std::string_view name);

} // namespace alula::backup
