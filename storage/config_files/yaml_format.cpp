#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/yaml_reader.hpp"
#include "storage/config_files/yaml_writer.hpp"

#include <optional>
#include <string>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

bool says(std::string_view text, const tree_node& wanted) {
  const auto read = read_yaml(text);
  return read && is_same_tree(read->root, wanted);
}

} // namespace

jobs::result<config_text> edit_yaml(std::string_view text,
                                    const config_replacements& wanted) {
  auto read = read_yaml(text);
  if (!read)
    return std::move(read).error();
  auto& root = read->root;
  if (root.is != tree_node::kind::map && root.is != tree_node::kind::null)
    return fault{fault_code::malformed, "It has no keys."};
  config_text edited{std::string{text}, {}};
  if (!change_tree(root, wanted, edited.notes))
    return edited;
  if (auto spliced = splice_yaml(text, root); spliced && says(*spliced, root)) {
    edited.text = std::move(*spliced);
    return edited;
  }
  if (!read->is_alone || !read->is_plain)
    return fault{fault_code::malformed,
                 "It is written in a way that cannot be changed without "
                 "changing more than was asked for."};
  edited.text = write_yaml(root, line_end_of(text));
  if (!says(edited.text, root))
    return fault{fault_code::malformed, "It cannot be written again."};
  edited.notes.emplace_back("Its comments could not be kept.");
  return edited;
}

} // namespace alula::storage
