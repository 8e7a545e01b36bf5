#include "storage/config_files/xml_editor.hpp"

#include "storage/config_files/config_values.hpp"
#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/xml_path.hpp"

#include <algorithm>
#include <utility>

namespace alula::storage {

using pugi::xml_node;

namespace {

constexpr std::size_t element_cost = 64; // bounds the memory too
constexpr std::string_view spaces = " \t\r\n";

std::string escaped(std::string_view text, char quote) {
  std::string made;
  for (const char c : text)
    if (c == '&')
      made += "&amp;";
    else if (c == '<')
      made += "&lt;";
    else if (c == '>')
      made += "&gt;";
    else if (c == quote && quote != 0)
      made += c == '"' ? "&quot;" : "&apos;";
    else if (quote != 0 && static_cast<unsigned char>(c) < 0x20)
      made += "&#" + std::to_string(static_cast<int>(c)) + ";";
    else
      made += c;
  return made;
}

/// XML cannot hold them, not even escaped.
bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n'
           && c != '\r';
  });
}

bool has_name(xml_node element, std::string_view wanted) {
  if (element.type() != pugi::node_element)
    return false;
  const std::string_view name = element.name();
  if (wanted == "*" || name == wanted)
    return true;
  const auto colon = name.find(':');
  return colon != name.npos && name.substr(colon + 1) == wanted;
}

bool fits(xml_node element, const xml_step& step) {
  if (!has_name(element, step.name))
    return false;
  for (const auto& one : step.conditions) {
    if (one.is_attribute) {
      const auto found = element.attribute(one.name.c_str());
      if (!found || (one.value && *one.value != found.value()))
        return false;
      continue;
    }
    const auto found = element.child(one.name.c_str());
    if (!found || (one.value && *one.value != found.text().get()))
      return false;
  }
  return true;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(spaces) == text.npos;
}

/// A new element as the last one of its parent, on a line of its own.
xml_node add_line(xml_node parent, const std::string& end) {
  auto last = parent.last_child();
  while (last && last.type() != pugi::node_element)
    last = last.previous_sibling();
  if (last) { // set in like its sibling before it
    const auto blank = last.previous_sibling();
    auto made = parent.insert_child_after(pugi::node_element, last);
    if (blank.type() == pugi::node_pcdata)
      parent.insert_child_after(pugi::node_pcdata, last)
          .set_value(blank.value());
    return made;
  }
  std::string indent;
  for (auto up = parent; up.type() == pugi::node_element; up = up.parent())
    indent += "  ";
  if (indent.empty())
    return parent.append_child(pugi::node_element);
  while (parent.first_child().type() == pugi::node_pcdata
         && is_blank(parent.first_child().value()))
    parent.remove_child(parent.first_child());
  parent.append_child(pugi::node_pcdata).set_value((end + indent).c_str());
  auto made = parent.append_child(pugi::node_element);
  indent.resize(indent.size() - 2);
  parent.append_child(pugi::node_pcdata).set_value((end + indent).c_str());
  return made;
}

} // namespace

bool xml_editor::make(const jobs::config_replacement& wanted) {
  const auto path = read_xml_path(wanted.match);
  if (!path) {
    notes_.push_back(wanted.match + " is no path of XML elements.");
    return true;
  }
  const auto root = document_.document_element();
  if (root && !fits(root, path->front())) {
    notes_.push_back(wanted.match
                     + " does not begin with the root element's name.");
    return true;
  }
  const bool creates =
      wanted.if_value.empty()
      && std::none_of(path->begin(), path->end(), [](const auto& step) {
           return step.name == "*" || step.position > 1;
         });
  for (const auto& element : find(*path, creates)) {
    const auto to = read_xml_attribute(wanted.with.text);
    const std::string now =
        to ? element.attribute(to->name.c_str()).value() : element.text().get();
    const auto value = value_for(wanted, now);
    if (!value)
      continue;
    if (has_controls(value->text)) {
      notes_.push_back("The value for " + wanted.match
                       + " has control characters, which XML cannot hold.");
      return true;
    }
    if (!growth_.add(value->text.size() + 1))
      return false;
    const auto attribute = read_xml_attribute(value->text);
    const bool made = attribute ? set_attribute(element, *attribute)
                                : set_text(element, value->text);
    changed_ = changed_ || made;
  }
  return true;
}

xml_editor::elements xml_editor::find(const std::vector<xml_step>& path,
                                      bool creates) {
  elements at{document_};
  for (const auto& one : path)
    at = step(at, one, creates);
  return at;
}

xml_editor::elements xml_editor::step(const elements& above, const xml_step& to,
                                      bool creates) {
  elements found;
  for (const auto& parent : above) {
    std::size_t position = 0;
    const auto before = found.size();
    for (const auto child : parent.children())
      if (fits(child, to) && (++position == to.position || to.position == 0))
        found.push_back(child);
    if (found.size() == before && creates && growth_.add(element_cost))
      found.push_back(add(parent, to));
  }
  return found;
}

xml_node xml_editor::add(xml_node parent, const xml_step& like) {
  changed_ = true;
  can_splice_ = false;
  auto made = add_line(parent, line_end_of(text_));
  made.set_name(like.name.c_str());
  for (const auto& one : like.conditions) {
    const auto value = one.value.value_or("");
    if (one.is_attribute)
      made.append_attribute(one.name.c_str()).set_value(value.c_str());
    else
      made.append_child(one.name.c_str()).text().set(value.c_str());
  }
  return made;
}

bool xml_editor::set_attribute(xml_node element, const xml_attribute& to) {
  auto attribute = element.attribute(to.name.c_str());
  if (attribute && attribute.value() == to.value)
    return false;
  cut_attribute(element, to);
  if (!attribute)
    attribute = element.append_attribute(to.name.c_str());
  attribute.set_value(to.value.c_str());
  return true;
}

bool xml_editor::set_text(xml_node element, const std::string& to) {
  if (element.text().get() == to)
    return false;
  cut_text(element, to);
  element.text().set(to.c_str());
  return true;
}

void xml_editor::cut_attribute(xml_node element, const xml_attribute& to) {
  const auto name = element.offset_debug();
  if (name < 0) {
    can_splice_ = false;
    return;
  }
  auto at = text_.find_first_of(" \t\r\n/>", static_cast<std::size_t>(name));
  while (at < text_.size()) {
    const auto before = at;
    at = text_.find_first_not_of(spaces, at);
    if (at >= text_.size() || text_[at] == '>' || text_[at] == '/') {
      // The tag has no such attribute yet.
      splices_.push_back(
          {before, before,
           " " + to.name + "=\"" + escaped(to.value, '"') + "\""});
      return;
    }
    const auto equals = text_.find('=', at);
    const auto quote = text_.find_first_of("\"'", equals);
    if (equals == text_.npos || quote == text_.npos)
      break;
    const auto end = text_.find(text_[quote], quote + 1);
    if (end == text_.npos)
      break;
    auto found = text_.substr(at, equals - at);
    found = found.substr(0, found.find_last_not_of(spaces) + 1);
    if (found == to.name) {
      splices_.push_back({quote + 1, end, escaped(to.value, text_[quote])});
      return;
    }
    at = end + 1;
  }
  can_splice_ = false;
}

void xml_editor::cut_text(xml_node element, const std::string& to) {
  const auto name = element.offset_debug();
  const auto first = element.first_child();
  if (name < 0
      || (first
          && (first.type() != pugi::node_pcdata || first.offset_debug() < 0))) {
    can_splice_ = false;
  } else if (first) {
    const auto begin = static_cast<std::size_t>(first.offset_debug());
    splices_.push_back({begin, std::min(text_.find('<', begin), text_.size()),
                        escaped(to, 0)});
  } else { // <name/>, <name></name>
    auto at = static_cast<std::size_t>(name);
    for (char quote = 0; at < text_.size() && (quote != 0 || text_[at] != '>');
         ++at)
      if (text_[at] == quote)
        quote = 0;
      else if (quote == 0 && (text_[at] == '"' || text_[at] == '\''))
        quote = text_[at];
    if (at >= text_.size() || at == 0) {
      can_splice_ = false;
    } else if (text_[at - 1] != '/') {
      splices_.push_back({at + 1, at + 1, escaped(to, 0)});
    } else {
      const auto end = text_.find_last_not_of(spaces, at - 2) + 1;
      splices_.push_back(
          {end, at + 1, ">" + escaped(to, 0) + "</" + element.name() + ">"});
    }
  }
}

std::optional<std::string> xml_editor::spliced() const {
  if (!can_splice_)
    return std::nullopt;
  auto all = splices_;
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.begin < b.begin;
  });
  std::string made;
  std::size_t at = 0;
  for (const auto& one : all) {
    if (one.begin < at)
      return std::nullopt; // one word was changed twice
    made += text_.substr(at, one.begin - at);
    made += one.text;
    at = one.end;
  }
  made += text_.substr(at);
  return made;
}

} // namespace alula::storage
