#include "storage/config_files/config_path.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace alula::storage {

namespace {

/// Cuts "[2]" off the end of a part.
std::optional<std::size_t> take_index(std::string_view& part) {
  if (!part.ends_with(']'))
    return std::nullopt;
  const auto open = part.rfind('[');
  if (open == part.npos || open == 0)
    return std::nullopt;
  const auto digits = part.substr(open + 1, part.size() - open - 2);
  std::size_t index = 0;
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, index);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != end)
    return std::nullopt;
  part = part.substr(0, open);
  return index;
}

void add_part(std::string_view part, config_path& path) {
  using type = path_part::type;
  config_path indexes;
  while (const auto index = take_index(part))
    indexes.push_back({type::index, std::to_string(*index), *index});
  if (part == "*")
    path.push_back({type::each, "*", 0});
  else
    path.push_back({type::key, unescape_key(part), 0});
  path.insert(path.end(), indexes.rbegin(), indexes.rend());
}

} // namespace

std::string unescape_key(std::string_view key) {
  std::string made;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto next = i + 1 < key.size() ? key[i + 1] : '\0';
    if (key[i] == '~' && (next == '0' || next == '1')) {
      made += next == '0' ? '~' : '.';
      ++i;
    } else {
      made += key[i];
    }
  }
  return made;
}

config_path read_path(std::string_view match) {
  config_path path;
  for (;;) {
    const auto dot = match.find('.');
    add_part(match.substr(0, dot), path);
    if (dot == match.npos)
      return path;
    match.remove_prefix(dot + 1);
  }
}

} // namespace alula::storage
