#include "http/transfer_places.hpp"

#include <algorithm>
#include <utility>

namespace alula::http {

using jobs::fault;
using jobs::fault_code;

transfer_places::transfer_places(std::size_t most)
  : most_(most), share_(std::max<std::size_t>(1, most / 4)) {}

jobs::result<std::shared_ptr<void>>
transfer_places::take(std::string_view whose) {
  std::string name{whose};
  if (const auto counted = count(name); !counted)
    return counted.error();
  // Behind the lock: without memory for it, the place is given back at once.
  return std::shared_ptr<void>{
      static_cast<void*>(this),
      [self = shared_from_this(), name = std::move(name)](void*) {
        self->give_back(name);
      }};
}

jobs::status transfer_places::count(const std::string& whose) {
  const std::lock_guard lock{mutex_};
  if (taken_ >= most_)
    return fault{.code = fault_code::rate_limited,
                 .what =
                     "as many transfers are under way as this node has at a "
                     "time: "
                     + std::to_string(most_)};
  if (const auto own = taken_by_.find(whose);
      own != taken_by_.end() && own->second >= share_)
    return fault{.code = fault_code::rate_limited,
                 .what = "as many transfers of this server or system are under "
                         "way as one may have: "
                         + std::to_string(share_) + " of the node's "
                         + std::to_string(most_)};
  ++taken_by_[whose]; // first, as it may throw
  ++taken_;
  return {};
}

void transfer_places::give_back(const std::string& whose) {
  const std::lock_guard lock{mutex_};
  --taken_;
  const auto own = taken_by_.find(whose);
  if (--own->second == 0)
    taken_by_.erase(own);
}

} // namespace alula::http
