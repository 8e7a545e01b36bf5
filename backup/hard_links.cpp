#include "backup/hard_links.hpp"

namespace alula::backup {

namespace {

constexpr std::size_t most_for_names = std::size_t{8} * 1024 * 1024;
constexpr std::size_t node_size = 64; // of the map, and the allocator's

} // namespace

std::size_t hard_links::cost_of(const std::string& path) {
  return path.size() + sizeof(first_name) + node_size;
}

std::string_view hard_links::take(archive_entry& entry,
                                  const struct stat& seen) {
  const std::pair key{seen.st_dev, seen.st_ino};
  const auto known = names_.find(key);
  if (known != names_.end()) {
    entry.type = entry_type::hard_link;
    entry.target = known->second.path;
    if (--known->second.missing == 0) {
      size_ -= cost_of(known->second.path);
      names_.erase(known);
    }
    return {};
  }
  if (size_ + cost_of(entry.path) > most_for_names)
    return std::exchange(is_full_, true)
               ? std::string_view{}
               : "has too many further names, as have files after it; a "
                 "restore makes each a file of its own";
  size_ += cost_of(entry.path);
  names_.emplace(key, first_name{entry.path, seen.st_nlink - 1});
  return {};
}

} // namespace alula::backup
