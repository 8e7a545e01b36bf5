/// Changes of a tree as changes of its YAML text.
#pragma once

#include "storage/config_files/config_tree.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::storage {

/// The text with only those words and lines changed that the tree has changed.
/// A proposal: the caller reads it again, for YAML can be written in more ways
/// than this understands. Nothing when it does not even try.
std::optional<std::string> splice_yaml(std::string_view text,
                                       const tree_node& root);

/// The whole tree anew, without what is no part of it: comments.
std::string write_yaml(const tree_node& root, std::string_view line_end);

} // namespace alula::storage
