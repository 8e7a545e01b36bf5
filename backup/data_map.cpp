#include "backup/data_map.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace alula::backup {

namespace {

constexpr std::size_t most_extents_kept = 100'000;
constexpr std::uint64_t least_hole = std::uint64_t{64} * 1024;

/// Joins a piece with the one before it when the hole between is small.
void append(std::vector<sparse_extent>& to, sparse_extent next,
            std::uint64_t hole) {
  const auto before = to.empty() ? 0 : to.back().at + to.back().size;
  if (next.at - before >= hole)
    to.push_back(next);
  else if (to.empty())
    to.push_back({0, next.at + next.size});
  else
    to.back().size = next.at + next.size - to.back().at;
}

void join(std::vector<sparse_extent>& pieces, std::uint64_t hole) {
  std::vector<sparse_extent> joined;
  for (const auto& each : pieces)
    append(joined, each, hole);
  pieces = std::move(joined);
}

} // namespace

data_map data_map_of(int file, std::uint64_t size,
                     const std::stop_token& stop) {
  data_map out;
  auto hole = least_hole;
  for (std::uint64_t at = 0; at < size;) {
    const auto found = ::lseek(file, static_cast<off_t>(at), SEEK_DATA);
    if (found < 0 && errno == ENXIO)
      break; // a hole up to the end
    const auto begin = found < 0 ? at : static_cast<std::uint64_t>(found);
    if (begin >= size)
      break;
    const auto ends = found < 0 || stop.stop_requested()
                          ? -1
                          : ::lseek(file, found, SEEK_HOLE);
    const auto end =
        ends < 0 ? size : std::min(size, static_cast<std::uint64_t>(ends));
    append(out.extents, {begin, std::max(end, begin + 1) - begin}, hole);
    at = std::max(end, begin + 1);
    while (out.extents.size() > most_extents_kept)
      join(out.extents, hole *= 2);
  }
  for (const auto& each : out.extents)
    out.data += each.size;
  return out;
}

} // namespace alula::backup
