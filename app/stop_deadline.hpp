/// The one grace a stop has, shared by all who need some of it.
#pragma once

#include <algorithm>
#include <chrono>

namespace alula::app {

class stop_deadline {
public:
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;

  explicit stop_deadline(milliseconds whole, clock::time_point now)
    : end_(now + whole), kept_(std::min(whole / 5, most_kept)) {}

  /// For running steps: they leave a fifth, at most a second, to the answers
  /// of those who wait for them.
  milliseconds for_steps(clock::time_point now) const {
    return left(end_ - kept_, now);
  }
  /// For the last answers: all that is left.
  milliseconds for_answers(clock::time_point now) const {
    return left(end_, now);
  }
  clock::time_point end() const { return end_; }

private:
  static constexpr milliseconds most_kept{1'000};

  static milliseconds left(clock::time_point until, clock::time_point now) {
    return std::max(milliseconds{0},
                    std::chrono::duration_cast<milliseconds>(until - now));
  }

  clock::time_point end_;
  milliseconds kept_;
};

} // namespace alula::app
