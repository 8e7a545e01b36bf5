#include "backup/sparse_maps.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t most_extents = 1'000'000;
constexpr std::size_t old_extents_at = 386;
constexpr std::size_t old_extents_size = std::size_t{4} * 24;
constexpr std::size_t old_continued_at = 482;
constexpr std::size_t more_extents_size = std::size_t{21} * 24;

jobs::fault too_many_extents(const tar_entry& of) {
  return refused_tar(shown(of.path) + " has more than "
                     + std::to_string(most_extents) + " sparse pieces");
}

/// A number in a line of its own; `taken` counts its bytes.
jobs::result<std::uint64_t> take_line(tar_bytes& from, const tar_entry& of,
                                      std::uint64_t unread,
                                      std::uint64_t& taken) {
  constexpr std::size_t longest = 20;
  std::string text;
  for (;;) {
    std::byte letter{};
    if (taken == unread)
      return from.wrong("a sparse map longer than its file", of.header);
    if (auto got = from.take({&letter, 1}); !got)
      return std::move(got).error();
    ++taken;
    if (letter == std::byte{'\n'})
      break;
    text += static_cast<char>(letter);
    if (text.size() > longest)
      return from.wrong("a sparse map whose numbers are none", of.header);
  }
  if (const auto number = parse_decimal(text))
    return *number;
  return from.wrong("a sparse map whose numbers are none", of.header);
}

} // namespace

jobs::status read_old_map(tar_bytes& from, const raw_block& header,
                          const tar_entry& of,
                          std::vector<sparse_extent>& into) {
  auto bad = parse_old_extents(
      byte_view{header}.subspan(old_extents_at, old_extents_size), into);
  auto is_continued = header[old_continued_at] != std::byte{0};
  while (!bad && is_continued) {
    raw_block more{};
    if (auto got = from.take(more); !got)
      return got;
    bad = parse_old_extents(byte_view{more}.first(more_extents_size), into);
    is_continued = more[more_extents_size] != std::byte{0};
    if (into.size() > most_extents)
      return too_many_extents(of);
  }
  return bad ? jobs::status{from.wrong(*bad, of.header)} : jobs::status{};
}

jobs::status read_map_in_content(tar_bytes& from, const tar_entry& of,
                                 std::uint64_t& unread,
                                 std::vector<sparse_extent>& into) {
  std::uint64_t taken = 0;
  auto count = take_line(from, of, unread, taken);
  if (!count)
    return std::move(count).error();
  if (*count > most_extents)
    return too_many_extents(of);
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto at = take_line(from, of, unread, taken);
    if (!at)
      return std::move(at).error();
    auto size = take_line(from, of, unread, taken);
    if (!size)
      return std::move(size).error();
    into.push_back({*at, *size});
  }
  const auto rest = tar_padding(taken);
  if (taken + rest > unread)
    return from.wrong("a sparse map longer than its file", of.header);
  unread -= taken + rest;
  return from.skip(rest);
}

} // namespace alula::backup
