/// Lines sorted by path, however many there are: runs of a few MiB are sorted
/// in memory and spooled, compressed, to a file without a name, then merged.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/gzip_member.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// Opens a new file that nobody else sees and that is gone when it is closed.
using spool_maker = std::function<jobs::result<file_descriptor>()>;

/// Belongs to one thread. Memory: about 8 MiB while adding, 20 MiB merging.
/// Faults of all methods: insufficient_storage, io_error, of the spool.
class entry_sort {
public:
  /// `memory`: bytes of a run. The spool is not made before the second one.
  explicit entry_sort(spool_maker make_spool,
                      std::size_t memory = std::size_t{4} * 1024 * 1024);
  ~entry_sort();
  entry_sort(entry_sort&&) noexcept;
  entry_sort& operator=(entry_sort&&) noexcept;

  /// Of several lines of one path the last one stays; one that is only
  /// implied (a parent nobody listed) gives way to any other.
  jobs::status add(std::string_view path, std::string_view line,
                   bool is_implied = false);

  /// The lines in byte order of the paths, one per call; null at the end. What
  /// it points at is valid until the next call. Nothing is added afterwards.
  struct line {
    std::string path;
    std::string text;
  };
  jobs::result<const line*> next();

private:
  struct record {
    std::uint32_t at;
    std::uint32_t path_size;
    std::uint32_t line_size;
    bool is_implied;
  };
  struct run {
    std::uint64_t begin;
    std::uint64_t end;
  };
  struct item {
    std::string_view path;
    std::string_view line;
    bool is_implied;
  };
  class run_writer;
  class run_reader;
  class run_merger;

  jobs::status spool_memory();
  jobs::status join_runs();
  jobs::status start();
  void sort_memory();
  jobs::result<std::optional<item>> next_item();
  item item_of(const record& from) const;

  spool_maker make_spool_;
  std::size_t memory_;
  std::string text_;
  std::vector<record> records_;
  file_descriptor spool_;
  std::uint64_t spool_size_ = 0;
  std::vector<run> runs_;

  // Once next() was called.
  bool is_started_ = false;
  std::size_t next_record_ = 0;
  std::unique_ptr<run_merger> merger_;
  std::optional<item> ahead_; ///< read, and not part of `current_`
  line current_;
};

} // namespace alula::backup
