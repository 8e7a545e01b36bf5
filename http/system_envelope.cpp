#include "http/system_envelope.hpp"

#include "http/json_values.hpp"
#include "http/text.hpp"
#include "http/words.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

namespace {

bool is_scheme(const request& req, std::string_view scheme) {
  const auto header = req.header("Authorization");
  if (!header)
    return false;
  const auto given = trimmed(*header);
  return equal_ignoring_case(given.substr(0, given.find(' ')), scheme);
}

std::string_view bearer_sentence(const request& req) {
  switch (req.proof) {
  case credential::missing:
    return "authorization header required";
  case credential::empty:
    return "token not provided";
  case credential::unknown:
    return is_scheme(req, "Bearer") ? "invalid token"
                                    : "invalid authorization header format";
  case credential::other_scheme:
  case credential::undecodable:
  case credential::unsplittable:
  case credential::good:
    break;
  }
  return "invalid authorization header format";
}

std::string_view basic_sentence(const request& req) {
  if (req.proof == credential::missing)
    return "authentication required";
  if (!is_scheme(req, "Basic"))
    return "invalid authentication format";
  if (req.proof == credential::undecodable)
    return "invalid authentication encoding";
  if (req.proof == credential::unsplittable)
    return "invalid credentials format";
  return "invalid system credentials";
}

} // namespace

response enveloped(int status, std::string_view message,
                   std::string_view data) {
  // The data is JSON already: parsed and written again it would only cost.
  std::string body = "{\"code\":" + std::to_string(status) + ",\"message\":";
  body += text_of(message);
  body += ",\"data\":";
  body += data.empty() ? std::string_view{"null"} : data;
  body += '}';
  return {status,
          {{"Content-Type", "application/json; charset=utf-8"}},
          std::move(body)};
}

void reply_enveloped(const exchange_ptr& to, int status,
                     std::string_view message, std::string_view data) {
  to->reply(enveloped(status, message, data));
}

bool is_of_systems(std::string_view path) {
  constexpr std::string_view root = "/api/systems";
  return path.starts_with(root)
         && (path.size() == root.size() || path[root.size()] == '/');
}

namespace {

std::string_view sentence_of(jobs::fault_code why, int status) {
  using enum jobs::fault_code;
  constexpr int unavailable = 503;
  if (status == unavailable)
    return "service unavailable, retry later";
  switch (why) {
  case route_not_found:
    return "api not found";
  case rate_limited:
    return "rate limit exceeded";
  case unauthorized:
    return "authentication required";
  case method_not_allowed:
    return "method not allowed";
  case malformed:
    return "malformed request";
  case timed_out:
    return "request timed out";
  case precondition_failed:
    return "precondition failed";
  case range_not_satisfiable:
    return "range not satisfiable";
  case internal:
    return "internal server error";
  default:
    return jobs::title(why);
  }
}

} // namespace

response in_envelope(const response& told, jobs::fault_code why) {
  auto answer = enveloped(told.status, sentence_of(why, told.status));
  for (const auto& [name, value] : told.headers)
    if (!equal_ignoring_case(name, "Content-Type"))
      answer.headers.emplace_back(name, value);
  return answer;
}

namespace {

response come_later() {
  auto answer = enveloped(429, "rate limit exceeded");
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

} // namespace

response refuse_bearer(const request& req, const jobs::fault& why) {
  if (why.code == jobs::fault_code::rate_limited)
    return come_later();
  const bool is_appliance =
      req.who && req.who->kind == jobs::principal_kind::appliance;
  if (why.code != jobs::fault_code::unauthorized && !is_appliance)
    return enveloped(403, "insufficient permissions");
  auto answer = enveloped(401, bearer_sentence(req));
  answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return answer;
}

response refuse_appliance(const request& req, const jobs::fault& why) {
  if (why.code == jobs::fault_code::rate_limited)
    return come_later();
  auto answer = enveloped(401, basic_sentence(req));
  answer.headers.emplace_back("WWW-Authenticate",
                              "Basic realm=\"System Authentication\"");
  return answer;
}

} // namespace alula::http
