/// The table of every known key: what it may hold and where it goes. Keys of
/// features alula does not have (yet) are known too; they are checked and go
/// nowhere.
#pragma once

#include "app/config.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace alula::app {

/// Names the field of a config that a key fills.
template<class T>
using field = T& (*)(config&);

struct boolean_rule {
  field<bool> into = nullptr;
};

struct integer_rule {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  field<std::int64_t> into = nullptr;
};

/// A number with a fraction.
struct number_rule {
  double min = 0;
};

/// Whole seconds, or a number with ms, s, m, h or d behind it.
struct duration_rule {
  std::chrono::milliseconds min{0};
  std::chrono::milliseconds max = std::chrono::hours{24 * 3650};
  field<std::chrono::milliseconds> into = nullptr;
};

struct text_rule {
  field<std::string> into = nullptr;
};

struct path_rule {
  field<std::filesystem::path> into = nullptr;
};

/// One of a few words; Wings takes any other word as the first one, so that is
/// a warning.
struct choice_rule {
  std::vector<std::string_view> words;
};

/// An http or https URL, or nothing.
struct url_rule {
  field<std::string> into = nullptr;
};

/// An absolute path of a unix socket, with or without unix:// before it.
struct socket_rule {
  field<std::string> into = nullptr;
};

struct list_rule {
  field<std::vector<std::string>> into = nullptr;
};

/// A list of IP addresses and networks in CIDR notation.
struct network_list_rule {};

using value_rule =
    std::variant<boolean_rule, integer_rule, number_rule, duration_rule,
                 text_rule, path_rule, choice_rule, url_rule, socket_rule,
                 list_rule, network_list_rule>;

struct known_key {
  std::string_view path; ///< segments joined by dots; `*` is any name
  value_rule rule;
};

const std::vector<known_key>& known_keys();

} // namespace alula::app
