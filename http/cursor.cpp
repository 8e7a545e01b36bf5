#include "http/cursor.hpp"

#include "http/sha256.hpp"

#include <array>

namespace alula::http {

namespace {

// version(1) + before(8) + filters(9) + seal(24) = 42 bytes: a multiple of
// three, so base64 needs no padding.
constexpr char version = 1;
constexpr std::size_t before_size = 8, filters_size = 9, seal_size = 24;
constexpr std::size_t body_size = 1 + before_size + filters_size;
constexpr std::size_t text_size = (body_size + seal_size) / 3 * 4;
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Of whole groups of three bytes only.
std::string to_base64url(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | static_cast<unsigned char>(bytes[i + k]);
    for (const unsigned shift : {18U, 12U, 6U, 0U})
      out += alphabet[group >> shift & 63U];
  }
  return out;
}

/// Empty when a character is none of the alphabet's.
std::string from_base64url(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 3 < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto value = alphabet.find(text[i + k]);
      if (value == std::string_view::npos)
        return {};
      group = group << 6U | static_cast<std::uint32_t>(value);
    }
    for (const unsigned shift : {16U, 8U, 0U})
      out += static_cast<char>(group >> shift & 255U);
  }
  return out;
}

} // namespace

cursor_seal::cursor_seal(std::string_view secret)
  : key_(hmac_sha256(secret, "alula list cursor v1")) {}

std::string cursor_seal::make(std::int64_t before,
                              std::string_view filters) const {
  const auto text = body(before, filters);
  return to_base64url(text + seal(text));
}

std::optional<std::int64_t> cursor_seal::open(std::string_view cursor,
                                              std::string_view filters) const {
  if (cursor.size() != text_size)
    return std::nullopt;
  const auto bytes = from_base64url(cursor);
  if (bytes.size() != body_size + seal_size)
    return std::nullopt;
  const auto text = std::string_view{bytes}.substr(0, body_size);
  if (!equal_in_constant_time(seal(text), bytes.substr(body_size)))
    return std::nullopt;
  std::uint64_t before = 0;
  for (const char c : text.substr(1, before_size))
    before = before << 8U | static_cast<unsigned char>(c);
  const auto row = static_cast<std::int64_t>(before);
  return body(row, filters) == text ? std::optional{row} : std::nullopt;
}

std::string cursor_seal::body(std::int64_t before,
                              std::string_view filters) const {
  std::string out{version};
  const auto row = static_cast<std::uint64_t>(before);
  for (unsigned shift = 64; shift > 0; shift -= 8)
    out += static_cast<char>(row >> (shift - 8) & 255U);
  return out + sha256(filters).substr(0, filters_size);
}

std::string cursor_seal::seal(std::string_view body) const {
  return hmac_sha256(key_, body).substr(0, seal_size);
}

} // namespace alula::http
