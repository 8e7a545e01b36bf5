#include "backup/tar_bytes.hpp"

#include "backup/archive_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace alula::backup {

jobs::fault tar_bytes::ends_early() const {
  return damaged_archive(
      "the tar in it ends too early, at offset " + std::to_string(position_)
      + (entry_.empty() ? "" : " after or in " + shown(entry_)));
}

jobs::fault tar_bytes::wrong(const std::string& what, std::uint64_t at) const {
  return damaged_archive(what + " at offset " + std::to_string(at)
                         + " of the tar in it"
                         + (entry_.empty() ? "" : ", after " + shown(entry_)));
}

jobs::result<bool> tar_bytes::fill() {
  if (!window_.empty())
    return true;
  auto more = from_.next();
  if (!more)
    return std::move(more).error();
  window_ = *more;
  return !window_.empty();
}

void tar_bytes::consume(std::size_t size) {
  window_ = window_.subspan(size);
  position_ += size;
}

jobs::status tar_bytes::take(std::span<std::byte> into) {
  while (!into.empty()) {
    auto filled = fill();
    if (!filled)
      return std::move(filled).error();
    if (!*filled)
      return ends_early();
    const auto size = std::min(into.size(), window_.size());
    std::memcpy(into.data(), window_.data(), size);
    consume(size);
    into = into.subspan(size);
  }
  return {};
}

jobs::status tar_bytes::skip(std::uint64_t size) {
  while (size > 0) {
    auto filled = fill();
    if (!filled)
      return std::move(filled).error();
    if (!*filled)
      return ends_early();
    const auto part = std::min<std::uint64_t>(size, window_.size());
    consume(static_cast<std::size_t>(part));
    size -= part;
  }
  return {};
}

jobs::fault refused_tar(std::string what) {
  return {.code = jobs::fault_code::archive_refused, .what = std::move(what)};
}

} // namespace alula::backup
