/// Which paths stay out of a backup. The syntax is Wings', which is not git's;
/// users' patterns depend on it to the letter (wings-protocol 7.4, trap 70).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// Compiled once per backup, then asked from one thread at a time. Memory and
/// time are bounded: patterns over the limits below are dropped like those
/// Wings cannot compile, and a list that takes too long to match is exhausted.
class ignore_rules {
public:
  /// Longer texts are cut at a line; as much as a request may bring.
  static constexpr std::size_t max_text = std::size_t{64} * 1024;
  static constexpr std::size_t max_rules = 1024;
  static constexpr std::size_t max_pattern = 512;
  /// Of all texts together: patterns that need a regular expression, which cost
  /// memory. Names and stars do not.
  static constexpr std::size_t max_expressions = 32;

  ignore_rules();
  /// One pattern per line.
  explicit ignore_rules(std::string_view text);
  ~ignore_rules();
  ignore_rules(ignore_rules&&) noexcept;
  ignore_rules& operator=(ignore_rules&&) noexcept;

  /// More patterns, after those that are there; the limits are each text's own.
  void add(std::string_view text);

  /// `path` is relative to the server's root, '/' between names, of something
  /// that is not a directory: Wings never tests those and never prunes.
  bool is_ignored(std::string_view path) const;

  /// Too much time went into the patterns for the number of paths asked about:
  /// only a list made for that gets there. The answers stay right.
  bool is_exhausted() const { return steps_ > steps_allowed_; }

  bool empty() const { return rules_.empty(); }
  /// Lines that could not be compiled and were dropped, for the job's result.
  const std::vector<std::string>& dropped() const { return dropped_; }

private:
  struct rule;
  std::vector<rule> rules_;
  std::vector<std::string> dropped_;
  std::size_t expressions_ = 0;
  mutable std::uint64_t steps_ = 0;
  mutable std::uint64_t steps_allowed_ = 10'000'000;
};

} // namespace alula::backup
