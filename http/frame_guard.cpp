#include "http/frame_guard.hpp"

#include <algorithm>

namespace alula::http {

namespace {

constexpr std::uint16_t protocol_error = 1002, unacceptable_data = 1003,
                        policy_violation = 1008, too_big = 1009;
constexpr unsigned continuation = 0, text = 1, binary = 2, close = 8, pong = 10;

} // namespace

frame_guard::frame_guard(const frame_limits& limits, clock::time_point now)
  : limits_(limits),
    frames_(limits.frames_per_second, limits.frames_burst, now) {}

std::size_t frame_guard::feed(std::string_view bytes, clock::time_point now) {
  std::size_t passed = 0;
  while (passed < bytes.size() && violation_ == 0) {
    if (payload_ > 0) {
      const auto part =
          std::min<std::uint64_t>(payload_, bytes.size() - passed);
      payload_ -= part;
      passed += static_cast<std::size_t>(part);
      continue;
    }
    header_[have_++] = static_cast<unsigned char>(bytes[passed]);
    if (have_ == 2)
      violation_ = frames_.take(now) ? judge_start() : policy_violation;
    if (violation_ == 0 && have_ >= 2 && have_ == header_size()) {
      violation_ = judge_length();
      have_ = 0;
    }
    if (violation_ == 0)
      ++passed;
  }
  return passed;
}

std::size_t frame_guard::header_size() const {
  const unsigned length = header_[1] & 0x7Fu;
  const std::size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
  return 2 + extended + 4;
}

/// What the first two bytes allow to say.
std::uint16_t frame_guard::judge_start() const {
  const bool last = (header_[0] & 0x80u) != 0;
  const unsigned opcode = header_[0] & 0x0Fu;
  if ((header_[0] & 0x70u) != 0 || (header_[1] & 0x80u) == 0)
    return protocol_error;
  if (opcode > binary && opcode < close)
    return protocol_error;
  if (opcode > pong)
    return protocol_error;
  if (opcode >= close)
    return last && (header_[1] & 0x7Fu) <= 125 ? 0 : protocol_error;
  if ((opcode == continuation) != in_message_)
    return protocol_error;
  return opcode == binary ? unacceptable_data : 0;
}

/// The header is complete: take the length, or refuse it.
std::uint16_t frame_guard::judge_length() {
  const unsigned short_length = header_[1] & 0x7Fu;
  std::uint64_t length = short_length;
  if (short_length >= 126) {
    length = 0;
    const std::size_t end = short_length == 126 ? 4 : 10;
    for (std::size_t i = 2; i < end; ++i)
      length = length << 8 | header_[i];
  }
  if ((header_[0] & 0x0Fu) < close) {
    if (length > limits_.message || message_ + length > limits_.message)
      return too_big;
    in_message_ = (header_[0] & 0x80u) == 0;
    message_ = in_message_ ? message_ + length : 0;
  }
  saw_close_ = saw_close_ || (header_[0] & 0x0Fu) == close;
  payload_ = length;
  return 0;
}

} // namespace alula::http
