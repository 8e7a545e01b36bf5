/// What the kernel says of this process and its threads.
#pragma once

#include <algorithm>
#include <filesystem>
#include <linux/ioprio.h>
#include <set>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace alula::backup {

/// Of this thread (ioprio_get(2)).
inline long io_priority() {
  return ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}
constexpr long idle_priority = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
constexpr long last_priority = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7);

/// Threads that were started since this was made, counted as often as look()
/// is called. Those that were there stay out by their names: the kernel shows a
/// thread for a moment after it was joined.
class new_threads {
public:
  void look() {
    std::size_t now = 0;
    for (const auto& each : all())
      now += before_.contains(each) ? 0 : 1;
    most_ = std::max(most_, now);
  }
  std::size_t most() const { return most_; }

private:
  static std::set<std::string> all() {
    std::set<std::string> out;
    for (const auto& each :
         std::filesystem::directory_iterator{"/proc/self/task"})
      out.insert(each.path().filename().string());
    return out;
  }

  std::set<std::string> before_ = all();
  std::size_t most_ = 0;
};

} // namespace alula::backup
