/// Times as the API writes and reads them (RFC 3339).
#pragma once

#include "jobs/ids.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

/// UTC with milliseconds, e.g. "2026-01-31T12:00:00.250Z".
std::string to_rfc3339(jobs::time_ms at);

/// An RFC 3339 date-time with any offset, or Unix milliseconds. Nothing for
/// everything else, leap seconds included.
std::optional<jobs::time_ms> parse_time(std::string_view text);

} // namespace alula::http
