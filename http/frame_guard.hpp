/// Reads the headers of websocket frames (RFC 6455, 5.2) before the library
/// does: the library allocates whatever length a header announces.
#pragma once

#include "http/token_bucket.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace alula::http {

struct frame_limits {
  std::size_t message = 64 * 1'024; ///< bytes, all fragments together
  double frames_per_second = 50;    ///< of every kind, sustained
  double frames_burst = 200;
};

class frame_guard {
public:
  using clock = std::chrono::steady_clock;

  frame_guard(const frame_limits& limits, clock::time_point now);

  /// Returns how many of `bytes` may be handed on. Fewer than given only when
  /// violation() is set; the header that breaks a rule is never handed on
  /// whole, so nobody can act on it.
  std::size_t feed(std::string_view bytes, clock::time_point now);

  /// The close code of RFC 6455, 7.4.1 that fits: 1002 (protocol, unmasked),
  /// 1003 (binary), 1008 (too many frames), 1009 (too big); 0 for none.
  std::uint16_t violation() const { return violation_; }

  /// The peer has sent a close frame.
  bool saw_close() const { return saw_close_; }

private:
  std::size_t header_size() const;
  std::uint16_t judge_start() const;
  std::uint16_t judge_length();

  const frame_limits& limits_;
  std::array<unsigned char, 14> header_{};
  std::size_t have_ = 0;      ///< bytes of the header
  std::uint64_t payload_ = 0; ///< bytes of the payload still to come
  std::uint64_t message_ = 0; ///< bytes of the message so far
  bool in_message_ = false;   ///< a fragment was not the last one
  token_bucket frames_;
  bool saw_close_ = false;
  std::uint16_t violation_ = 0;
};

} // namespace alula::http
