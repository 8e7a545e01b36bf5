/// What the kernel says of this process, its threads and what it has read.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <linux/ioprio.h>
#include <set>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

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

/// Of this file, whoever has read it.
inline std::size_t pages_in_memory(int fd) {
  struct stat seen {};
  REQUIRE(::fstat(fd, &seen) == 0);
  const auto size = static_cast<std::size_t>(seen.st_size);
  auto* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  REQUIRE(at != MAP_FAILED);
  std::vector<unsigned char> pages((size + 4095) / 4096);
  REQUIRE(::mincore(at, size, pages.data()) == 0);
  ::munmap(at, size);
  return static_cast<std::size_t>(
      std::ranges::count_if(pages, [](auto it) { return (it & 1) != 0; }));
}

} // namespace alula::backup
