/// File names as text. Names are bytes; most are UTF-8, and those that are not
/// must survive every text format they pass through.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

/// RFC 4648, section 4, with its padding.
std::string to_base64(std::string_view bytes);

/// The bytes behind a base64 text; nothing when it is not the one that
/// to_base64 makes of them.
std::optional<std::string> from_base64(std::string_view text);

} // namespace alula::jobs
