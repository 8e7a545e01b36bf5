#include "storage/tree_usage.hpp"

#include "storage/tree_visit.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace alula::storage {

using jobs::result;

result<std::int64_t> measure_tree(const directory& root,
                                  const std::stop_token& stop,
                                  const jobs::volumes::walk_tell& tell) {
  constexpr std::int64_t block_size = 512; // stat(2)
  constexpr std::int64_t entries_between_tells = 4'096;
  std::int64_t blocks = 0, looked = 0;
  const auto walked = visit_tree(root, stop, [&](const tree_entry& entry) {
    const auto names = S_ISDIR(entry.found.st_mode)
                           ? std::int64_t{1}
                           : static_cast<std::int64_t>(
                               std::max<nlink_t>(entry.found.st_nlink, 1));
    blocks += entry.found.st_blocks / names;
    if (tell && ++looked % entries_between_tells == 0)
      tell(looked);
    return jobs::status{};
  });
  if (!walked)
    return walked.error();
  return blocks * block_size;
}

} // namespace alula::storage
