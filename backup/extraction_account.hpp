/// What an extraction has done so far, who hears of it, and whether it goes on.
#pragma once

#include "backup/extractor.hpp"

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace alula::backup {

/// Belongs to one thread.
class extraction_account {
public:
  /// Both outlive it.
  extraction_account(const extraction_settings& settings,
                     const std::stop_token& stop)
    : settings_(settings), stop_(stop) {}

  /// Fault interrupted.
  jobs::status look_at_stop() const;

  /// The first `max_notes` are kept, all are counted.
  void note(std::string_view path, std::string what);

  /// Fault interrupted, looked at as often as it is told.
  jobs::status count_bytes(std::size_t size);
  void count_file();

  void tell();

  /// At the end.
  jobs::extraction_made take() { return std::move(made_); }

private:
  const extraction_settings& settings_;
  const std::stop_token& stop_;
  std::uint64_t since_told_ = 0; ///< bytes
  jobs::extraction_made made_;
};

} // namespace alula::backup
