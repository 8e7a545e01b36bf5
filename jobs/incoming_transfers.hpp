/// Servers that other nodes are sending at this moment: the requests that bring
/// them, for the jobs that take them in (wings-protocol 2.18). In memory only:
/// after a crash no request is left, and a job that finds none knows that.
#pragma once

#include "jobs/body_pipe.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

/// One request, as the door has read its head.
struct incoming_transfer {
  std::shared_ptr<body_pipe> body;
  std::string boundary;     ///< of the multipart body
  std::int64_t length = -1; ///< of the body in bytes; -1: nobody knows
};

/// Any thread.
class incoming_transfers {
public:
  /// Before the job is submitted: its first step may begin at once. `id` names
  /// one request, once.
  void announce(std::string id, incoming_transfer what);
  /// Once per request, as its body can be read once; nothing when nobody sends
  /// that, or somebody has taken it.
  std::optional<incoming_transfer> take(std::string_view id);
  /// Whether the sender is still there and is told what becomes of it.
  bool is_waiting(std::string_view id) const;
  /// The request is answered.
  void forget(std::string_view id);

private:
  struct entry {
    incoming_transfer what;
    bool is_taken = false;
  };
  mutable std::mutex mutex_;
  std::map<std::string, entry, std::less<>> waiting_;
};

} // namespace alula::jobs
