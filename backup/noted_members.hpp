/// Where the members of an archive without an index begin, found while it is
/// read. For the reader only.
#pragma once

#include "backup/member_pipeline.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace alula::backup {

/// Our own members have 1 MiB; an index that speaks of more is not used.
inline constexpr std::uint64_t most_in_member = std::size_t{8} * 1024 * 1024;
inline constexpr std::uint64_t most_of_archive =
    most_in_member + most_in_member / 16; ///< for one of them
/// Of those that are noted: 16 MiB of memory.
inline constexpr std::size_t most_noted = std::size_t{1} << 20;

/// Where members begin, as they are found front to back.
class noted_members {
public:
  /// One that an index could not speak of makes all of them useless.
  void add(const member_position& next);

  /// `end`: behind the last one. Empty when they are of no use.
  std::vector<member_position> up_to(const member_position& end) const;

private:
  bool fits_before(const member_position& next) const;
  void give_up();

  std::vector<member_position> found_;
  bool is_useless_ = false;
};

} // namespace alula::backup
