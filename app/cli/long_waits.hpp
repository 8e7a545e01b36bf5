/// Jobs that stand still for longer than a busy node explains, or for what does
/// not pass by itself.
#pragma once

#include "app/cli/terminal.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace alula::app::cli {

/// Since when a job, as the API shows it, stands still, and for what, for
/// people; `now` is in seconds. Nothing when that is no ten minutes and passes
/// by itself, the job is parked, or it keeps files as promised until the end of
/// the undelete window. How long a step worked before it was held up does not
/// count.
std::optional<std::string> long_wait_of(const json& job, std::int64_t now);

} // namespace alula::app::cli
