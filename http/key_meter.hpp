/// How fast each of many may ask: a token bucket per key. Bounded: beyond 4,096
/// keys the full buckets are forgotten.
#pragma once

#include "http/token_bucket.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

namespace alula::http {

/// One thread at a time.
class key_meter {
public:
  using clock = std::chrono::steady_clock;

  /// `per_second` 0 switches the meter off.
  key_meter(double per_second, double burst);

  /// False when the key has to wait, also a new one while all the others are
  /// busy.
  bool admits(const std::string& key, clock::time_point now);

  bool is_off() const { return per_second_ <= 0; }
  std::size_t known() const { return keys_.size(); }

private:
  void forget_full_ones(clock::time_point now);

  double per_second_, burst_;
  std::unordered_map<std::string, token_bucket> keys_;
};

} // namespace alula::http
