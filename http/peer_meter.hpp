/// How fast each peer may ask without a good bearer: a token bucket per
/// address. Bounded: beyond 4,096 addresses the full buckets are forgotten.
#pragma once

#include "http/token_bucket.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace alula::http {

class peer_meter {
public:
  using clock = std::chrono::steady_clock;

  /// `per_second` 0 switches the meter off.
  peer_meter(double per_second, double burst);

  /// False when the peer has to wait. Loopback always passes.
  bool admits(const std::string& address, clock::time_point now);

  std::size_t known() const { return peers_.size(); }

private:
  void forget_full_ones(clock::time_point now);

  double per_second_, burst_;
  std::unordered_map<std::string, token_bucket> peers_;
};

bool is_loopback(std::string_view address);

} // namespace alula::http
