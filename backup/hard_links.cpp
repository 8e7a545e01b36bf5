#include "backup/hard_links.hpp"

#include "backup/file_time.hpp"

namespace alula::backup {

namespace {

constexpr std::size_t most_for_names = std::size_t{8} * 1024 * 1024;
constexpr std::size_t node_size = 64; // of the map, and the allocator's

} // namespace

std::size_t hard_links::cost_of(const std::string& path) {
  return path.size() + sizeof(first_name) + node_size;
}

void hard_links::forget(names::iterator which) {
  size_ -= cost_of(which->second.path);
  names_.erase(which);
}

std::string_view hard_links::take(archive_entry& entry,
                                  const struct stat& seen) {
  const std::pair key{seen.st_dev, seen.st_ino};
  const auto known = names_.find(key);
  const auto mtime_ns = nanoseconds_of(seen.st_mtim);
  if (known != names_.end() && known->second.size == seen.st_size
      && known->second.mtime_ns == mtime_ns) {
    entry.type = entry_type::hard_link;
    entry.target = known->second.path;
    if (--known->second.missing == 0)
      forget(known);
    return {};
  }
  if (known != names_.end())
    forget(known);
  if (size_ + cost_of(entry.path) > most_for_names)
    return std::exchange(is_full_, true)
               ? std::string_view{}
               : "has too many further names, as have files after it; a "
                 "restore makes each a file of its own";
  size_ += cost_of(entry.path);
  names_.emplace(
      key, first_name{entry.path, seen.st_nlink - 1, seen.st_size, mtime_ns});
  return {};
}

} // namespace alula::backup
