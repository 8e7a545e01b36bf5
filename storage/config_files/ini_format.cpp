#include "jobs/ascii.hpp"
#include "storage/config_files/config_values.hpp"
#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"

#include <optional>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

struct ini_name {
  std::string section; ///< empty: before the first section
  std::string key;
};

/// "[section].key", the section with dots and brackets in it; "section.key",
/// whose key may have dots; "key".
ini_name read_name(const std::string& match) {
  int depth = 0;
  for (std::size_t at = 0; at < match.size(); ++at) {
    depth += match[at] == '[' ? 1 : match[at] == ']' ? -1 : 0;
    if (match[at] != '.' || depth > 0)
      continue;
    auto section = match.substr(0, at);
    if (section.starts_with('[') && section.ends_with(']'))
      section = section.substr(1, section.size() - 2);
    return {std::move(section), match.substr(at + 1)};
  }
  return {"", match};
}

/// The name of the section that the line opens.
std::optional<std::string_view> section_of(std::string_view line) {
  line = jobs::trimmed(line);
  if (!line.starts_with('['))
    return std::nullopt;
  const auto end = line.rfind(']');
  if (end == line.npos)
    return std::nullopt;
  return jobs::trimmed(line.substr(1, end - 1));
}

bool is_comment(std::string_view line) {
  line = jobs::trimmed(line);
  return line.empty() || line.front() == ';' || line.front() == '#';
}

/// A line "key = value ; comment" in its parts; nothing in between is lost.
struct ini_pair {
  std::string lead;  ///< up to the value
  std::string value; ///< without its quotes
  char quote = 0;
  std::string tail; ///< a comment, and the blanks before it
};

/// Where a comment begins behind a value. A value may begin with '#', a colour
/// for instance.
std::size_t comment_in(std::string_view rest) {
  if (rest.starts_with(';'))
    return 0;
  for (std::size_t i = 1; i < rest.size(); ++i)
    if ((rest[i] == ';' || rest[i] == '#')
        && (rest[i - 1] == ' ' || rest[i - 1] == '\t'))
      return i;
  return rest.size();
}

std::optional<ini_pair> read_pair(std::string_view line, std::string_view key) {
  if (is_comment(line) || section_of(line))
    return std::nullopt;
  for (const char separator : {'=', ':'}) {
    const auto at = line.find(separator);
    if (at == line.npos || jobs::trimmed(line.substr(0, at)) != key)
      continue;
    auto rest = line.substr(at + 1);
    const auto begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    ini_pair pair;
    pair.lead = line.substr(0, at + 1 + begin);
    rest.remove_prefix(begin);
    const char quote = rest.empty() ? '\0' : rest.front();
    if (quote == '"' || quote == '\'') {
      const auto end = rest.find(quote, 1);
      // What goes on after the quotes, ("a","b"), is no quoted value.
      if (end != rest.npos && is_comment(rest.substr(end + 1))) {
        pair.quote = quote;
        pair.value = rest.substr(1, end - 1);
        pair.tail = rest.substr(end + 1);
        return pair;
      }
    }
    pair.value = jobs::trimmed(rest.substr(0, comment_in(rest)));
    pair.tail = rest.substr(pair.value.size());
    if (!pair.tail.empty() && pair.value.empty())
      pair.tail.insert(0, " ");
    return pair;
  }
  return std::nullopt;
}

std::string quoted(const std::string& value, char quote) {
  if (!quote
      && (comment_in(value) != value.size() || jobs::trimmed(value) != value))
    quote = '"';
  if (!quote || value.find(quote) != value.npos)
    return value;
  return quote + value + quote;
}

/// Where the lines of a section are: [begin, end) in each of its parts.
struct ini_section {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<ini_section> find_section(const std::vector<text_line>& lines,
                                      std::string_view wanted) {
  std::vector<ini_section> parts;
  bool is_inside = wanted.empty();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto name = section_of(lines[i].body);
    if (!name)
      continue;
    if (is_inside)
      parts.push_back({begin, i});
    is_inside = *name == wanted && !wanted.empty();
    begin = i + 1;
  }
  if (is_inside)
    parts.push_back({begin, lines.size()});
  return parts;
}

/// What stands between key and value in the lines nearby.
std::string separator_in(const std::vector<text_line>& lines,
                         const std::vector<ini_section>& parts) {
  const auto look = [&](std::size_t begin, std::size_t end) -> std::string {
    for (auto i = begin; i < end; ++i) {
      const auto& body = lines[i].body;
      const auto at = body.find('=');
      if (at == 0 || at == body.npos || is_comment(body) || section_of(body))
        continue;
      return body[at - 1] == ' ' ? " = " : "=";
    }
    return "";
  };
  for (const auto& part : parts)
    if (auto found = look(part.begin, part.end); !found.empty())
      return found;
  auto found = look(0, lines.size());
  return found.empty() ? " = " : found;
}

void add_pair(std::vector<text_line>& lines, const ini_name& name,
              const std::string& value, const std::string& end) {
  auto parts = find_section(lines, name.section);
  auto line = name.key + separator_in(lines, parts) + quoted(value, 0);
  if (parts.empty()) {
    if (!lines.empty() && !jobs::trimmed(lines.back().body).empty())
      insert_line(lines, lines.size(), "", end);
    insert_line(lines, lines.size(), "[" + name.section + "]", end);
    insert_line(lines, lines.size(), std::move(line), end);
    return;
  }
  auto at = parts.back().end;
  while (at > parts.back().begin && jobs::trimmed(lines[at - 1].body).empty())
    --at;
  insert_line(lines, at, std::move(line), end);
}

/// False: the file becomes too large.
bool replace(std::vector<text_line>& lines, const jobs::config_replacement& one,
             const std::string& end, growth_limit& growth) {
  const auto name = read_name(one.match);
  bool is_there = false;
  for (const auto& part : find_section(lines, name.section))
    for (auto i = part.begin; i < part.end; ++i) {
      const auto pair = read_pair(lines[i].body, name.key);
      if (!pair)
        continue;
      is_there = true;
      const auto value = value_for(one, pair->value);
      if (!value || value->text == pair->value
          || value->text == pair->value + pair->tail)
        continue;
      if (!growth.add(value->text.size()))
        return false;
      lines[i].body = pair->lead + quoted(value->text, pair->quote);
      // Behind nothing at all "# comment" would be read as a value.
      if (!value->text.empty() || !jobs::trimmed(pair->tail).starts_with('#'))
        lines[i].body += pair->tail;
    }
  const auto value = is_there ? std::nullopt : value_for(one, std::nullopt);
  if (!value)
    return true;
  add_pair(lines, name, value->text, end);
  return growth.add(value->text.size() + one.match.size());
}

} // namespace

jobs::result<config_text> edit_ini(std::string_view text,
                                   const config_replacements& wanted) {
  config_text edited;
  auto lines = split_lines(text);
  const auto end = line_end_of(text);
  growth_limit growth;
  for (const auto& one : wanted) {
    if ((one.match + one.with.text).find_first_of("\r\n") != std::string::npos)
      edited.notes.push_back("The value for " + one.match
                             + " has a line break, which an ini file cannot "
                               "hold.");
    else if (!replace(lines, one, end, growth))
      return too_large();
  }
  edited.text = join_lines(lines);
  return edited;
}

} // namespace alula::storage
