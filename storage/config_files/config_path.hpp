/// Where a replacement applies in a tree: "servers.*.address".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

struct path_part {
  enum class type { key, index, each };
  type is = type::key;
  std::string key; ///< also of an index or "*": as it was written
  std::size_t index = 0;
};

using config_path = std::vector<path_part>;

/// Keys between dots; "*" is every child, "[2]" after a key one element of a
/// list. "~1" in a key stands for a dot and "~0" for "~".
config_path read_path(std::string_view match);

/// A key in which "~1" and "~0" are resolved.
std::string unescape_key(std::string_view key);

} // namespace alula::storage
