/// Small reading of URLs and header fields (RFC 3986, RFC 9110), and writing of
/// JSON pointers.
#pragma once

#include "jobs/ascii.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

/// Header names and tokens are ASCII.
using jobs::equal_ignoring_case;

/// Undoes %XX. Nothing when a percent sign is not followed by two hexadecimal
/// digits. `+` stays a plus: in a path it is one.
std::optional<std::string> percent_decode(std::string_view text);

/// The pairs of `a=1&b=2`, decoded, `+` being a space. A broken escape stays as
/// it was sent. Empty pairs are dropped.
std::vector<std::pair<std::string, std::string>>
parse_query(std::string_view query);

struct request_target {
  std::string_view path;  ///< raw; "*" for the whole server
  std::string_view query; ///< raw, without the question mark
};

/// Takes a request target apart (RFC 9112, 3.2): origin form, absolute form,
/// asterisk form. A fragment, which no client should send, is dropped.
request_target split_target(std::string_view target);

/// A key as it stands in a JSON pointer (RFC 6901, 3).
std::string escape_pointer(std::string_view key);

/// True when `token` is one of the comma separated words of a field.
bool has_token(std::string_view field, std::string_view token);

} // namespace alula::http
