/// The bytes of files on their way into the tar.
#pragma once

#include "backup/data_map.hpp"
#include "backup/member_pipeline.hpp"
#include "backup/quiet_reader.hpp"
#include "jobs/rate_limit.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::backup {

/// Belongs to one thread. Faults of all: those of the pipeline; interrupted
/// (looked at for every MiB).
class content_writer {
public:
  /// `count` is called with every piece read, of at most a MiB.
  content_writer(member_pipeline& to, std::uint64_t read_limit,
                 const std::stop_token& stop,
                 std::function<void(std::size_t)> count);

  /// Bytes from `extent` of the file, all of them, whatever happens to the
  /// file: what cannot be read is zeros. Says what went wrong, for a note.
  jobs::result<std::string> file(int fd, sparse_extent extent);

  /// The same from a reader of `size` bytes, not held up by the read limit: a
  /// game waits, or it was read once before. `go_on` is asked before every
  /// piece; from the first false on the limit holds again.
  jobs::result<std::string> file_promptly(quiet_reader& from,
                                          std::uint64_t size,
                                          const std::function<bool()>& go_on);

  /// All of a file of at most `small_size` bytes, in one call where there are
  /// hundreds of thousands of them; valid until the next call of any method.
  /// Nothing when it has another size by now, or the file system cannot.
  std::optional<byte_view> small_file(int fd, std::uint64_t size);
  static constexpr std::uint64_t small_size = 4096; ///< a page

  jobs::status text(std::string_view what);
  jobs::status bytes_of(byte_view content) { return to_.write(content); }
  jobs::status zeros(std::uint64_t size);

  /// Waits for the read limit; false when asked to stop.
  bool pass(std::uint64_t size) { return limit_.pass(size, stop_); }

private:
  jobs::status look_at_stop() const;
  ssize_t read_page(int fd, std::size_t size);

  member_pipeline& to_;
  jobs::rate_limit limit_;
  const std::stop_token& stop_;
  std::function<void(std::size_t)> count_;
  std::vector<std::byte> buffer_;
  bool is_in_memory_ = false; ///< the file system
};

} // namespace alula::backup
