#include "jobs/ids.hpp"

#include <array>
#include <cstddef>
#include <random>
#include <sys/random.h>

namespace alula::jobs {

namespace {

using uuid_bytes = std::array<std::uint8_t, 16>;

uuid_bytes random_bytes() {
  uuid_bytes bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0)
      != static_cast<ssize_t>(bytes.size())) {
    std::random_device source;
    for (auto& byte : bytes)
      byte = static_cast<std::uint8_t>(source());
  }
  return bytes;
}

void set_version(uuid_bytes& bytes, std::uint8_t version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | (version << 4));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
}

std::string to_text(const uuid_bytes& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      text += '-';
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 0x0F];
  }
  return text;
}

} // namespace

job_id make_job_id(time_ms now) {
  auto bytes = random_bytes();
  for (int i = 0; i < 6; ++i)
    bytes[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(now >> (40 - 8 * i));
  set_version(bytes, 7);
  return *job_id::parse(to_text(bytes));
}

time_ms created_at(const job_id& id) {
  time_ms at = 0;
  std::size_t digits = 0;
  for (const char c : id.view()) {
    if (c == '-')
      continue;
    if (digits++ == 12)
      break;
    at = at * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return at;
}

std::string make_random_uuid() {
  auto bytes = random_bytes();
  set_version(bytes, 4);
  return to_text(bytes);
}

} // namespace alula::jobs
