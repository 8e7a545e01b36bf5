/// What dockerd says while it gets an image. No I/O.
#pragma once

#include "remote/docker_text.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace alula::remote {

/// Takes the stream of POST /images/create as it comes.
class pull_progress {
public:
  using clock = std::chrono::steady_clock;
  /// `tell` hears "5f70bf18a086 Downloading 12.5MB/40.1MB": every change of
  /// what a layer is at, and how far it is once a second.
  explicit pull_progress(std::function<void(std::string_view)> tell)
    : tell_(std::move(tell)) {}

  /// False when these are no records; nothing is read any more.
  bool take(std::string_view bytes, clock::time_point now = clock::now());

  /// The first error in the stream; empty when there was none.
  const std::string& error() const { return error_; }

private:
  void read(std::string_view record, clock::time_point now);

  std::function<void(std::string_view)> tell_;
  record_cutter records_{std::size_t{1} << 20};
  std::string error_;
  std::map<std::string, std::string> at_; ///< by layer
  clock::time_point told_{};
};

} // namespace alula::remote
