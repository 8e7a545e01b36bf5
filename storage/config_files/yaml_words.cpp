#include "storage/config_files/yaml_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <re2/re2.h>

namespace alula::storage {

namespace {

using kind = tree_node::kind;

bool is_one_of(std::string_view word, std::string_view words) {
  std::string padded{" "};
  for (const char c : word)
    padded += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  padded += ' ';
  return words.find(padded) != words.npos;
}

bool is_number(std::string_view text) {
  static const RE2 number{
      R"([-+]?(0|[1-9][0-9_]*|0[0-7_]+|0o[0-7]+|0x[0-9a-fA-F_]+|0b[01_]+|)"
      R"([0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|)"
      R"(([0-9][0-9_]*)?\.?[0-9_]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|)"
      R"(\.(nan|NaN|NAN))"};
  return text.find_first_of("0123456789.") != text.npos && text != "."
         && RE2::FullMatch(re2::StringPiece{text.data(), text.size()}, number);
}

/// Of digits that are no number in any YAML: an address, "0.0.0.0:25577".
bool is_address(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') >= 2
         && text.find('_') == text.npos;
}

bool may_stand_bare(std::string_view text) {
  if (text.empty() || plain_kind(text) != kind::text)
    return false;
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80 && std::isalpha(first) == 0 && first != '/' && first != '_'
      && !(std::isdigit(first) != 0 && is_address(text)))
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_last = i + 1 == text.size();
    const bool is_inner = !is_last && text[i + 1] != ' ';
    const bool is_good =
        std::isalnum(c) != 0 || c >= 0x80
        || std::string_view{"_./+@-"}.find(text[i]) != std::string_view::npos
        || (c == ' ' && !is_last) || (c == ':' && is_inner);
    if (!is_good)
      return false;
  }
  return true;
}

/// Control characters, and the line breaks and marks beyond ASCII.
bool needs_escapes(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F)
      return true;
    const auto rest = text.substr(i, 3);
    if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")
        || rest.starts_with("\xEF\xBB\xBF")
        || (c == 0xC2 && rest.size() > 1
            && static_cast<unsigned char>(rest[1]) < 0xA0))
      return true;
  }
  return false;
}

std::string in_double_quotes(std::string_view text) {
  std::string quoted{"\""};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    std::array<char, 8> hex{};
    const auto rest = text.substr(i, 3);
    if (c == '"' || c == '\\') {
      quoted += {'\\', text[i]};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      std::snprintf(hex.data(), hex.size(), "\\x%02x", c);
      quoted += hex.data();
    } else if (c == 0xC2 && rest.size() > 1
               && static_cast<unsigned char>(rest[1]) < 0xA0) {
      std::snprintf(hex.data(), hex.size(), "\\x%02x",
                    static_cast<unsigned char>(rest[1]));
      quoted += hex.data();
      ++i;
    } else if (rest == "\xE2\x80\xA8" || rest == "\xE2\x80\xA9"
               || rest == "\xEF\xBB\xBF") {
      quoted += rest == "\xE2\x80\xA8"   ? "\\u2028"
                : rest == "\xE2\x80\xA9" ? "\\u2029"
                                         : "\\ufeff";
      i += 2;
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

std::string in_single_quotes(std::string_view text) {
  std::string quoted{"'"};
  for (const char c : text) {
    if (c == '\'')
      quoted += '\'';
    quoted += c;
  }
  return quoted + '\'';
}

} // namespace

kind plain_kind(std::string_view text) {
  if (text.empty() || is_one_of(text, " ~ null "))
    return kind::null;
  if (is_one_of(text, " true false yes no on off y n "))
    return kind::boolean;
  return is_number(text) ? kind::number : kind::text;
}

std::string yaml_text(std::string_view text, char quote) {
  if (quote == '"' || needs_escapes(text))
    return in_double_quotes(text);
  if (quote == '\'' || !may_stand_bare(text))
    return in_single_quotes(text);
  return std::string{text};
}

std::string yaml_scalar(const tree_node& scalar, char quote) {
  if (scalar.is == kind::null)
    return "null";
  if (scalar.is == kind::text)
    return yaml_text(scalar.text, quote);
  return scalar.text;
}

} // namespace alula::storage
