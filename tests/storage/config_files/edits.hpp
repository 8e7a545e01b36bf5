/// Short words for what the tests of the formats do again and again.
#pragma once

#include "storage/config_files/formats.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

inline jobs::config_replacement put(std::string match, std::string text) {
  return {std::move(match), "", {jobs::config_value::type::text, text}};
}

inline jobs::config_replacement put_if(std::string match, std::string if_value,
                                       std::string text) {
  return {std::move(match),
          std::move(if_value),
          {jobs::config_value::type::text, std::move(text)}};
}

inline jobs::config_replacement put_typed(std::string match,
                                          jobs::config_value value) {
  return {std::move(match), "", std::move(value)};
}

/// The text after the edit, which must change nothing when it is made again.
inline std::string edited(std::string_view parser, std::string_view text,
                          const config_replacements& wanted) {
  const auto once = edit_config(parser, text, wanted);
  INFO((once ? "" : once.error().what));
  REQUIRE(once);
  const auto again = edit_config(parser, once->text, wanted);
  REQUIRE(again);
  CHECK(again->text == once->text);
  return once->text;
}

inline std::vector<std::string> notes(std::string_view parser,
                                      std::string_view text,
                                      const config_replacements& wanted) {
  const auto made = edit_config(parser, text, wanted);
  REQUIRE(made);
  return made->notes;
}

inline std::string refusal(std::string_view parser, std::string_view text,
                           const config_replacements& wanted) {
  const auto made = edit_config(parser, text, wanted);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == jobs::fault_code::malformed);
  return made.error().what;
}

} // namespace alula::storage
