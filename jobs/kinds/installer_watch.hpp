/// Waits for an installer to end, and ends the wait when it takes too long. For
/// the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/kinds/installer_console.hpp"
#include "jobs/ports.hpp"

#include <memory>
#include <string>

namespace alula::jobs {

/// Of an installation that comes to nothing: fault install_failed.
fault install_failure(std::string what);

/// Looks at the installer's container until that does not run, sooner when its
/// console or Docker says so, and reports the lines it says meanwhile; attaches
/// the console again where it broke off.
/// Blocks. A dockerd that is away is waited for. Faults: install_failed when
/// the container was removed, runs for longer than `install_deadline` or says
/// nothing for `install_silence`; interrupted.
result<container_info>
watch_installer(step_context& ctx, std::shared_ptr<installer_console> console);

} // namespace alula::jobs
