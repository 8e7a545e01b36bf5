#include "jobs/crash_rule.hpp"

namespace alula::jobs {

crash_verdict judge_crash(const crash_settings& node,
                          std::optional<bool> of_server,
                          const process_end& ended, time_ms last_crash_at,
                          time_ms now) {
  if (!of_server.value_or(node.enabled))
    return crash_verdict::unwatched;
  const bool clean = ended.exit_code == 0 && !ended.out_of_memory;
  if (clean && !node.clean_exit_is_crash)
    return crash_verdict::clean_end;
  const bool recent =
      last_crash_at != 0 && now - last_crash_at < node.timeout.count();
  return recent ? crash_verdict::too_soon : crash_verdict::start;
}

} // namespace alula::jobs
