#include "app/cli/long_waits.hpp"

#include "jobs/advice.hpp"

#include <algorithm>

namespace alula::app::cli {

std::optional<std::string> long_wait_of(const json& job, std::int64_t now) {
  constexpr std::int64_t long_ago = 600; // seconds
  const auto state = text_of(job, "state", "");
  const auto since = seconds_of(job.at("waiting_since"));
  if (since == 0 || state == "parked"
      || text_of(job, "reason", "") == "Retained")
    return std::nullopt;
  // Between two tries it may wait for a worker: for that but a moment.
  const auto held = state == "retry_wait"
                        ? seconds_of(job.value("held_since", json(nullptr)))
                        : 0;
  const auto stands = held == 0 ? since : std::min(since, held);
  const bool is_urgent = jobs::waits_for_somebody(text_of(job, "reason", ""),
                                                  text_of(job, "message", ""));
  if (now - stands < long_ago && !is_urgent)
    return std::nullopt;
  return "waits for " + duration_text(now - since)
         + (stands == since ? ""
                            : ", in a step that is held up for "
                                  + duration_text(now - stands))
         + ": " + text_of(job, "message", text_of(job, "reason", ""));
}

} // namespace alula::app::cli
