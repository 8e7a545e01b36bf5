#include "app/config_value.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace alula::app {

namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{{
    {"ms", 1},
    {"s", 1'000},
    {"m", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
}};

/// The words YAML 1.1 has for them, as Wings' reader knows them.
std::optional<bool> parse_boolean(std::string_view text) {
  constexpr std::array<std::string_view, 11> yes{
      "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"};
  constexpr std::array<std::string_view, 11> no{
      "false", "False", "FALSE", "no", "No", "NO",
      "off",   "Off",   "OFF",   "n",  "N"};
  for (auto word : yes)
    if (text == word)
      return true;
  for (auto word : no)
    if (text == word)
      return false;
  return std::nullopt;
}

/// Decimal, 0x… and 0…, with `_` between digits, as YAML 1.1 has them.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string digits;
  for (char c : text)
    if (c != '_')
      digits += c;
  if (digits.empty() || std::isspace(static_cast<unsigned char>(digits[0])))
    return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(digits.c_str(), &end, 0);
  if (errno != 0 || end != digits.c_str() + digits.size())
    return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()
      || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string show(milliseconds time) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
    if (time.count() % unit->second == 0)
      return std::to_string(time.count() / unit->second)
             + std::string{unit->first};
  return std::to_string(time.count()) + "ms";
}

std::string show(double number) {
  std::array<char, 32> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), error == std::errc{} ? end : text.data()};
}

std::string quote(std::string_view text) {
  constexpr std::size_t enough = 60;
  std::string out = "\"";
  out += text.substr(0, enough);
  if (text.size() > enough)
    out += "…";
  return out + "\"";
}

complaint not_allowed(const value_rule& rule, std::string_view text) {
  return {.what = quote(text) + " is not " + allowed(rule)};
}

bool is_url(std::string_view text) {
  for (std::string_view scheme : {"https://", "http://"})
    if (text.substr(0, scheme.size()) == scheme)
      return text.size() > scheme.size()
             && text.find_first_of(" \t\r\n") == std::string_view::npos;
  return false;
}

bool is_socket(std::string_view text) {
  constexpr std::string_view scheme = "unix://";
  if (text.substr(0, scheme.size()) == scheme)
    text.remove_prefix(scheme.size());
  // 107: what fits into sockaddr_un::sun_path.
  return !text.empty() && text.front() == '/' && text.size() <= 107;
}

bool is_network(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
    bits = 32;
  else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)
    bits = 128;
  else
    return false;
  if (slash == std::string::npos)
    return true;
  const auto length = parse_integer(text.substr(slash + 1));
  return length && *length >= 0 && *length <= bits;
}

/// One overload per rule: false when the text is not allowed.
struct storing {
  const scalar& value;
  config& into;

  bool operator()(const boolean_rule& rule) const {
    const auto parsed = parse_boolean(value.text);
    if (!parsed || value.quoted)
      return false;
    if (rule.into)
      rule.into(into) = *parsed;
    return true;
  }
  bool operator()(const integer_rule& rule) const {
    const auto parsed = parse_integer(value.text);
    if (!parsed || value.quoted || *parsed < rule.min || *parsed > rule.max)
      return false;
    if (rule.into)
      rule.into(into) = *parsed;
    return true;
  }
  bool operator()(const unserved_rule&) const {
    return !value.quoted && parse_integer(value.text).has_value();
  }
  bool operator()(const number_rule& rule) const {
    const auto parsed = parse_number(value.text);
    if (!parsed || value.quoted || *parsed < rule.min || *parsed > rule.max)
      return false;
    if (rule.into)
      rule.into(into) = *parsed;
    if (rule.into_named)
      rule.into_named(into)[value.name] = *parsed;
    return true;
  }
  bool operator()(const duration_rule& rule) const {
    const auto parsed = parse_duration(value.text);
    if (!parsed || *parsed < rule.min || *parsed > rule.max)
      return false;
    if (rule.into)
      rule.into(into) = *parsed;
    return true;
  }
  bool operator()(const text_rule& rule) const {
    if (rule.into)
      rule.into(into) = value.text;
    if (rule.into_named)
      rule.into_named(into)[value.name] = value.text;
    return true;
  }
  bool operator()(const path_rule& rule) const {
    if (value.text.empty()
        || (rule.must_be_absolute && value.text.front() != '/'))
      return false;
    if (rule.into)
      rule.into(into) = value.text;
    return true;
  }
  bool operator()(const choice_rule& rule) const {
    for (auto word : rule.words)
      if (word == value.text) {
        if (rule.into)
          rule.into(into) = value.text;
        return true;
      }
    return false;
  }
  bool operator()(const url_rule& rule) const {
    if (!value.text.empty() && !is_url(value.text))
      return false;
    if (rule.into)
      rule.into(into) = value.text;
    return true;
  }
  bool operator()(const socket_rule& rule) const {
    if (!is_socket(value.text))
      return false;
    if (rule.into)
      rule.into(into) = value.text;
    return true;
  }
  bool operator()(const list_rule&) const { return false; }
  bool operator()(const network_list_rule&) const { return false; }
};

struct naming {
  std::string operator()(const boolean_rule&) const { return "true or false"; }
  std::string operator()(const integer_rule& rule) const {
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    std::string out = "a whole number";
    if (rule.min != least && rule.max != most)
      out += " from " + std::to_string(rule.min) + " to "
             + std::to_string(rule.max);
    else if (rule.min != least)
      out += ", " + std::to_string(rule.min) + " or more";
    else if (rule.max != most)
      out += ", " + std::to_string(rule.max) + " at most";
    return out;
  }
  std::string operator()(const unserved_rule&) const {
    return "a whole number";
  }
  std::string operator()(const number_rule& rule) const {
    if (rule.max != std::numeric_limits<double>::max())
      return "a number from " + show(rule.min) + " to " + show(rule.max);
    return rule.min == 0 ? "a number, 0 or more" : "a number";
  }
  std::string operator()(const duration_rule& rule) const {
    return "a time in seconds or with ms, s, m, h or d behind it, from "
           + show(rule.min) + " to " + show(rule.max);
  }
  std::string operator()(const text_rule&) const { return "text"; }
  std::string operator()(const path_rule& rule) const {
    return rule.must_be_absolute ? "an absolute path" : "a path";
  }
  std::string operator()(const choice_rule& rule) const {
    std::string out = "one of";
    for (auto word : rule.words)
      out += (out == "one of" ? " " : ", ") + std::string{word};
    return out;
  }
  std::string operator()(const url_rule&) const {
    return "a URL that starts with https:// or http://";
  }
  std::string operator()(const socket_rule&) const {
    return "the absolute path of a unix socket, such as /var/run/docker.sock";
  }
  std::string operator()(const list_rule&) const { return "a list of texts"; }
  std::string operator()(const network_list_rule&) const {
    return "a list of IP addresses or networks such as 10.0.0.0/8";
  }
};

} // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0)
    return std::nullopt;
  std::string_view unit{end, text.data() + text.size()};
  if (unit.empty())
    unit = "s";
  for (const auto& [name, factor] : units)
    if (unit == name) {
      if (count > std::numeric_limits<std::int64_t>::max() / factor)
        return std::nullopt;
      return milliseconds{count * factor};
    }
  return std::nullopt;
}

bool holds_list(const value_rule& rule) {
  return std::holds_alternative<list_rule>(rule)
         || std::holds_alternative<network_list_rule>(rule);
}

std::string allowed(const value_rule& rule) {
  return std::visit(naming{}, rule);
}

std::optional<complaint> store(const value_rule& rule, const scalar& value,
                               config& into) {
  if (std::visit(storing{value, into}, rule)) {
    if (std::holds_alternative<url_rule>(rule) && !value.text.empty()
        && value.text.back() == '/')
      return complaint{config_problem::severity::warning,
                       "ends in a slash; browsers send their origin without "
                       "one, so websockets would be refused"};
    const auto* unserved = std::get_if<unserved_rule>(&rule);
    if (unserved && parse_integer(value.text) != unserved->standard)
      return complaint{config_problem::severity::warning,
                       "changes nothing: " + std::string{unserved->instead}};
    return std::nullopt;
  }
  if (const auto* choice = std::get_if<choice_rule>(&rule))
    return complaint{config_problem::severity::warning,
                     not_allowed(rule, value.text).what + "; taken as "
                         + std::string{choice->words.front()}};
  auto bad = not_allowed(rule, value.text);
  if (value.quoted)
    bad.what += " (the quotes make it text)";
  return bad;
}

std::optional<complaint> store(const value_rule& rule,
                               const std::vector<std::string>& values,
                               config& into) {
  if (const auto* networks = std::get_if<network_list_rule>(&rule)) {
    for (const auto& value : values)
      if (!is_network(value))
        return complaint{.what = quote(value)
                                 + " is not an IP address or a network such as "
                                   "10.0.0.0/8"};
    if (networks->into)
      networks->into(into) = values;
    return std::nullopt;
  }
  const auto* list = std::get_if<list_rule>(&rule);
  if (!list)
    return complaint{.what = "is a list, not " + allowed(rule)};
  if (list->into)
    list->into(into) = values;
  return std::nullopt;
}

} // namespace alula::app
