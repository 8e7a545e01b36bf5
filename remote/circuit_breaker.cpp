#include "remote/circuit_breaker.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using std::chrono::milliseconds;

namespace {

/// The key of the circuit that all calls share while nobody answers.
const std::string everyone;

std::string in_ms(std::chrono::steady_clock::duration time) {
  return std::to_string(std::chrono::ceil<milliseconds>(time).count()) + " ms";
}

fault open_fault(const std::string& key, int hung, const std::string& left) {
  const auto who =
      key.empty() ? "dockerd" : "dockerd, asked about " + key + ",";
  return {fault_code::docker_unavailable,
          who + " has not answered " + std::to_string(hung)
              + " times in a row; it is asked again in " + left};
}

fault taken_fault(const std::string& key, const std::string& age) {
  if (key.empty())
    return {fault_code::docker_unavailable,
            "dockerd does not answer; one call has been trying for " + age};
  return {fault_code::container_busy, "another call about container " + key
                                          + " has been under way for " + age};
}

} // namespace

// -- pass --------------------------------------------------------------------

circuit_breaker::pass::pass(pass&& other) noexcept
  : owner_(std::exchange(other.owner_, nullptr)), keys_(std::move(other.keys_)),
    verdict_(other.verdict_) {}

circuit_breaker::pass::~pass() {
  if (owner_ != nullptr)
    owner_->leave(keys_, verdict_);
}

void circuit_breaker::pass::answered() {
  verdict_ = verdict::answered;
  owner_->end_silence();
}

void circuit_breaker::pass::hung() {
  verdict_ = verdict::hung;
}

// -- breaker -----------------------------------------------------------------

std::vector<std::string> circuit_breaker::keys_for(std::string_view key) const {
  std::vector<std::string> keys;
  if (hung_in_a_row_ >= settings_.silence)
    keys.push_back(everyone);
  if (!key.empty())
    keys.emplace_back(key);
  return keys;
}

jobs::result<circuit_breaker::pass>
circuit_breaker::enter(std::string_view key, const std::stop_token& stop) {
  std::unique_lock guard{mutex_};
  for (;;) {
    if (stop.stop_requested())
      return fault{fault_code::interrupted, "asked to stop"};
    const auto now = clock::now();
    auto keys = keys_for(key);
    const circuit* in_the_way = nullptr;
    for (const auto& k : keys) {
      const auto found = circuits_.find(k);
      if (found == circuits_.end())
        continue;
      const auto& c = found->second;
      if (now < c.open_until)
        return open_fault(k, c.hung_in_a_row, in_ms(c.open_until - now));
      if (!c.taken)
        continue;
      if (now - c.taken_at >= settings_.patience)
        return taken_fault(k, in_ms(now - c.taken_at));
      if (in_the_way == nullptr || c.taken_at < in_the_way->taken_at)
        in_the_way = &c;
    }
    if (in_the_way == nullptr) {
      for (const auto& k : keys) {
        auto& c = circuits_[k];
        c.taken = true;
        c.taken_at = now;
      }
      return pass{*this, std::move(keys)};
    }
    // Any pass that ends may be the one in the way: look again.
    const auto until = in_the_way->taken_at + settings_.patience;
    left_.wait_until(guard, stop, until,
                     [this, seen = ends_] { return ends_ != seen; });
  }
}

void circuit_breaker::end_silence() {
  {
    const std::lock_guard guard{mutex_};
    if (hung_in_a_row_ == 0)
      return;
    // Who hung before the silence was most likely its victim.
    if (hung_in_a_row_ >= settings_.silence)
      std::erase_if(circuits_, [](const auto& entry) {
        return entry.first.empty() || !entry.second.taken;
      });
    hung_in_a_row_ = 0;
    ++ends_;
  }
  left_.notify_all();
}

void circuit_breaker::punish(const std::string& key, circuit& c,
                             clock::time_point now) {
  // Doubling six times is beyond any sensible ratio of the two settings.
  const auto doublings = key.empty() ? 0 : std::min(c.hung_in_a_row, 16);
  const auto pause = std::min(settings_.first_pause * (1 << doublings),
                              settings_.longest_pause);
  if (c.hung_in_a_row++ == 0)
    c.hung_since = now;
  c.open_until = now + pause;
  jobs::log(jobs::log_level::warning, "container-unresponsive",
            {{"container", key.empty() ? "(all)" : key},
             {"times", c.hung_in_a_row},
             {"paused_ms", static_cast<std::int64_t>(pause.count())}});
}

void circuit_breaker::leave(const std::vector<std::string>& keys,
                            pass::verdict verdict) {
  {
    const std::lock_guard guard{mutex_};
    const auto now = clock::now();
    if (verdict == pass::verdict::hung)
      hung_in_a_row_ = std::min(hung_in_a_row_ + 1, settings_.silence);
    ++ends_;
    for (const auto& key : keys) {
      const auto found = circuits_.find(key);
      if (found == circuits_.end())
        continue;
      auto& c = found->second;
      c.taken = false;
      if (verdict == pass::verdict::hung)
        punish(key, c, now);
      if (verdict == pass::verdict::answered || c.hung_in_a_row == 0)
        circuits_.erase(found);
    }
    forget_some();
  }
  left_.notify_all();
}

void circuit_breaker::forget_some() {
  while (circuits_.size() > settings_.remembered) {
    auto oldest = circuits_.end();
    for (auto i = circuits_.begin(); i != circuits_.end(); ++i)
      if (!i->second.taken
          && (oldest == circuits_.end()
              || i->second.open_until < oldest->second.open_until))
        oldest = i;
    if (oldest == circuits_.end())
      return; // as many calls under way: bounded by the workers
    circuits_.erase(oldest);
  }
}

std::vector<std::string> circuit_breaker::unresponsive() const {
  const std::lock_guard guard{mutex_};
  std::vector<std::string> keys;
  for (const auto& [key, c] : circuits_)
    if (!key.empty() && c.hung_in_a_row > 0)
      keys.push_back(key);
  return keys;
}

std::optional<circuit_breaker::silence>
circuit_breaker::silence_of(std::string_view key) const {
  const std::lock_guard guard{mutex_};
  const auto found = circuits_.find(key);
  if (found == circuits_.end() || found->second.hung_in_a_row == 0)
    return std::nullopt;
  return silence{found->second.hung_in_a_row,
                 std::chrono::duration_cast<milliseconds>(
                     clock::now() - found->second.hung_since)};
}

} // namespace alula::remote
