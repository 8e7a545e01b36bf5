#include "storage/config_files/config_values.hpp"
#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"

#include <cctype>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

constexpr std::string_view blanks = " \t\f";

/// A logical line: what stands before the value stays as it is.
struct property {
  std::string key;
  std::string value; ///< resolved
  std::string lead;  ///< raw: indentation, key, separator
  std::string rest;  ///< raw: the value, continuation lines included
  std::string end;
  bool is_pair = false; ///< false: a comment or a blank line, in `lead`
};

void append_code(std::string& text, unsigned code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

/// The four digits of "\u00a7" at the beginning.
std::optional<unsigned> read_hex(std::string_view text) {
  if (text.size() < 4)
    return std::nullopt;
  unsigned code = 0;
  for (const char c : text.substr(0, 4)) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0)
      return std::nullopt;
    const auto low = static_cast<char>(c | 0x20);
    code = code * 16
           + static_cast<unsigned>(low >= 'a' ? low - 'a' + 10 : c - '0');
  }
  return code;
}

/// After "\u": the character, two such escapes for one outside the BMP.
void unescape_code(std::string_view& raw, std::string& text) {
  const auto code = read_hex(raw);
  if (!code) {
    text += 'u';
    return;
  }
  raw.remove_prefix(4);
  if (*code >= 0xD800 && *code < 0xDC00 && raw.starts_with("\\u")) {
    const auto low = read_hex(raw.substr(2));
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      append_code(text, 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00));
      raw.remove_prefix(6);
      return;
    }
  }
  append_code(text, *code);
}

std::string unescape(std::string_view raw) {
  std::string text;
  while (!raw.empty()) {
    const char c = raw.front();
    raw.remove_prefix(1);
    if (c != '\\' || raw.empty()) {
      if (c != '\\')
        text += c;
      continue;
    }
    const char escaped = raw.front();
    raw.remove_prefix(1);
    switch (escaped) {
    case 'u':
      unescape_code(raw, text);
      break;
    case 't':
      text += '\t';
      break;
    case 'n':
      text += '\n';
      break;
    case 'r':
      text += '\r';
      break;
    case 'f':
      text += '\f';
      break;
    case '\r': // a continuation line: its indentation does not count
    case '\n':
      raw.remove_prefix(
          std::min(raw.find_first_not_of(" \t\f\r\n"), raw.size()));
      break;
    default:
      text += escaped;
    }
  }
  return text;
}

void escape_code(std::string& escaped, unsigned code) {
  char hex[16];
  if (code >= 0x10000) {
    escape_code(escaped, 0xD800 + ((code - 0x10000) >> 10));
    code = 0xDC00 + ((code - 0x10000) & 0x3FF);
  }
  std::snprintf(hex, sizeof hex, "\\u%04x", code);
  escaped += hex;
}

/// `text` is UTF-8. In a key blanks and separators are escaped too.
std::string escape(std::string_view text, bool is_key) {
  std::string escaped;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const bool is_first = at == 0;
    ++at;
    if (c >= 0x80) {
      unsigned code = c >= 0xF0 ? c & 0x07U : c >= 0xE0 ? c & 0x0FU : c & 0x1FU;
      for (; at < text.size() && (text[at] & 0xC0) == 0x80; ++at)
        code = (code << 6) | (static_cast<unsigned char>(text[at]) & 0x3FU);
      escape_code(escaped, code);
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\r') {
      escaped += "\\r";
    } else if (c == '\t') {
      escaped += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      escape_code(escaped, c);
    } else {
      const std::string_view marks = is_key ? " =:\\" : "\\";
      if (marks.find(static_cast<char>(c)) != marks.npos
          || (is_first && (c == ' ' || (is_key && (c == '#' || c == '!')))))
        escaped += '\\';
      escaped += static_cast<char>(c);
    }
  }
  return escaped;
}

bool goes_on(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size()
         && line[line.size() - 1 - backslashes] == '\\')
    ++backslashes;
  return backslashes % 2 == 1;
}

void split_pair(std::string_view raw, property& into) {
  const auto begin = std::min(raw.find_first_not_of(blanks), raw.size());
  auto at = begin;
  while (at < raw.size() && (blanks.find(raw[at]) == blanks.npos)
         && raw[at] != '=' && raw[at] != ':')
    at += raw[at] == '\\' ? 2 : 1;
  at = std::min(at, raw.size());
  into.key = unescape(raw.substr(begin, at - begin));
  const auto skip_blanks = [&] {
    while (at < raw.size() && blanks.find(raw[at]) != blanks.npos)
      ++at;
  };
  skip_blanks();
  if (at < raw.size() && (raw[at] == '=' || raw[at] == ':')) {
    ++at;
    skip_blanks();
  }
  into.lead = raw.substr(0, at);
  into.rest = raw.substr(at);
  into.value = unescape(into.rest);
}

std::vector<property> read_properties(std::string_view text) {
  std::vector<property> all;
  const auto lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    property next;
    next.end = lines[i].end;
    const auto first = lines[i].body.find_first_not_of(blanks);
    if (first == std::string::npos || lines[i].body[first] == '#'
        || lines[i].body[first] == '!') {
      next.lead = lines[i].body;
      all.push_back(std::move(next));
      continue;
    }
    auto raw = lines[i].body;
    while (goes_on(lines[i].body) && i + 1 < lines.size()) {
      raw += lines[i].end;
      ++i;
      raw += lines[i].body;
      next.end = lines[i].end;
    }
    next.is_pair = true;
    split_pair(raw, next);
    all.push_back(std::move(next));
  }
  return all;
}

void set_value(property& pair, const std::string& value) {
  if (pair.value == value)
    return;
  pair.rest = escape(value, false);
  pair.value = value;
  // "key" alone, or "key value" before a value that would be a separator.
  if (pair.lead.find_first_of("=:", pair.key.size()) == std::string::npos)
    pair.lead += pair.lead.ends_with(' ') ? "= " : "=";
}

bool make(const jobs::config_replacement& one, std::vector<property>& all,
          const std::string& end, growth_limit& growth) {
  bool is_there = false;
  for (auto& pair : all) {
    if (!pair.is_pair || pair.key != one.match)
      continue;
    is_there = true;
    const auto value = value_for(one, pair.value);
    if (!value)
      continue;
    if (!growth.add(value->text.size()))
      return false;
    set_value(pair, value->text);
  }
  const auto value = is_there ? std::nullopt : value_for(one, std::nullopt);
  if (!value)
    return true;
  if (!all.empty()) {
    auto& last = all.back();
    auto& raw = last.rest.empty() ? last.lead : last.rest;
    if (last.is_pair && goes_on(raw)) // into the line that is added
      raw.pop_back();
    if (last.end.empty())
      last.end = end;
  }
  property added;
  added.is_pair = true;
  added.key = one.match;
  added.value = value->text;
  added.lead = escape(one.match, true) + "=";
  added.rest = escape(value->text, false);
  added.end = end;
  const auto size = added.lead.size() + added.rest.size();
  all.push_back(std::move(added));
  return growth.add(size);
}

} // namespace

jobs::result<config_text> edit_properties(std::string_view text,
                                          const config_replacements& wanted) {
  auto all = read_properties(text);
  const auto end = line_end_of(text);
  growth_limit growth;
  for (const auto& one : wanted)
    if (!make(one, all, end, growth))
      return too_large();
  config_text edited;
  for (const auto& pair : all)
    edited.text += pair.lead + pair.rest + pair.end;
  return edited;
}

} // namespace alula::storage
