/// A document of scalars, lists and maps, as JSON and YAML have it, with what
/// is to be changed in it.
#pragma once

#include "jobs/config_files.hpp"
#include "storage/config_files/formats.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

struct tree_member;

struct tree_node {
  enum class kind { null, boolean, number, text, list, map, alias };
  kind is = kind::null;
  std::string text; ///< of a scalar; of an alias its name
  std::string tag;  ///< YAML's, when it is written out
  std::string anchor;
  std::vector<tree_member> members; ///< in the order of the file

  bool is_new = false;     ///< it was not in the file
  bool is_changed = false; ///< it stands for something else now
  bool was_open = false;   ///< it was a list or a map before it was changed
  bool is_flow = false;    ///< YAML: in brackets
  /// Where it begins in the file; npos: nowhere, as an empty value.
  std::size_t begin = std::string::npos;

  bool is_scalar() const { return is < kind::list; }
};

struct tree_member {
  std::string key; ///< of a map
  tree_node value;
  std::size_t key_begin = std::string::npos; ///< where the key is in the file
};

inline constexpr std::size_t max_tree_nodes = 200'000;
inline constexpr std::size_t max_tree_depth = 100;

/// Makes the replacements; what they change is marked. True when anything was.
/// A replacement that cannot be made becomes a note and harms no other.
bool change_tree(tree_node& root, const config_replacements& wanted,
                 std::vector<std::string>& notes);

/// The same document, whatever the order of the keys of its maps.
bool is_same_tree(const tree_node& one, const tree_node& other);

} // namespace alula::storage
