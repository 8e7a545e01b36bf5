/// Keeps one hung container from taking every worker with it (user-pains A16,
/// C5 D10). Knows nothing of Docker: a key, a call about it, and whether an
/// answer came.
///
/// A circuit is one key's state:
///
///             enter                hung
///   closed ──────────▶ taken ──────────────▶ open
///     ▲                  │ answered            │ pause over, next enter
///     └──────────────────┘◀───────(taken)──────┘
///
/// * One call at a time per key. Others wait for their turn, but no longer than
///   until the call under way is `patience` old: it may be hung then, and they
///   are refused with `container_busy`. So a key without an answer holds one
///   worker for the call's own limit and any other for at most `patience`.
/// * After a hung call the circuit is open: everyone is refused at once with
///   `docker_unavailable` until the pause is over, then one call may try. The
///   pause doubles with each hung call in a row, up to `longest_pause`.
/// * After `silence` hung calls in a row, whatever their keys, nobody is
///   presumed to be alive behind them: until the next answer, calls about all
///   keys together go one at a time, with `first_pause` between two that hang.
///   That answer closes every circuit: the silence explains them.
/// * Calls about no key in particular (lists) have no circuit of their own;
/// they
///   only count towards the silence and obey it.
#pragma once

#include "jobs/result.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

struct circuit_settings {
  std::chrono::milliseconds patience{500};
  std::chrono::milliseconds first_pause{5'000};
  std::chrono::milliseconds longest_pause{30'000};
  int silence = 3;
  /// Keys without a call under way that are remembered; beyond it the one whose
  /// pause ended or ends first is forgotten.
  std::size_t remembered = 1'024;
};

/// Safe from any thread; outlives its passes.
class circuit_breaker {
public:
  explicit circuit_breaker(circuit_settings settings) : settings_(settings) {}
  circuit_breaker(const circuit_breaker&) = delete;
  circuit_breaker& operator=(const circuit_breaker&) = delete;

  /// The right to make calls about one key, given back on destruction. Without
  /// a verdict (the caller was told to stop) the circuit stays as it was.
  class pass {
  public:
    pass(pass&& other) noexcept;
    pass& operator=(pass&&) = delete;
    ~pass();
    void answered(); ///< ends a silence at once
    void hung();

  private:
    friend class circuit_breaker;
    pass(circuit_breaker& owner, std::vector<std::string> keys)
      : owner_(&owner), keys_(std::move(keys)) {}
    enum class verdict { none, answered, hung };
    circuit_breaker* owner_;
    std::vector<std::string> keys_;
    verdict verdict_ = verdict::none;
  };

  /// Blocks for at most `patience`. `key` is empty for a call about no key in
  /// particular. Faults: container_busy, docker_unavailable, interrupted.
  jobs::result<pass> enter(std::string_view key, const std::stop_token& stop);

  /// Keys whose last call hung, in order; for health reports.
  std::vector<std::string> unresponsive() const;

  struct silence {
    int calls;                        ///< that hung in a row
    std::chrono::milliseconds lasted; ///< since the first of them hung
  };
  /// Nothing when the last call about the key was answered.
  std::optional<silence> silence_of(std::string_view key) const;

private:
  using clock = std::chrono::steady_clock;
  struct circuit {
    bool taken = false;
    int hung_in_a_row = 0;
    clock::time_point taken_at = {};
    clock::time_point open_until = {};
    clock::time_point hung_since = {};
  };

  std::vector<std::string> keys_for(std::string_view key) const;
  void end_silence();
  void leave(const std::vector<std::string>& keys, pass::verdict verdict);
  void punish(const std::string& key, circuit& c, clock::time_point now);
  void forget_some();

  const circuit_settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable_any left_;
  std::map<std::string, circuit, std::less<>> circuits_;
  int hung_in_a_row_ = 0;  ///< over all keys
  std::uint64_t ends_ = 0; ///< passes that ended, or ended a silence
};

} // namespace alula::remote
