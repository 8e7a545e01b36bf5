/// SHA-256 as the door needs it: the fingerprint of a request, the seal of a
/// cursor. What tokens are signed with is looked at by jwt.hpp and issuer.hpp.
#pragma once

#include <string>
#include <string_view>

namespace alula::http {

/// 32 raw bytes. Throws std::runtime_error when OpenSSL cannot (out of memory).
std::string sha256(std::string_view text);

/// HMAC-SHA-256 (RFC 2104), 32 raw bytes. Throws as sha256.
std::string hmac_sha256(std::string_view key, std::string_view text);

/// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);

/// In a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

} // namespace alula::http
