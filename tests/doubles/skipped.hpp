/// How a test says that it cannot be told here.
#pragma once

#include <catch2/catch.hpp>

#include <string>

namespace alula::doubles {

/// `why_not`: empty when it can.
inline bool is_skipped(const std::string& why_not) {
  if (!why_not.empty())
    WARN("skipped: " << why_not);
  return !why_not.empty();
}

} // namespace alula::doubles
