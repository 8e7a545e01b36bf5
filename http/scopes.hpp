/// For handlers: what the principal of a request reaches. The door has checked
/// the route's permission, and the server in its path, before they run.
#pragma once

#include "http/exchange.hpp"
#include "jobs/ids.hpp"
#include "jobs/job.hpp"
#include "jobs/principal.hpp"
#include "jobs/result.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace alula::http {

/// False for nobody.
bool may(const request& req, jobs::permission needs,
         const jobs::access_object& what);

/// Whether `what` is within the principal's scope, whatever it may do there.
bool reaches(const request& req, const jobs::access_object& what);

/// The empty id is the node's own, which a scope of everything alone reaches.
bool reaches(const request& req, const jobs::server_id& server);

/// Whether a job, or an event of one, is shown: its server or its system is in
/// reach, and whoever may not read systems sees none about them.
bool sees_job(const jobs::principal& who, const jobs::job_record& job);
bool sees_job(const request& req, const jobs::job_record& job);
bool sees_event(const jobs::principal& who, const jobs::event& of);

/// Nothing when the principal may change a job that it sees; else forbidden,
/// with the permission that is missing.
std::optional<jobs::fault> objection_to_change(const request& req,
                                               const jobs::job_record& job);

/// The scope is everything, and so are the kinds of jobs: none has to be looked
/// at before it is changed.
bool changes_all_jobs(const request& req);

/// The one server a principal reaches, when it is one: lists can be asked for
/// that. Else the empty id, and what is out of reach is taken out of each page,
/// which may then be shorter than its limit.
jobs::server_id only_server(const request& req);

/// The scope is everything: lists need no filter.
bool reaches_all(const request& req);

} // namespace alula::http
