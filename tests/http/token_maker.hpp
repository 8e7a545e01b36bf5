/// Signs tokens as a Panel does, and as it never would.
#pragma once

#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace alula::http {

inline std::string base64url(std::string_view bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) {
      count -= 6;
      out += digits[(bits >> count) & 63];
    }
  }
  if (count > 0)
    out += digits[(bits << (6 - count)) & 63];
  return out;
}

/// The two parts as they are, and an HMAC-SHA-256 over them.
inline std::string sign_parts(std::string_view head, std::string_view body,
                              std::string_view key) {
  const auto content = base64url(head) + "." + base64url(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(),
       mac.data(), &size);
  return content + "."
         + base64url({reinterpret_cast<const char*>(mac.data()), size});
}

inline std::string sign(const nlohmann::json& claims, std::string_view key) {
  return sign_parts(R"({"typ":"JWT","alg":"HS256"})", claims.dump(), key);
}

} // namespace alula::http
