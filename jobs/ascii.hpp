/// Text as protocols know it: letters and blanks of ASCII, whatever the locale
/// of the process says.
#pragma once

#include <string>
#include <string_view>

namespace alula::jobs {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Without the blanks at both ends.
std::string_view trimmed(std::string_view text,
                         std::string_view blanks = " \t");

} // namespace alula::jobs
