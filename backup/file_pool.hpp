/// Small files written by several threads: making one is a handful of system
/// calls that wait for each other, not work.
#pragma once

#include "backup/tree_writer.hpp"
#include "jobs/result.hpp"

#include <memory>
#include <string>
#include <vector>

namespace alula::backup {

/// All of a small file.
struct small_file {
  tree_place at;
  std::string path; ///< for messages
  std::vector<std::byte> content;
  file_traits traits;
};

/// Used by one thread. Memory is bounded: add() waits while some 8 MiB are on
/// their way. Files are written in no order.
class file_pool {
public:
  /// Files larger than this are not for the pool.
  static constexpr std::size_t most_content = std::size_t{256} * 1024;

  /// Without threads files are written by add().
  file_pool(unsigned threads, file_owner owner);
  ~file_pool(); ///< gives up what has not begun
  file_pool(const file_pool&) = delete;
  file_pool& operator=(const file_pool&) = delete;

  /// Faults: those of this and of any earlier file.
  jobs::status add(small_file file);

  /// Waits until every file added is there. The first fault of them.
  jobs::status drain();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
