/// What server.install and server.reinstall have in common: all but what comes
/// first. For the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"

#include <vector>

namespace alula::jobs {

/// `start_on_completion` of the body: the server is wanted up from the accept
/// on, so the node starts it when the installation has ended well; so does a
/// job that tries again one that has failed. A reinstall takes no such wish: it
/// leaves the server off.
result<job_draft> read_install(const submission& request, bool reinstall);

/// From the sync to the end.
std::vector<step> install_steps();

/// What the Panel hears of one that did not go well, and the ledger.
std::vector<change> install_is_over(const job_record& ended);

} // namespace alula::jobs
