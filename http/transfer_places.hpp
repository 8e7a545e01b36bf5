/// Who may send and fetch large bodies now, as each holds descriptors.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace alula::http {

/// Places of transfers under way. A quarter of them, or one, may be those of
/// one server or system: a slow client keeps its place for days, and one user
/// has as many of those as links. Any thread.
class transfer_places : public std::enable_shared_from_this<transfer_places> {
public:
  explicit transfer_places(std::size_t most);

  /// Free again when the last copy goes. Fault: rate_limited, which says which
  /// of the two limits is reached.
  jobs::result<std::shared_ptr<void>> take(std::string_view whose);

private:
  jobs::status count(const std::string& whose);
  void give_back(const std::string& whose);

  const std::size_t most_, share_;
  std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t, std::less<>> taken_by_;
};

} // namespace alula::http
