/// Values of answers in JSON, and their text.
#pragma once

#include "jobs/clock.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace alula::http {

/// On one line. What is not UTF-8 has U+FFFD in its place: an answer is never
/// refused for a name in it.
std::string text_of(const nlohmann::ordered_json& value);

/// As RFC 3339; null for 0, which is never.
nlohmann::ordered_json time_or_null(jobs::time_ms at);

/// Null for an empty one.
nlohmann::ordered_json text_or_null(std::string_view text);

} // namespace alula::http
