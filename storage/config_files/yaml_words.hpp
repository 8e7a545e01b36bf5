/// Scalars of YAML, as YAML 1.1 and 1.2 both read them.
#pragma once

#include "storage/config_files/config_tree.hpp"

#include <string>
#include <string_view>

namespace alula::storage {

/// What a scalar without quotes stands for.
tree_node::kind plain_kind(std::string_view text);

/// The text in quotes where it needs them, or as `quote` says; on one line, and
/// good in brackets too.
std::string yaml_text(std::string_view text, char quote = 0);

/// Any scalar.
std::string yaml_scalar(const tree_node& scalar, char quote = 0);

} // namespace alula::storage
