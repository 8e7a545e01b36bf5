#include "backup/manifest_order.hpp"

#include "backup/entry_line.hpp"

#include <utility>

namespace alula::backup {

namespace {

/// Sorts by the place in the archive. A file without content and the
/// directories that end behind it stand at the same place, the file first, and
/// a directory behind those that are in it: what is made in it later would
/// change its time.
void put_key(std::string& key, const archive_entry& entry) {
  key.clear();
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(entry.offset >> shift);
  if (entry.type != entry_type::directory) {
    key += '0';
    key += entry.path;
    return;
  }
  key += '1';
  // No byte of a path is 0, so that a path ends behind all it is the start of.
  for (const char c : entry.path)
    key += static_cast<char>(~c);
  key += '\xff';
}

} // namespace

jobs::result<manifest_order> manifest_order::of(manifest_reader& from,
                                                spool_maker make_spool,
                                                const std::stop_token& stop) {
  entry_sort sorted{std::move(make_spool)};
  std::string key;
  for (;;) {
    if (stop.stop_requested())
      return jobs::fault{.code = jobs::fault_code::interrupted,
                         .what = "the manifest was asked to stop"};
    auto line = from.next_line();
    if (!line)
      return std::move(line).error();
    if (!*line)
      return manifest_order{std::move(sorted)};
    const auto entry = entry_from_line(**line);
    if (!entry)
      return entry.error();
    put_key(key, *entry);
    if (auto added = sorted.add(key, **line); !added)
      return std::move(added).error();
  }
}

jobs::result<const archive_entry*> manifest_order::next() {
  auto line = sorted_.next();
  if (!line)
    return std::move(line).error();
  if (*line == nullptr)
    return static_cast<const archive_entry*>(nullptr);
  auto entry = entry_from_line((*line)->text);
  if (!entry)
    return std::move(entry).error();
  current_ = std::move(*entry);
  return &*current_;
}

} // namespace alula::backup
