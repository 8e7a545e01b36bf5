#include "jobs/outbox.hpp"

#include <array>

namespace alula::jobs {

namespace {

constexpr std::array<std::string_view, 5> words{"behind", "waiting",
                                                "delivered", "dead", "moot"};

} // namespace

bool is_container_status(std::string_view subject) {
  return subject.starts_with("container:");
}

std::string_view to_string(report_state s) {
  return words.at(static_cast<std::size_t>(s));
}

std::optional<report_state> parse_report_state(std::string_view text) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words.at(i) == text)
      return static_cast<report_state>(i);
  return std::nullopt;
}

} // namespace alula::jobs
