/// Paths as a manifest has them. Names are bytes (jobs/path_text.hpp).
#pragma once

#include "jobs/path_text.hpp"

#include <string>
#include <string_view>

namespace alula::backup {

using jobs::from_base64;
using jobs::is_utf8;

/// A path as somebody asked for it, as the manifest has it.
std::string_view without_slashes(std::string_view path);

/// Appends `"key":"text"` as JSON; text that is not UTF-8 as `"key64":"…"`,
/// base64 of its bytes (RFC 4648, section 4).
void append_member(std::string& out, std::string_view key,
                   std::string_view text);

} // namespace alula::backup
