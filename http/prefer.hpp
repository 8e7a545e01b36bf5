/// What the client prefers (RFC 7240): how long to wait, and whether it wants
/// to see the job.
#pragma once

#include "http/exchange.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace alula::http {

/// A write waits no longer than this, whatever is preferred: the Panel's HTTP
/// client gives up after 15 s.
inline constexpr std::chrono::seconds max_write_wait{10};

enum class return_preference { none, minimal, representation };

struct preferences {
  bool respond_async = false;
  std::optional<std::chrono::seconds> wait; ///< capped to max_write_wait
  return_preference body = return_preference::none;

  /// The value of `Preference-Applied`; empty when nothing was preferred.
  std::string applied() const;
};

/// Reads all `Prefer` headers. Preferences that are unknown or do not parse
/// are ignored, and of two alike the first one counts (RFC 7240, 2).
preferences read_preferences(const request& req);

} // namespace alula::http
