/// The lines of a transfer that a Panel's page shows (wings-protocol 5.6, the
/// event `transfer logs`). For the sources of kinds only.
#pragma once

#include "jobs/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace alula::jobs {

/// "<yellow, bold>Mon, 30 Nov 2026 09:00:00 UTC [Transfer System] [Source
/// Node]:<default> text": `side` is "Source" or "Target", the time is the
/// node's own.
std::string transfer_line(std::string_view side, std::string_view text,
                          time_ms now);

/// "Uploading [=====                    ] 1.2 GiB / 6.0 GiB": 25 cells.
std::string upload_bar(std::int64_t done, std::int64_t total);

} // namespace alula::jobs
