#include "storage/config_files/xml_path.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace alula::storage {

namespace {

std::vector<std::string_view> split_steps(std::string_view match) {
  std::vector<std::string_view> steps;
  int depth = 0;
  char quote = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < match.size(); ++at) {
    const char c = match[at];
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (depth > 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '[' || c == ']') {
      depth += c == '[' ? 1 : -1;
    } else if (c == '.' && depth == 0) {
      steps.push_back(match.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  steps.push_back(match.substr(begin));
  return steps;
}

bool read_condition(std::string_view text, xml_step& into) {
  const auto* end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, into.position);
  if (number.ec == std::errc{} && number.ptr == end)
    return into.position > 0;
  into.position = 0;
  xml_step::condition made;
  made.is_attribute = text.starts_with('@');
  if (made.is_attribute)
    text.remove_prefix(1);
  const auto equals = text.find('=');
  made.name = text.substr(0, equals);
  if (equals != text.npos) {
    const auto value = text.substr(equals + 1);
    if (value.size() < 2 || value.front() != value.back()
        || (value.front() != '\'' && value.front() != '"'))
      return false;
    made.value = value.substr(1, value.size() - 2);
  }
  into.conditions.push_back(std::move(made));
  return is_xml_name(into.conditions.back().name);
}

std::optional<xml_step> read_step(std::string_view text) {
  const auto bracket = text.find('[');
  xml_step step;
  step.name = text.substr(0, bracket);
  if (step.name != "*" && !is_xml_name(step.name))
    return std::nullopt;
  while (bracket != text.npos) {
    text = text.substr(text.find('['));
    char quote = 0;
    std::size_t end = 1;
    for (; end < text.size() && (quote != 0 || text[end] != ']'); ++end)
      if (text[end] == quote)
        quote = 0;
      else if (quote == 0 && (text[end] == '\'' || text[end] == '"'))
        quote = text[end];
    if (end >= text.size() || !read_condition(text.substr(1, end - 1), step))
      return std::nullopt;
    text.remove_prefix(end + 1);
    if (text.empty())
      break;
    if (text.front() != '[')
      return std::nullopt;
  }
  return step;
}

} // namespace

bool is_xml_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0
      || name[0] == '-' || name[0] == '.')
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'
           || c == '-' || c == ':' || c == '.'
           || static_cast<unsigned char>(c) >= 0x80;
  });
}

std::optional<std::vector<xml_step>> read_xml_path(std::string_view match) {
  std::vector<xml_step> path;
  for (const auto text : split_steps(match)) {
    auto step = read_step(text);
    if (!step || path.size() == 100)
      return std::nullopt;
    path.push_back(std::move(*step));
  }
  return path;
}

std::optional<xml_attribute> read_xml_attribute(std::string_view value) {
  const auto equals = value.find("='");
  if (!value.starts_with('[') || !value.ends_with("']") || equals == value.npos
      || equals + 4 > value.size())
    return std::nullopt;
  const auto name = value.substr(1, equals - 1);
  if (!is_xml_name(name))
    return std::nullopt;
  return xml_attribute{
      std::string{name},
      std::string{value.substr(equals + 2, value.size() - equals - 4)}};
}

} // namespace alula::storage
