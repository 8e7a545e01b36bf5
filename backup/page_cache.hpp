/// How much of the page cache may be taken for what is read again soon.
#pragma once

#include <cstdint>
#include <string_view>

namespace alula::backup {

/// `MemAvailable` of a text like /proc/meminfo, in bytes: what the kernel can
/// give without swapping. 0 when it does not stand there.
std::uint64_t memory_available_in(std::string_view meminfo);

/// Whether a file of this size may stay in the page cache from one reading to
/// the next, or would push other people's pages out: it takes at most a quarter
/// of the memory that is available, and the kernel gives such pages up first.
/// False when nobody knows how much that is.
constexpr bool may_stay_in_cache(std::uint64_t size, std::uint64_t available) {
  return size <= available / 4;
}

/// The same, of the memory of this machine now.
bool may_stay_in_cache(std::uint64_t size);

} // namespace alula::backup
