#include "actors/pool_pauses.hpp"

#include <mutex>
#include <utility>

namespace alula::actors {

void pool_pauses::fill(std::vector<jobs::pool_pause> standing) {
  for (const auto& one : standing)
    pause(one);
}

void pool_pauses::pause(const jobs::pool_pause& what) {
  const std::unique_lock lock{mutex_};
  paused_.try_emplace(what.pool, what);
  any_ = true;
}

void pool_pauses::resume(const std::string& pool) {
  const std::unique_lock lock{mutex_};
  paused_.erase(pool);
  any_ = !paused_.empty();
}

bool pool_pauses::is_paused(std::string_view pool) const {
  if (!any_)
    return false;
  const std::shared_lock lock{mutex_};
  return paused_.contains(pool);
}

std::optional<jobs::pool_pause> pool_pauses::find(std::string_view pool) const {
  if (!any_)
    return std::nullopt;
  const std::shared_lock lock{mutex_};
  const auto place = paused_.find(pool);
  return place == paused_.end() ? std::nullopt : std::optional{place->second};
}

} // namespace alula::actors
