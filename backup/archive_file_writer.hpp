/// The file an archive is written to: at a rate, without keeping it in the
/// page cache, and with few dirty pages left when it comes to the fsync.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/gzip_member.hpp"
#include "jobs/rate_limit.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace alula::backup {

/// write() belongs to one thread, make_durable() to whoever knows that it has
/// ended. Faults: insufficient_storage, io_error, interrupted.
class archive_file_writer {
public:
  /// `limit`: bytes per second; 0: none. `spent` is told of every write.
  archive_file_writer(file_descriptor file, std::string path,
                      std::uint64_t limit, std::stop_token stop,
                      std::function<void(std::size_t)> spent);

  jobs::status write(byte_view data);
  jobs::status make_durable();

  std::uint64_t size() const { return size_; }

private:
  jobs::status push_out();

  file_descriptor file_;
  std::string path_;
  jobs::rate_limit limit_;
  std::stop_token stop_;
  std::function<void(std::size_t)> spent_;
  std::uint64_t size_ = 0;
  std::uint64_t pushed_ = 0;  ///< on its way to the disk up to here
  std::uint64_t dropped_ = 0; ///< on the disk and out of the cache up to here
};

} // namespace alula::backup
