/// The log of an installation: what was run, with which variables, and what it
/// said. For the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/kinds/fields.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Where the step `script` has put what it was told: image, entrypoint and
/// directory; nothing to run: no object.
fields::json script_of(const step_context& ctx);

/// Puts the log, as Wings heads it; without a script there is none. `heard`:
/// all of the installer's output; else the end of it is asked of Docker, which
/// also has what nobody listened to. Safe to call again while the container is
/// there. Faults: those of install_files and of container_streams.
status keep_log(const step_context& ctx, std::string_view how_it_ended,
                const std::optional<std::string>& heard = {});

/// What a step is to fail with whose log could not be kept, so that it is tried
/// again; nothing, and a warning, on its last try. The log is lost then and the
/// step goes on: a server's files are worth more than what was said of them.
std::optional<fault> without_log(const step_context& ctx, std::string_view step,
                                 const fault& why);

} // namespace alula::jobs
