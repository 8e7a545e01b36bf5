/// Whether a restore can be taken back, for whoever is answered with it. That
/// is no part of its record, which is frozen when it ends: it changes with what
/// is kept in the trash, and so with later jobs (decision 30).
#pragma once

#include "http/api.hpp"
#include "jobs/job.hpp"

#include <functional>
#include <vector>

namespace alula::http {

/// Goes on with the same jobs, in that order, of which each says until when it
/// can be taken back. At once when no restore is among them, or else from a
/// thread of the desk. None says it when the desk has no place for the
/// question; a ledger that cannot be asked can take nothing back.
void with_undo(const api_ptr& api, std::vector<jobs::job_view_ptr> jobs,
               std::function<void(std::vector<jobs::job_view_ptr>)> then);
void with_undo(const api_ptr& api, const jobs::job_view_ptr& job,
               std::function<void(const jobs::job_view_ptr&)> then);

} // namespace alula::http
