#include "remote/without_secrets.hpp"

#include <algorithm>
#include <re2/re2.h>
#include <string_view>

namespace alula::remote {

namespace {

constexpr std::string_view instead = "(hidden)";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// What base64, its form for URLs and names in tokens are made of.
bool is_of_keys(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || c == '_' || c == '-' || c == '+' || c == '=';
}

bool is_uuid(std::string_view word) {
  constexpr std::string_view like = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::ranges::equal(word, like, [](char c, char wanted) {
    const bool is_hex =
        is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return wanted == '-' ? c == '-' : is_hex;
  });
}

/// As long as the shortest key anybody makes, and no name of a class: those
/// have no digits.
bool looks_like_a_key(std::string_view word) {
  constexpr std::size_t shortest = 32;
  return word.size() >= shortest && !is_uuid(word)
         && std::ranges::any_of(word, is_digit);
}

std::string without_keys(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t from = 0; from < text.size();) {
    auto end = from;
    while (end < text.size() && is_of_keys(text[end]))
      ++end;
    const auto word = text.substr(from, end - from);
    out += looks_like_a_key(word) ? instead : word;
    for (from = end; from < text.size() && !is_of_keys(text[from]); ++from)
      out += text[from];
  }
  return out;
}

} // namespace

std::string without_secrets(std::string text) {
  // By the byte, so that one that is no UTF-8 does not end a secret.
  static const RE2::Options by_the_byte{RE2::Latin1};
  static const RE2 users{R"re(://[^/@\s"']+@)re", by_the_byte};
  static const RE2 queries{R"re(\?[^\s"'<>?=]+=[^\s"'<>]*)re", by_the_byte};
  static const RE2 bearers{R"re((?i)(bearer )[^\s"',;]+)re", by_the_byte};
  static const RE2 named{
      R"re((?i)((?:token|password|secret|signature|credential|key))re"
      R"re(["']?\s*[:=]\s*["']?)[^\s"',;&}]+)re",
      by_the_byte};
  static const RE2 of_the_panel{R"re(ptl[a-z]_[A-Za-z0-9]+)re", by_the_byte};
  RE2::GlobalReplace(&text, users, "://(hidden)@");
  RE2::GlobalReplace(&text, queries, "?(hidden)");
  RE2::GlobalReplace(&text, bearers, R"(\1(hidden))");
  RE2::GlobalReplace(&text, named, R"(\1(hidden))");
  RE2::GlobalReplace(&text, of_the_panel, "(hidden)");
  return without_keys(text);
}

} // namespace alula::remote
