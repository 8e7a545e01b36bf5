/// Turns the text of one YAML scalar or list into the value its rule asks for.
#pragma once

#include "app/config.hpp"
#include "app/config_schema.hpp"

#include <optional>
#include <string>
#include <vector>

namespace alula::app {

/// A scalar as the file has it.
struct scalar {
  std::string text;
  bool quoted = false;   ///< then it is text, whatever it looks like
  std::string name = {}; ///< what stands in place of the `*` of its key
};

struct complaint {
  config_problem::severity grade = config_problem::severity::error;
  std::string what;
};

/// Stores the value, or says what is allowed instead.
std::optional<complaint> store(const value_rule& rule, const scalar& value,
                               config& into);

/// The same for rules that hold lists.
std::optional<complaint> store(const value_rule& rule,
                               const std::vector<std::string>& values,
                               config& into);

bool holds_list(const value_rule& rule);

/// "a whole number from 0 to 65535".
std::string allowed(const value_rule& rule);

/// `10`, `1500ms`, `5m`, `24h`, `7d`; nothing when it is none of these.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

} // namespace alula::app
