/// Lists in header fields and query parameters, and the way back into a URL.
#pragma once

#include "jobs/ascii.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

using jobs::trimmed;

/// The trimmed pieces between separators; empty pieces are left out.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string percent_encoded(std::string_view text);

} // namespace alula::http
