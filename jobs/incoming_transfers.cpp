#include "jobs/incoming_transfers.hpp"

#include <utility>

namespace alula::jobs {

void incoming_transfers::announce(std::string id, incoming_transfer what) {
  const std::scoped_lock lock{mutex_};
  waiting_.insert_or_assign(std::move(id), entry{std::move(what), false});
}

std::optional<incoming_transfer> incoming_transfers::take(std::string_view id) {
  const std::scoped_lock lock{mutex_};
  const auto found = waiting_.find(id);
  if (found == waiting_.end() || std::exchange(found->second.is_taken, true))
    return std::nullopt;
  return found->second.what;
}

bool incoming_transfers::is_waiting(std::string_view id) const {
  const std::scoped_lock lock{mutex_};
  const auto found = waiting_.find(id);
  return found != waiting_.end() && !found->second.what.body->is_hung_up();
}

void incoming_transfers::forget(std::string_view id) {
  const std::scoped_lock lock{mutex_};
  if (const auto found = waiting_.find(id); found != waiting_.end())
    waiting_.erase(found);
}

} // namespace alula::jobs
