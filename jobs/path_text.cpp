#include "jobs/path_text.hpp"

#include <cstdint>

namespace alula::jobs {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789+/";

/// The second byte's range makes the difference between well-formed text and
/// overlong forms, surrogates and numbers past U+10FFFF.
bool is_second_byte(unsigned char first, unsigned char second) {
  switch (first) {
  case 0xE0:
    return second >= 0xA0 && second <= 0xBF;
  case 0xED:
    return second >= 0x80 && second <= 0x9F;
  case 0xF0:
    return second >= 0x90 && second <= 0xBF;
  case 0xF4:
    return second >= 0x80 && second <= 0x8F;
  default:
    return second >= 0x80 && second <= 0xBF;
  }
}

} // namespace

bool is_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto first = at(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || text.size() - i < length
        || !is_second_byte(first, at(i + 1)))
      return false;
    for (std::size_t k = 2; k < length; ++k)
      if ((at(i + k) & 0xC0U) != 0x80)
        return false;
    i += length;
  }
  return true;
}

std::string to_base64(std::string_view text) {
  std::string out;
  out.reserve((text.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6)
      out += alphabet[(bits >> (held - 6)) & 63U];
  }
  if (held > 0)
    out += alphabet[(bits << (6 - held)) & 63U];
  out.append((3 - text.size() % 3) % 3, '=');
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i)
    text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((bits >> held) & 255U);
    }
  }
  // What is left over is none of a byte: one text for the same bytes.
  if ((bits & ((1U << held) - 1)) != 0)
    return std::nullopt;
  return out;
}

} // namespace alula::jobs
