#include "storage/config_files/yaml_emitter.hpp"

#include "storage/config_files/yaml_words.hpp"

namespace alula::storage {

using kind = tree_node::kind;

void yaml_emitter::new_line(std::size_t indent) {
  text_ += end_;
  text_.append(indent, ' ');
}

void yaml_emitter::put(const tree_node& node, std::size_t indent) {
  if (node.is_scalar()) {
    text_ += ' ' + yaml_scalar(node);
  } else if (node.members.empty()) {
    text_ += node.is == kind::map ? " {}" : " []";
  } else {
    for (const auto& member : node.members)
      if (node.is == kind::map)
        put_member(member, indent);
      else
        put_item(member.value, indent);
  }
}

void yaml_emitter::put_member(const tree_member& one, std::size_t indent) {
  new_line(indent);
  text_ += yaml_text(one.key) + ':';
  put(one.value, indent + step_);
}

void yaml_emitter::put_item(const tree_node& item, std::size_t indent) {
  new_line(indent);
  text_ += '-';
  if (item.is != kind::map || item.members.empty())
    return put(item, indent + 2);
  const auto begin = text_.size();
  put(item, indent + 2);
  // The first key goes on the line of the dash.
  text_.replace(begin, end_.size() + indent + 2, " ");
}

std::string yaml_emitter::flow(const tree_node& node) {
  if (node.is_scalar())
    return yaml_scalar(node);
  const bool is_map = node.is == kind::map;
  std::string made{is_map ? "{" : "["};
  for (const auto& member : node.members) {
    if (&member != &node.members.front())
      made += ", ";
    made += flow_member(member, is_map);
  }
  return made + (is_map ? "}" : "]");
}

std::string yaml_emitter::flow_member(const tree_member& one, bool is_map) {
  return (is_map ? yaml_text(one.key) + ": " : "") + flow(one.value);
}

} // namespace alula::storage
