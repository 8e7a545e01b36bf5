#include "http/scopes.hpp"

#include <string>

namespace alula::http {

namespace {

bool sees(const jobs::principal& who, std::string_view kind,
          const jobs::server_id& server, std::string_view input) {
  if (jobs::is_about_systems(kind) && !who.has(jobs::permission::read_systems))
    return false;
  return who.scope.everything
         || who.scope.covers(jobs::subject_of(kind, server, input));
}

} // namespace

bool may(const request& req, jobs::permission needs,
         const jobs::access_object& what) {
  return jobs::may(req.who, needs, what) == jobs::verdict::allow;
}

bool reaches(const request& req, const jobs::access_object& what) {
  return req.who && req.who->scope.covers(what);
}

bool reaches(const request& req, const jobs::server_id& server) {
  return reaches(req, server.empty() ? jobs::access_object::of_node()
                                     : jobs::access_object::of_server(server));
}

bool sees_job(const jobs::principal& who, const jobs::job_record& job) {
  return sees(who, job.kind, job.server, job.input);
}

bool sees_job(const request& req, const jobs::job_record& job) {
  return req.who && sees_job(*req.who, job);
}

bool sees_event(const jobs::principal& who, const jobs::event& of) {
  return sees(who, of.kind, of.server, of.input);
}

std::optional<jobs::fault> objection_to_change(const request& req,
                                               const jobs::job_record& job) {
  constexpr auto needs = jobs::permission::manage_systems;
  if (!jobs::is_about_systems(job.kind) || (req.who && req.who->has(needs)))
    return std::nullopt;
  return jobs::fault{.code = jobs::fault_code::forbidden,
                     .what = "the credentials lack the permission "
                             + std::string{to_string(needs)}};
}

bool changes_all_jobs(const request& req) {
  return reaches_all(req) && req.who->has(jobs::permission::manage_systems);
}

jobs::server_id only_server(const request& req) {
  if (!req.who)
    return {};
  const auto& scope = req.who->scope;
  if (scope.everything || scope.servers.size() != 1 || !scope.systems.empty()
      || !scope.organisations.empty())
    return {};
  return jobs::server_id::parse(scope.servers.front())
      .value_or(jobs::server_id{});
}

bool reaches_all(const request& req) {
  return req.who && req.who->scope.everything;
}

} // namespace alula::http
