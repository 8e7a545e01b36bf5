#include "storage/config_files/yaml_reader.hpp"

#include "jobs/path_text.hpp"
#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/tree_builder.hpp"
#include "storage/config_files/yaml_words.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

using kind = tree_node::kind;

struct gave_up : std::exception {};

class event_reader final : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (takes_key("", mark))
      return;
    // The mark may be that of whatever comes next.
    add(kind::null, "", "", anchor, std::string::npos);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    is_plain = false;
    refuse_as_key();
    add(kind::alias, std::to_string(anchor), "", 0, begin_of(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    if (takes_key(value, mark))
      return;
    const bool is_bare = tag == "?";
    add(is_bare ? plain_kind(value) : kind::text, value, tag, anchor,
        begin_of(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(kind::list, tag, anchor, begin_of(mark),
         style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(kind::map, tag, anchor, begin_of(mark),
         style == YAML::EmitterStyle::Flow);
  }
  void OnMapEnd() override { close(); }

  tree_builder tree;
  bool is_plain = true;

private:
  /// Of an open collection; only in maps every second value is a key.
  struct level {
    bool is_map = false;
    bool wants_key = false;
  };

  static std::size_t begin_of(const YAML::Mark& mark) {
    return static_cast<std::size_t>(mark.pos);
  }

  bool takes_key(const std::string& name, const YAML::Mark& mark) {
    if (levels_.empty() || !levels_.back().wants_key)
      return false;
    levels_.back().wants_key = false;
    tree.key(name, begin_of(mark));
    return true;
  }

  void refuse_as_key() {
    if (levels_.empty() || !levels_.back().wants_key)
      return;
    tree.why = "It has a key that is no scalar.";
    throw gave_up{};
  }

  void add(kind is, std::string text, const std::string& tag,
           YAML::anchor_t anchor, std::size_t begin, bool is_flow = false) {
    tree_node node;
    node.is = is;
    node.text = std::move(text);
    if (tag != "?" && tag != "!")
      node.tag = tag;
    if (anchor != 0)
      node.anchor = std::to_string(anchor);
    node.begin = begin;
    node.is_flow = is_flow;
    is_plain = is_plain && node.tag.empty() && anchor == 0;
    if (!levels_.empty())
      levels_.back().wants_key = levels_.back().is_map;
    if (!tree.add(std::move(node)))
      throw gave_up{};
  }

  void open(kind is, const std::string& tag, YAML::anchor_t anchor,
            std::size_t begin, bool is_flow) {
    refuse_as_key();
    add(is, "", tag, anchor, begin, is_flow);
    levels_.push_back({is == kind::map, is == kind::map});
  }

  void close() {
    levels_.pop_back();
    tree.close();
  }

  std::vector<level> levels_;
};

/// Only asks whether there is another one.
class event_counter final : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark&) override { throw gave_up{}; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

bool has_more(YAML::Parser& parser) {
  event_counter counter;
  try {
    return parser.HandleNextDocument(counter);
  } catch (const std::exception&) {
    return true;
  }
}

} // namespace

jobs::result<yaml_document> read_yaml(std::string_view text) {
  if (!jobs::is_utf8(text))
    return fault{fault_code::malformed, "It is no text in UTF-8."};
  event_reader reader;
  yaml_document document;
  try {
    std::istringstream stream{std::string{text}};
    YAML::Parser parser{stream};
    if (parser.HandleNextDocument(reader))
      document.is_alone = !has_more(parser);
  } catch (const YAML::ParserException& wrong) {
    return fault{fault_code::malformed,
                 "It is not YAML in line " + std::to_string(wrong.mark.line + 1)
                     + "."};
  } catch (const std::exception&) {
    return fault{fault_code::malformed,
                 reader.tree.why.empty() ? "It is not YAML." : reader.tree.why};
  }
  document.root = std::move(reader.tree.root);
  document.is_plain = reader.is_plain;
  return document;
}

} // namespace alula::storage
