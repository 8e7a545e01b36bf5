/// What follows from the Panel's word about a server, as plain functions.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/panel.hpp"
#include "jobs/server.hpp"

#include <optional>
#include <string>

namespace alula::jobs {

/// The change that makes the server of this node what the Panel says; nothing
/// when it is that already, or the Panel's word cannot be read.
std::optional<change> difference(const server_record& here,
                                 const panel_server& there);

/// The body of the server.create that registers a server the Panel has: what
/// lies on the disk is adopted, and nothing is installed.
std::string registration(const panel_server& there);

} // namespace alula::jobs
