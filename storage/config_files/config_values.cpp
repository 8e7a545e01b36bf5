#include "storage/config_files/config_values.hpp"

#include <cctype>
#include <charconv>
#include <cstdint>
#include <re2/re2.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::config_replacement;
using jobs::config_value;

namespace {

constexpr std::string_view regex_mark = "regex:";
constexpr std::size_t max_value_bytes = 65'536;
constexpr int max_groups = 32;

using groups = std::vector<re2::StringPiece>;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view group_of(const RE2& pattern, const groups& found,
                          std::string_view name) {
  std::size_t number = found.size();
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) {
    const auto& names = pattern.NamedCapturingGroups();
    const auto at = names.find(std::string{name});
    number =
        at == names.end() ? found.size() : static_cast<std::size_t>(at->second);
  }
  if (number >= found.size() || found[number].data() == nullptr)
    return {};
  return {found[number].data(), found[number].size()};
}

/// "$1", "${1}", "$name", "${name}", "$$", as Go's regexp has them.
void expand(const RE2& pattern, const groups& found, std::string_view with,
            std::string& into) {
  while (!with.empty()) {
    const auto at = with.find('$');
    into += with.substr(0, at);
    if (at == with.npos)
      return;
    with.remove_prefix(at + 1);
    if (with.starts_with('$')) {
      into += '$';
      with.remove_prefix(1);
      continue;
    }
    const bool is_braced = with.starts_with('{');
    auto name = with.substr(is_braced ? 1 : 0);
    std::size_t size = 0;
    while (size < name.size() && is_word(name[size]))
      ++size;
    name = name.substr(0, size);
    if (size == 0 || (is_braced && !with.substr(1 + size).starts_with('}'))) {
      into += '$'; // no reference at all
      continue;
    }
    into += group_of(pattern, found, name);
    with.remove_prefix(size + (is_braced ? 2 : 0));
  }
}

/// Every match replaced; nothing when there is none, or for a pattern that is
/// none.
std::optional<std::string> replace_matches(std::string_view expression,
                                           std::string_view text,
                                           std::string_view with) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 pattern{re2::StringPiece{expression.data(), expression.size()},
                    options};
  if (!pattern.ok() || pattern.NumberOfCapturingGroups() >= max_groups)
    return std::nullopt;
  const re2::StringPiece piece{text.data(), text.size()};
  groups found(static_cast<std::size_t>(pattern.NumberOfCapturingGroups() + 1));
  std::string made;
  bool matched = false;
  std::size_t at = 0;
  while (at <= text.size()
         && pattern.Match(piece, at, text.size(), RE2::UNANCHORED, found.data(),
                          static_cast<int>(found.size()))) {
    matched = true;
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    made += text.substr(at, begin - at);
    expand(pattern, found, with, made);
    at = begin + found[0].size();
    if (found[0].empty()) {
      made += text.substr(at, 1);
      ++at;
    }
    if (made.size() > max_value_bytes)
      return std::nullopt;
  }
  if (!matched)
    return std::nullopt;
  if (at < text.size())
    made += text.substr(at);
  return made;
}

/// "docker.networkInterface" → "docker.network_interface".
std::string snake_case(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) {
      if (!snake.empty() && snake.back() != '.' && snake.back() != '_')
        snake += '_';
      snake += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      snake += c == '-' ? '_' : c;
    }
  }
  return snake;
}

} // namespace

std::optional<config_value> value_for(const config_replacement& wanted,
                                      std::optional<std::string_view> current) {
  if (wanted.if_value.empty())
    return wanted.with;
  if (!current)
    return std::nullopt;
  const std::string_view expected = wanted.if_value;
  if (!expected.starts_with(regex_mark)) {
    if (*current == expected)
      return wanted.with;
    return std::nullopt;
  }
  auto made = replace_matches(expected.substr(regex_mark.size()), *current,
                              wanted.with.text);
  if (!made)
    return std::nullopt;
  auto value = wanted.with;
  value.text = std::move(*made);
  return value;
}

std::string resolve_lookups(std::string_view text, const node_values& node,
                            std::vector<std::string>& notes) {
  static const RE2 placeholder{R"(\{\{\s?config\.([\w.-]+)\s?\}\})"};
  std::string resolved;
  const re2::StringPiece piece{text.data(), text.size()};
  re2::StringPiece found[2];
  std::size_t at = 0;
  while (placeholder.Match(piece, at, text.size(), RE2::UNANCHORED, found, 2)) {
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    resolved += text.substr(at, begin - at);
    const std::string name{found[1].data(), found[1].size()};
    const auto value = node.find(snake_case(name));
    if (value == node.end()) {
      resolved += text.substr(begin, found[0].size());
      notes.push_back("The node has no value of the name config." + name + ".");
    } else {
      resolved += value->second;
    }
    at = begin + found[0].size();
  }
  resolved += text.substr(at);
  return resolved;
}

bool is_plain_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end
         && std::to_string(number) == text;
}

bool is_json_number(std::string_view text) {
  static const RE2 number{R"(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)"};
  return RE2::FullMatch(re2::StringPiece{text.data(), text.size()}, number);
}

} // namespace alula::storage
