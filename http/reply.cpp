#include "http/reply.hpp"

#include "http/json_values.hpp"
#include "http/system_envelope.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::http {

namespace {

using jobs::fault_code;

struct verdict {
  int status;
  bool retryable;
  std::optional<int> wait; ///< seconds
};

/// One line per code; the statuses are those of job-engine B.5 and design 4.
verdict judge(fault_code code) {
  switch (code) {
  case fault_code::malformed:
    return {400, false, {}};
  case fault_code::validation:
    return {422, false, {}};
  case fault_code::unauthorized:
    return {401, false, {}};
  case fault_code::forbidden:
    return {403, false, {}};
  case fault_code::route_not_found:
  case fault_code::server_not_found:
  case fault_code::job_not_found:
  case fault_code::trash_not_found:
  case fault_code::backup_not_found:
  case fault_code::path_not_found:
  case fault_code::token_not_found:
  case fault_code::pool_not_found:
  case fault_code::store_not_found:
  case fault_code::system_not_found:
    return {404, false, {}};
  case fault_code::method_not_allowed:
    return {405, false, {}};
  case fault_code::job_expired:
  case fault_code::token_used:
  case fault_code::backup_lost:
  case fault_code::store_object_missing:
    return {410, false, {}};
  case fault_code::precondition_failed:
    return {412, false, {}};
  case fault_code::range_not_satisfiable:
    return {416, false, {}};
  case fault_code::server_exists:
  case fault_code::backup_exists:
  case fault_code::no_manifest:
  case fault_code::not_undoable:
  case fault_code::not_transferring:
    return {409, false, {}};
  case fault_code::backup_in_use:
    return {409, true, 5};
  case fault_code::server_locked:
  case fault_code::job_not_ended:
    return {409, true, 5};
  case fault_code::past_pivot:
  case fault_code::already_finished:
  case fault_code::not_parked:
  case fault_code::job_needed:
    return {409, false, {}};
  case fault_code::idempotency_mismatch:
    return {422, false, {}};
  case fault_code::link_refused:
  case fault_code::cursor_mismatch:
  case fault_code::server_suspended: // as Wings (wings-protocol 2.6)
    return {400, false, {}};
  case fault_code::body_too_large:
  case fault_code::quota_exceeded:
    return {413, false, {}};
  case fault_code::headers_too_large:
    return {431, false, {}};
  case fault_code::uri_too_long:
    return {414, false, {}};
  case fault_code::rate_limited:
    return {429, true, 1};
  case fault_code::not_implemented:
    return {501, false, {}};
  case fault_code::shutting_down:
    return {503, true, 5};
  case fault_code::starting:
    return {503, true, 1};
  case fault_code::docker_unavailable:
    return {503, true, 5};
  case fault_code::docker_refused:
    return {500, false, {}};
  case fault_code::container_busy:
    return {503, true, 5};
  case fault_code::panel_unavailable:
    return {503, true, 5};
  case fault_code::store_unavailable:
    return {503, true, 5};
  case fault_code::panel_refused:
  case fault_code::node_unavailable:
  case fault_code::node_refused:
  case fault_code::store_refused:
  case fault_code::upload_failed:
  case fault_code::transfer_failed:
    return {502, false, {}};
  case fault_code::timed_out:
    return {504, true, {}};
  case fault_code::insufficient_storage:
  case fault_code::no_room:
    return {507, false, {}};
  case fault_code::backup_damaged:
  case fault_code::archive_refused:
  case fault_code::install_failed:
    return {500, false, {}};
  case fault_code::io_error:
  case fault_code::volume_obstructed:
    return {500, false, {}};
  case fault_code::journal_unavailable:
    return {503, true, 5};
  case fault_code::interrupted:
    return {503, true, 5};
  case fault_code::stuck:
  case fault_code::crashed:
    return {500, false, {}};
  case fault_code::cancelled:
  case fault_code::abandoned:
    return {409, false, {}};
  case fault_code::internal:
    return {500, false, {}};
  }
  return {500, false, {}};
}

std::string title_of(fault_code code) {
  return std::string{jobs::title(code)};
}

} // namespace

int status_of(fault_code code) {
  return judge(code).status;
}

response problem(std::string_view request_id, const jobs::fault& why,
                 std::optional<int> status, std::string_view path) {
  const auto judged = judge(why.code);
  const std::string slug{jobs::slug(why.code)};
  response answer;
  answer.status = status.value_or(judged.status);
  nlohmann::ordered_json body;
  body["type"] = "urn:alula:problem:" + slug;
  body["title"] = title_of(why.code);
  body["status"] = answer.status;
  body["detail"] = why.what.empty() ? title_of(why.code) : why.what;
  body["instance"] = "/api/requests/" + std::string{request_id};
  body["code"] = slug;
  body["retryable"] = judged.retryable;
  if (judged.wait)
    body["retry_after"] = *judged.wait;
  if (!why.in_the_way.empty())
    body["owner_job"] = why.in_the_way;
  if (!why.fields.empty()) {
    auto& errors = body["errors"] = nlohmann::ordered_json::array();
    for (const auto& field : why.fields)
      errors.push_back({{"pointer", field.pointer}, {"detail", field.detail}});
  }
  body["request_id"] = request_id;
  // Wings' clients read this member (wings-protocol 1.6).
  body["error"] = body["detail"];
  // Bytes that are no UTF-8 (a client's, echoed) must not become a 500.
  answer.body = text_of(body);
  answer.headers.emplace_back("Content-Type", "application/problem+json");
  if (judged.wait)
    answer.headers.emplace_back("Retry-After", std::to_string(*judged.wait));
  if (answer.status == 401)
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return is_of_systems(path) ? in_envelope(answer, why.code) : answer;
}

response problem(const request& req, const jobs::fault& why,
                 std::optional<int> status) {
  return problem(req.request_id, why, status, req.path);
}

response json_answer(int status, std::string body) {
  return {status,
          {{"Content-Type", "application/json; charset=utf-8"}},
          std::move(body)};
}

response empty_answer(int status) {
  return {status, {}, {}};
}

response with_job(response answer, std::string_view job_id) {
  answer.headers.emplace_back("Location", "/api/jobs/" + std::string{job_id});
  return answer;
}

response accepted(std::string_view job_id, std::string body) {
  return with_job(body.empty() ? empty_answer(202)
                               : json_answer(202, std::move(body)),
                  job_id);
}

void reply_fault(const exchange_ptr& to, const jobs::fault& why) {
  to->reply(problem(to->req(), why));
}

} // namespace alula::http
