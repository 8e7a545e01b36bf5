#include "backup/manifest_hints.hpp"

#include "backup/tar_format.hpp"

namespace alula::backup {

namespace {

bool is_same_kind(const archive_entry& ours, tar_type theirs) {
  if (ours.type == entry_type::link)
    return theirs == tar_type::link;
  return ours.is_reference ? theirs == tar_type::hard_link
                           : theirs == tar_type::file;
}

} // namespace

jobs::result<entry_hint> manifest_hints::next(const tar_entry& entry,
                                              std::string_view path) {
  entry_hint out{.mtime_ns = entry.mtime_ns};
  while (cursor_) {
    const auto* it = cursor_();
    if (it != nullptr && it->type == entry_type::directory) {
      if (auto taken = take_directory(*it); !taken)
        return std::move(taken).error();
      continue;
    }
    if (it == nullptr || it->path != path || !is_same_kind(*it, entry.type)) {
      give_up();
      break;
    }
    if (it->type == entry_type::hard_link && !it->is_reference)
      if (auto same = plain_path(it->target, limits_))
        out.same_as = std::move(*same);
    out.is_sparse = it->is_sparse;
    if (whole_seconds(it->mtime_ns) == whole_seconds(entry.mtime_ns))
      out.mtime_ns = it->mtime_ns;
    break;
  }
  return out;
}

jobs::status manifest_hints::finish() {
  while (cursor_) {
    const auto* it = cursor_();
    if (it == nullptr)
      cursor_ = nullptr;
    else if (it->type != entry_type::directory)
      give_up();
    else if (auto taken = take_directory(*it); !taken)
      return taken;
  }
  return {};
}

jobs::status manifest_hints::take_directory(const archive_entry& it) {
  auto path = plain_path(it.path, limits_);
  if (!path) {
    give_up();
    return {};
  }
  if (path->empty())
    return {};
  return take_({std::move(*path), it.mode & 0777U, it.mtime_ns});
}

void manifest_hints::give_up() {
  cursor_ = nullptr;
  is_foreign_ = true;
}

} // namespace alula::backup
