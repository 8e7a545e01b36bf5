#include "http/door.hpp"

#include "http/reply.hpp"
#include "jobs/log.hpp"

#include <exception>
#include <string>
#include <utility>

namespace alula::http {

using jobs::fault_code;

namespace {

/// Answered whatever state the node is in.
bool is_probe(std::string_view path) {
  return path == "/healthz" || path == "/readyz";
}

bool only_reads(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

response not_allowed(const request& asked, std::string allow) {
  auto answer =
      problem(asked, {fault_code::method_not_allowed,
                      asked.method + " is not served here; " + allow + " are"});
  answer.headers.emplace_back("Allow", std::move(allow));
  return answer;
}

} // namespace

door::door(const server_settings& settings, std::vector<route> routes)
  : auth_(settings.token), cors_(settings.cross_origin),
    router_(std::move(routes)), meter_(settings.limits.open_requests_per_second,
                                       settings.limits.open_requests_burst),
    gate_(settings.gate) {}

void door::enter(request& asked, const exchange_ptr& to, bool overloaded) {
  if (asked.method == "OPTIONS") {
    to->reply(empty_answer(204));
    return;
  }
  auto found = router_.find(asked.method, asked.path);
  const bool is_open = found.result == router::outcome::found
                       && found.hit->needs == access::open;
  const bool knows_token = auth_.admits(asked.header("Authorization"));
  if (knows_token)
    asked.principal = "node";
  else if (!meter_.admits(asked.remote, peer_meter::clock::now())) {
    reply_fault(to,
                {fault_code::rate_limited,
                 "too many requests without credentials from " + asked.remote});
    return;
  }
  if (!is_open && !knows_token) {
    reply_fault(to, {fault_code::unauthorized,
                     "the request needs the header Authorization: Bearer "
                     "<token> with this node's token"});
    return;
  }
  switch (found.result) {
  case router::outcome::malformed:
    reply_fault(to, {fault_code::malformed,
                     "the path has a percent sign without two hexadecimal "
                     "digits behind it"});
    return;
  case router::outcome::not_found:
    reply_fault(to, {fault_code::route_not_found,
                     "there is no " + asked.path + " here"});
    return;
  case router::outcome::method_not_allowed:
    to->reply(not_allowed(asked, std::move(found.allow)));
    return;
  case router::outcome::found:
    break;
  }
  asked.params = std::move(found.params);
  if (!is_probe(asked.path)) {
    if (gate_)
      if (const auto closed = gate_(asked)) {
        reply_fault(to, *closed);
        return;
      }
    if (draining_ && !only_reads(asked.method)) {
      reply_fault(to, {fault_code::shutting_down,
                       "the node is stopping and takes no new work"});
      return;
    }
    if (overloaded) {
      to->reply(problem(asked.request_id,
                        {fault_code::rate_limited,
                         "too many requests are waiting for an answer"},
                        503));
      return;
    }
  }
  lead(*found.hit, to);
}

void door::lead(const route& way, const exchange_ptr& to) {
  std::string what = "unknown exception";
  try {
    way.run(to);
    return;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  jobs::log(jobs::log_level::error, "handler-threw",
            {{"method", way.method},
             {"route", way.pattern},
             {"request", to->req().request_id},
             {"what", what}});
  reply_fault(to, {fault_code::internal,
                   "the request failed inside alula; the log has the reason "
                   "under this request id"});
}

} // namespace alula::http
