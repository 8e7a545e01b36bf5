/// Times as the API writes and reads them (RFC 3339).
#pragma once

#include "jobs/clock.hpp"

#include <optional>
#include <string_view>

namespace alula::http {

using jobs::to_rfc3339;

/// An RFC 3339 date-time with any offset, or Unix milliseconds. Nothing for
/// everything else, leap seconds included.
std::optional<jobs::time_ms> parse_time(std::string_view text);

} // namespace alula::http
