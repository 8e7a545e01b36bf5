/// Which pools are paused, as it was committed last.
#pragma once

#include "jobs/pool_pause.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace alula::actors {

/// Any thread. Written on the ledger thread before whoever asked is told, so
/// that nothing begins after the answer.
class pool_pauses {
public:
  void fill(std::vector<jobs::pool_pause> standing);
  /// A pool that is paused stays as it is, as in the ledger.
  void pause(const jobs::pool_pause& what);
  void resume(const std::string& pool);

  bool is_paused(std::string_view pool) const;
  std::optional<jobs::pool_pause> find(std::string_view pool) const;

private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, jobs::pool_pause, std::less<>> paused_;
  std::atomic<bool> any_{false}; ///< what nearly every look is answered with
};

} // namespace alula::actors
