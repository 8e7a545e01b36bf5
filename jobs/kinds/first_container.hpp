/// The container of a server that was never started, made ahead: the last two
/// steps of what registers a server and of what installs one. For the sources
/// of kinds only.
///
/// It is made as a start would make it, and the start makes it anew. So it is a
/// matter of what can be had now: nothing that is missing fails the job or is
/// waited for, and the job's result says what became of it. Nor is it tried
/// again once the process has died over it: a create that is parked would keep
/// its server from being installed.
#pragma once

#include "jobs/kind.hpp"

#include <string_view>

namespace alula::jobs {

/// `server_image`: gets the image unless one is here, with the short limits of
/// pull_for::a_newer_image. Ends early for any job that stands in line behind,
/// and when the server is to be started or goes. Fault: interrupted, and no
/// other.
step first_image_step();

/// `server_container`: makes the container, if its image is here, unless there
/// is one, which is put on record as it is. The job's result gets `container`:
/// "made", "found", or "left" with the reason as `container_why`. Without
/// fault.
step first_container_step(std::string_view pool);

} // namespace alula::jobs
