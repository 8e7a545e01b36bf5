#include "backup/page_cache.hpp"

#include "backup/file_descriptor.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

namespace alula::backup {

std::uint64_t memory_available_in(std::string_view meminfo) {
  constexpr std::string_view name = "MemAvailable:";
  constexpr std::uint64_t unit = 1024;
  const auto at = meminfo.find(name);
  if (at == std::string_view::npos)
    return 0;
  auto rest = meminfo.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::uint64_t units = 0;
  const auto read =
      std::from_chars(rest.data(), rest.data() + rest.size(), units);
  return read.ec == std::errc{} ? units * unit : 0;
}

bool may_stay_in_cache(std::uint64_t size) {
  // It stands in one of the first lines.
  std::array<char, 1024> text{};
  const file_descriptor fd{::open("/proc/meminfo", O_RDONLY | O_CLOEXEC)};
  const auto got =
      fd.is_open() ? ::read(fd.get(), text.data(), text.size()) : 0;
  return may_stay_in_cache(
      size, memory_available_in(
                {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0}));
}

} // namespace alula::backup
