/// YAML as a tree that knows where its parts are in the text.
#pragma once

#include "jobs/result.hpp"
#include "storage/config_files/config_tree.hpp"

#include <string_view>

namespace alula::storage {

struct yaml_document {
  tree_node root;       ///< of the first document; null when there is none
  bool is_alone = true; ///< no document follows it
  bool is_plain = true; ///< without tags, anchors and aliases
};

/// Fault malformed: not YAML, over a limit of the tree, or a key that is no
/// scalar. An alias is a node of its own and never expanded.
jobs::result<yaml_document> read_yaml(std::string_view text);

} // namespace alula::storage
