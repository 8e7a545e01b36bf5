/// The table of every known key: what it may hold and where it goes. Keys of
/// features alula does not have (yet) are known too; they are checked and go
/// nowhere.
#pragma once

#include "app/config.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
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

/// What stands in place of the `*` of a key, and the value.
template<class T>
using named = std::map<std::string, T>;

/// A number of Wings that nothing here is done by: any but Wings' own is a
/// warning with what happens instead.
struct unserved_rule {
  std::int64_t standard = 0;
  std::string_view instead;
};

struct integer_rule {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  field<std::int64_t> into = nullptr;
};

/// A number with a fraction.
struct number_rule {
  double min = 0;
  double max = std::numeric_limits<double>::max();
  field<double> into = nullptr;
  field<named<double>> into_named = nullptr;
};

/// Whole seconds, or a number with ms, s, m, h or d behind it.
struct duration_rule {
  std::chrono::milliseconds min{0};
  std::chrono::milliseconds max = std::chrono::hours{24 * 3650};
  field<std::chrono::milliseconds> into = nullptr;
};

struct text_rule {
  field<std::string> into = nullptr;
  field<named<std::string>> into_named = nullptr;
};

struct path_rule {
  field<std::filesystem::path> into = nullptr;
  bool must_be_absolute = false;
};

/// One of a few words; Wings takes any other word as the first one, so that is
/// a warning.
struct choice_rule {
  std::vector<std::string_view> words;
  field<std::string> into = nullptr;
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
struct network_list_rule {
  field<std::vector<std::string>> into = nullptr;
};

using value_rule =
    std::variant<boolean_rule, integer_rule, unserved_rule, number_rule,
                 duration_rule, text_rule, path_rule, choice_rule, url_rule,
                 socket_rule, list_rule, network_list_rule>;

struct known_key {
  std::string_view path; ///< segments joined by dots; `*` is any name
  value_rule rule;
};

/// The part of it that is about running servers.
std::vector<known_key> life_keys();

/// The part of it that is about storage on other machines.
std::vector<known_key> far_keys();
std::vector<known_key> access_keys();

/// The part of it that is about systems and their backups.
std::vector<known_key> system_keys();

const std::vector<known_key>& known_keys();

} // namespace alula::app
