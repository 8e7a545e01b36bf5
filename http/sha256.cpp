#include "http/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

namespace alula::http {

namespace {

constexpr std::size_t digest_size = 32;
using digest = std::array<unsigned char, digest_size>;

std::string text_of(const digest& bytes) {
  return {bytes.begin(), bytes.end()};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

std::string sha256(std::string_view text) {
  digest out{};
  if (EVP_Digest(text.data(), text.size(), out.data(), nullptr, EVP_sha256(),
                 nullptr)
      != 1)
    throw std::runtime_error("OpenSSL cannot make a SHA-256 digest");
  return text_of(out);
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  digest out{};
  unsigned length = digest_size;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           bytes_of(text), text.size(), out.data(), &length)
      == nullptr)
    throw std::runtime_error("OpenSSL cannot make an HMAC");
  return text_of(out);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {hex[byte >> 4U], hex[byte & 15U]};
  }
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size()
         && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace alula::http
