/// How fast each peer may ask without a good bearer: a token bucket per
/// IPv4 address or IPv6 /64.
#pragma once

#include "http/key_meter.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace alula::http {

class peer_meter {
public:
  using clock = key_meter::clock;

  /// `per_second` 0 switches the meter off.
  peer_meter(double per_second, double burst) : meter_(per_second, burst) {}

  /// False when the peer has to wait. Loopback always passes.
  bool admits(const std::string& address, clock::time_point now);

  std::size_t known() const { return meter_.known(); }

private:
  key_meter meter_;
};

bool is_loopback(std::string_view address);

} // namespace alula::http
