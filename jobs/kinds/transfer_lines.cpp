#include "jobs/kinds/transfer_lines.hpp"

#include "jobs/full_disk.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace alula::jobs {

std::string transfer_line(std::string_view side, std::string_view text,
                          time_ms now) {
  const auto second = static_cast<std::time_t>(now / 1'000);
  std::tm local{};
  localtime_r(&second, &local);
  std::array<char, 64> when{};
  // RFC 1123; the C locale is never changed by alula.
  const auto size = std::strftime(when.data(), when.size(),
                                  "%a, %d %b %Y %H:%M:%S %Z", &local);
  std::string line = "\x1b[33m\x1b[1m";
  line.append(when.data(), size).append(" [Transfer System] [");
  line.append(side).append(" Node]:\x1b[39m ").append(text);
  return line + "\x1b[0m";
}

std::string upload_bar(std::int64_t done, std::int64_t total) {
  constexpr double cells = 25;
  const auto share =
      total <= 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
  const auto full =
      static_cast<std::size_t>(cells * std::clamp(share, 0.0, 1.0));
  std::string bar(static_cast<std::size_t>(cells), ' ');
  std::fill_n(bar.begin(), full, '=');
  return "Uploading [" + bar + "] " + readable_size(done) + " / "
         + readable_size(std::max(done, total));
}

} // namespace alula::jobs
