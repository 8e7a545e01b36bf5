#include "jobs/ascii.hpp"
#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/tree_builder.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

using json = nlohmann::json;
using kind = tree_node::kind;

class json_reader final : public nlohmann::json_sax<json> {
public:
  bool null() override { return scalar(kind::null, ""); }
  bool boolean(bool value) override {
    return scalar(kind::boolean, value ? "true" : "false");
  }
  bool number_integer(number_integer_t value) override {
    return scalar(kind::number, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return scalar(kind::number, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& raw) override {
    return scalar(kind::number, raw);
  }
  bool string(string_t& value) override {
    return scalar(kind::text, std::move(value));
  }
  bool binary(binary_t&) override { return false; } // not in a text
  bool start_object(std::size_t) override { return scalar(kind::map, ""); }
  bool key(string_t& name) override {
    tree.key(std::move(name));
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return scalar(kind::list, ""); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    tree.why = "It is not JSON from byte " + std::to_string(at) + " on.";
    return false;
  }

  tree_builder tree;

private:
  bool scalar(kind is, std::string text) {
    tree_node node;
    node.is = is;
    node.text = std::move(text);
    return tree.add(std::move(node));
  }

  bool close() {
    tree.close();
    return true;
  }
};

struct json_style {
  std::string indent = "    "; ///< empty: all on one line
  std::string end = "\n";
  std::string last = "\n"; ///< after the document
};

json_style style_of(std::string_view text) {
  json_style style;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos)
    return style;
  text.remove_prefix(first);
  style.end = line_end_of(text);
  style.last = text.ends_with('\n') ? style.end : "";
  const auto last = text.find_last_not_of(" \t\r\n");
  const auto line = text.substr(0, last + 1).find('\n');
  if (line == text.npos) {
    if (last > 1) // more than "{}"
      style.indent.clear();
    return style;
  }
  const auto begin = line + 1;
  const auto word = text.find_first_not_of(" \t\r\n", begin);
  const auto from = text.rfind('\n', word) + 1;
  if (word > from)
    style.indent = text.substr(from, word - from);
  return style;
}

class json_writer {
public:
  explicit json_writer(const json_style& style) : style_(style) {}

  std::string write(const tree_node& root) {
    put(root, 0);
    return std::move(text_);
  }

private:
  void put(const tree_node& node, std::size_t depth) {
    switch (node.is) {
    case kind::null:
      text_ += "null";
      break;
    case kind::text:
      text_ += json(node.text).dump();
      break;
    case kind::list:
    case kind::map:
      put_all(node, depth);
      break;
    default:
      text_ += node.text;
    }
  }

  void put_all(const tree_node& node, std::size_t depth) {
    const bool is_map = node.is == kind::map;
    text_ += is_map ? '{' : '[';
    for (const auto& member : node.members) {
      if (&member != &node.members.front())
        text_ += ',';
      new_line(depth + 1);
      if (is_map)
        text_ += json(member.key).dump() + (style_.indent.empty() ? ":" : ": ");
      put(member.value, depth + 1);
    }
    if (!node.members.empty())
      new_line(depth);
    text_ += is_map ? '}' : ']';
  }

  void new_line(std::size_t depth) {
    if (style_.indent.empty())
      return;
    text_ += style_.end;
    for (std::size_t i = 0; i < depth; ++i)
      text_ += style_.indent;
  }

  const json_style& style_;
  std::string text_;
};

std::optional<fault> read_json(std::string_view text, json_reader& reader) {
  if (json::sax_parse(text, &reader))
    return std::nullopt;
  return fault{fault_code::malformed,
               reader.tree.why.empty() ? "It is not JSON." : reader.tree.why};
}

} // namespace

jobs::result<config_text> edit_json(std::string_view text,
                                    const config_replacements& wanted) {
  json_reader reader;
  if (jobs::trimmed(text).find_first_not_of("\r\n") == std::string_view::npos)
    reader.tree.root.is = kind::map; // an empty file
  else if (auto why = read_json(text, reader))
    return std::move(*why);
  config_text edited{std::string{text}, {}};
  auto& root = reader.tree.root;
  if (change_tree(root, wanted, edited.notes) || text.empty())
    edited.text = [&] {
      const auto style = style_of(text);
      return json_writer{style}.write(root) + style.last;
    }();
  return edited;
}

} // namespace alula::storage
