/// The bytes of a tar, from the first to the last, and where among them one is.
#pragma once

#include "backup/byte_source.hpp"
#include "backup/tar_header.hpp"
#include "jobs/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace alula::backup {

using raw_block = std::array<std::byte, tar_block>;

/// Belongs to one thread. Faults: those of the source; what a tar may not be.
class tar_bytes {
public:
  /// `entry`: the path of the one that is read, or was last; empty before the
  /// first. Faults name it. Both outlive this.
  tar_bytes(byte_source& from, const std::string& entry)
    : from_(from), entry_(entry) {}

  /// False at the end of the source; else something is in the window.
  jobs::result<bool> fill();

  /// What is there and was not consumed; valid until the next fill().
  byte_view window() const { return window_; }

  /// The first `size` bytes of the window.
  void consume(std::size_t size);

  /// All of `into`, or the fault ends_early().
  jobs::status take(std::span<std::byte> into);
  jobs::status skip(std::uint64_t size);

  /// Of the first byte that was not consumed.
  std::uint64_t position() const { return position_; }

  jobs::fault ends_early() const;

  /// `what` is wrong at an offset.
  jobs::fault wrong(const std::string& what, std::uint64_t at) const;

private:
  byte_source& from_;
  const std::string& entry_;
  byte_view window_ = {};
  std::uint64_t position_ = 0;
};

/// Of a tar that has more of something than anybody needs: fault
/// archive_refused.
jobs::fault refused_tar(std::string what);

} // namespace alula::backup
