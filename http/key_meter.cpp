#include "http/key_meter.hpp"

#include <algorithm>
#include <iterator>

namespace alula::http {

namespace {

constexpr std::size_t most_keys = 4'096;

} // namespace

key_meter::key_meter(double per_second, double burst)
  : per_second_(per_second), burst_(std::max(burst, 1.0)) {}

bool key_meter::admits(const std::string& key, clock::time_point now) {
  if (is_off())
    return true;
  auto found = keys_.find(key);
  if (found == keys_.end()) {
    if (keys_.size() >= most_keys)
      forget_full_ones(now);
    // Still full: that many are all busy, and each new one is refused until
    // some rest.
    if (keys_.size() >= most_keys)
      return false;
    found = keys_.emplace(key, token_bucket{per_second_, burst_, now}).first;
  }
  return found->second.take(now);
}

void key_meter::forget_full_ones(clock::time_point now) {
  for (auto it = keys_.begin(); it != keys_.end();)
    it = it->second.is_full(now) ? keys_.erase(it) : std::next(it);
}

} // namespace alula::http
