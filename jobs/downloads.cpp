#include "jobs/downloads.hpp"

#include <utility>
#include <vector>

namespace alula::jobs {

downloads::registration::registration(registration&& other) noexcept
  : owner_(std::exchange(other.owner_, nullptr)), key_(other.key_) {}

downloads::registration&
downloads::registration::operator=(registration&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(key_, other.key_);
  return *this;
}

downloads::registration::~registration() {
  if (!owner_)
    return;
  const std::lock_guard guard{owner_->mutex_};
  owner_->pending_.erase(key_);
}

downloads::registration downloads::add(const server_id& server,
                                       std::function<void()> cancel) {
  const std::lock_guard guard{mutex_};
  const auto key = next_key_++;
  pending_.emplace(key, pending{server, std::move(cancel)});
  return {*this, key};
}

std::size_t downloads::cancel_all(const server_id& server) {
  std::vector<std::function<void()>> to_cancel;
  {
    const std::lock_guard guard{mutex_};
    for (const auto& [key, download] : pending_)
      if (download.server == server)
        to_cancel.push_back(download.cancel);
  }
  // Outside the lock: a cancelled download may end its registration at once.
  for (const auto& cancel : to_cancel)
    cancel();
  return to_cancel.size();
}

} // namespace alula::jobs
