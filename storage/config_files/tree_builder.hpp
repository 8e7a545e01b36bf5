/// Makes a tree of what a parser reads, within limits.
#pragma once

#include "storage/config_files/config_tree.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::storage {

class tree_builder {
public:
  /// The key of the next value; of a map only.
  void key(std::string name, std::size_t begin = std::string::npos) {
    key_ = {std::move(name), {}, begin};
  }

  /// A scalar, or an empty list or map that the next values go into until
  /// `close`. False: over a limit, see `why`.
  bool add(tree_node node) {
    if (++nodes_ > max_tree_nodes) {
      why = "It has too many values.";
      return false;
    }
    const bool is_open =
        node.is == tree_node::kind::list || node.is == tree_node::kind::map;
    auto* at = &root;
    if (!open_.empty()) {
      auto& members = open_.back()->members;
      key_.value = std::move(node);
      members.push_back(std::exchange(key_, {}));
      at = &members.back().value;
    } else {
      root = std::move(node);
    }
    if (is_open)
      open_.push_back(at);
    if (open_.size() > max_tree_depth)
      why = "It is nested too deep.";
    return why.empty();
  }

  void close() { open_.pop_back(); }

  tree_node root;
  std::string why;

private:
  tree_member key_;
  std::vector<tree_node*> open_; ///< stays: only the last one grows
  std::size_t nodes_ = 0;
};

} // namespace alula::storage
