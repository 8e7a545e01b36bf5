/// Remote downloads into servers that are under way. The features that start
/// one register how to cancel it; a delete cancels them all.
#pragma once

#include "jobs/ids.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace alula::jobs {

/// Any thread may call any method.
class downloads {
public:
  /// Ends the registration when it goes out of scope.
  class registration {
  public:
    registration() = default;
    registration(downloads& owner, std::uint64_t key)
      : owner_(&owner), key_(key) {}
    registration(registration&& other) noexcept;
    registration& operator=(registration&& other) noexcept;
    ~registration();

  private:
    downloads* owner_ = nullptr;
    std::uint64_t key_ = 0;
  };

  /// `cancel` must not block and may be called while the download ends.
  [[nodiscard]] registration add(const server_id& server,
                                 std::function<void()> cancel);

  /// Asks every pending download of the server to stop; how many there were.
  std::size_t cancel_all(const server_id& server);

private:
  struct pending {
    server_id server;
    std::function<void()> cancel;
  };
  std::mutex mutex_;
  std::uint64_t next_key_ = 1;
  std::map<std::uint64_t, pending> pending_;
};

} // namespace alula::jobs
