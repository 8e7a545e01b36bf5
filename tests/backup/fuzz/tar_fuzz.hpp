/// What is done with every input of the tar reader's fuzzer.
#pragma once

#include "backup/entry_checks.hpp"
#include "backup/tar_reader.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace alula::backup {

/// A tar in memory, handed out in pieces of one size.
class tar_in_memory final : public byte_source {
public:
  tar_in_memory(byte_view text, std::size_t piece)
    : text_(text), piece_(piece) {}

  jobs::result<byte_view> next() override {
    const auto out = text_.first(std::min(piece_, text_.size()));
    text_ = text_.subspan(out.size());
    return out;
  }

private:
  byte_view text_;
  std::size_t piece_;
};

/// Ends the program when something has passed the checks that must not.
inline void insist(bool holds) {
  if (!holds)
    std::abort();
}

inline void insist_on_plain(const std::string& path) {
  insist(path.find('\0') == std::string::npos && !path.starts_with('/')
         && !path.ends_with('/'));
  insist(("/" + path + "/").find("/../") == std::string::npos
         && ("/" + path + "/").find("/./") == std::string::npos
         && path.find("//") == std::string::npos);
}

inline void read_content_of(tar_reader& tar, const tar_entry& entry) {
  std::uint64_t end = 0;
  std::uint64_t stored = 0;
  for (;;) {
    auto piece = tar.read();
    if (!piece)
      return;
    if (piece->data.empty())
      break;
    insist(piece->at >= end);
    end = piece->at + piece->data.size();
    stored += piece->data.size();
    insist(end <= entry.size || entry.type != tar_type::file);
  }
  insist(stored == entry.stored);
}

/// The first byte chooses how large the pieces are.
inline void read_as_tar(byte_view input) {
  if (input.empty())
    return;
  const auto piece = std::to_integer<std::size_t>(input.front()) * 7 + 1;
  tar_in_memory source{input.subspan(1), piece};
  tar_reader tar{source};
  entry_checks checks{{}, {}, input.size()};
  tar_entry entry;
  for (;;) {
    auto more = tar.next(entry);
    if (!more || !*more)
      return;
    auto checked = checks.check(entry);
    if (!checked)
      return;
    if (checked->is_wanted) {
      insist(!checked->path.empty());
      insist_on_plain(checked->path);
      insist((checked->mode & ~0777U) == 0);
      if (entry.type == tar_type::hard_link)
        insist_on_plain(checked->target);
    }
    read_content_of(tar, entry);
  }
}

} // namespace alula::backup
