#include "storage/tree_usage.hpp"

#include "storage/tree_visit.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace alula::storage {

using jobs::result;

void entry_count::add() {
  constexpr std::int64_t entries_between_tells = 4'096;
  if (++looked_ % entries_between_tells == 0 && tell_)
    tell_(looked_);
}

result<std::int64_t> measure_tree(const directory& root,
                                  const std::stop_token& stop,
                                  entry_count& looked) {
  constexpr std::int64_t block_size = 512; // stat(2)
  std::int64_t blocks = 0;
  const auto walked = visit_tree(root, stop, [&](const tree_entry& entry) {
    const auto names = S_ISDIR(entry.found.st_mode)
                           ? std::int64_t{1}
                           : static_cast<std::int64_t>(
                               std::max<nlink_t>(entry.found.st_nlink, 1));
    blocks += entry.found.st_blocks / names;
    looked.add();
    return jobs::status{};
  });
  if (!walked)
    return walked.error();
  return blocks * block_size;
}

result<std::int64_t> measure_tree(const directory& root,
                                  const std::stop_token& stop,
                                  const jobs::volumes::walk_tell& tell) {
  entry_count looked{tell};
  return measure_tree(root, stop, looked);
}

} // namespace alula::storage
