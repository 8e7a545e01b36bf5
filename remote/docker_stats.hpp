/// What a container uses, from what dockerd says about it.
#pragma once

#include "jobs/container_streams.hpp"

#include <optional>
#include <string_view>

namespace alula::remote {

/// One record of GET /containers/{id}/stats. Nothing when the container does
/// not run, or the text is no such record. Memory and CPU are reckoned as
/// Docker's own client does: without the inactive file cache, in percent of one
/// core.
std::optional<jobs::resource_sample> read_stats(std::string_view json);

} // namespace alula::remote
