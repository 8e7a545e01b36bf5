#include "http/text.hpp"

#include <cstddef>

namespace alula::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  const char low = jobs::lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// The byte that text[at...] escapes, or -1.
int escaped_byte(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size())
    return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string decode_form(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? escaped_byte(text, i) : -1;
    if (byte >= 0) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int byte = escaped_byte(text, i);
    if (byte < 0)
      return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::vector<std::pair<std::string, std::string>>
parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{}
                                          : query.substr(end + 1);
    if (pair.empty())
      continue;
    const auto equals = pair.find('=');
    auto value = equals == std::string_view::npos
                     ? std::string{}
                     : decode_form(pair.substr(equals + 1));
    pairs.emplace_back(decode_form(pair.substr(0, equals)), std::move(value));
  }
  return pairs;
}

request_target split_target(std::string_view target) {
  target = target.substr(0, target.find('#'));
  if (!target.empty() && target.front() != '/') {
    const auto scheme = target.find("://");
    if (scheme != std::string_view::npos) {
      const auto slash = target.find_first_of("/?", scheme + 3);
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
  }
  const auto mark = target.find('?');
  return {target.substr(0, mark), mark == std::string_view::npos
                                      ? std::string_view{}
                                      : target.substr(mark + 1)};
}

std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

bool has_token(std::string_view field, std::string_view token) {
  while (!field.empty()) {
    const auto end = field.find(',');
    if (equal_ignoring_case(jobs::trimmed(field.substr(0, end)), token))
      return true;
    if (end == std::string_view::npos)
      return false;
    field.remove_prefix(end + 1);
  }
  return false;
}

} // namespace alula::http
