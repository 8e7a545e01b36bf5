/// Values as lines of YAML.
#pragma once

#include "storage/config_files/config_tree.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace alula::storage {

/// Writes behind "key:" or "-".
class yaml_emitter {
public:
  yaml_emitter(std::string_view line_end, std::size_t step)
    : end_(line_end), step_(step) {}

  /// " scalar", or the lines of a list or map, each begun by a line end.
  std::string value(const tree_node& node, std::size_t indent) {
    text_.clear();
    put(node, indent);
    return std::move(text_);
  }

  /// A line end and the line of one key, with all that is below it.
  std::string member(const tree_member& one, std::size_t indent) {
    text_.clear();
    put_member(one, indent);
    return std::move(text_);
  }

  /// On one line, in brackets.
  std::string flow(const tree_node& node);
  std::string flow_member(const tree_member& one, bool is_map);

private:
  void put(const tree_node& node, std::size_t indent);
  void put_member(const tree_member& one, std::size_t indent);
  void put_item(const tree_node& item, std::size_t indent);
  void new_line(std::size_t indent);

  const std::string_view end_;
  const std::size_t step_;
  std::string text_;
};

} // namespace alula::storage
