#include "http/peer_meter.hpp"

#include <algorithm>
#include <iterator>

namespace alula::http {

namespace {

constexpr std::size_t max_peers = 4'096;

} // namespace

bool is_loopback(std::string_view address) {
  return address.substr(0, 4) == "127." || address == "::1"
         || address.substr(0, 11) == "::ffff:127.";
}

peer_meter::peer_meter(double per_second, double burst)
  : per_second_(per_second), burst_(std::max(burst, 1.0)) {}

bool peer_meter::admits(const std::string& address, clock::time_point now) {
  if (per_second_ <= 0 || is_loopback(address))
    return true;
  auto found = peers_.find(address);
  if (found == peers_.end()) {
    if (peers_.size() >= max_peers)
      forget_full_ones(now);
    // Still full: that many peers are all busy, and each new one is refused
    // until some rest.
    if (peers_.size() >= max_peers)
      return false;
    found =
        peers_.emplace(address, token_bucket{per_second_, burst_, now}).first;
  }
  return found->second.take(now);
}

void peer_meter::forget_full_ones(clock::time_point now) {
  for (auto it = peers_.begin(); it != peers_.end();) {
    it = it->second.is_full(now) ? peers_.erase(it) : std::next(it);
  }
}

} // namespace alula::http
