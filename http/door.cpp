#include "http/door.hpp"

#include "http/reply.hpp"
#include "http/system_envelope.hpp"
#include "http/text.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace alula::http {

using jobs::fault_code;

namespace {

/// Answered whatever state the node is in; the page tells what that is.
bool is_always_answered(std::string_view path) {
  return path == "/healthz" || path == "/readyz" || path == "/"
         || path.starts_with("/web/");
}

bool only_reads(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

/// All lines of it as one, as RFC 9110, 5.3 has it: a client may have sent one
/// before its proxy added another.
std::string forwarding_of(const request& asked) {
  std::string all;
  for (const auto& [name, value] : asked.headers)
    if (equal_ignoring_case(name, "X-Forwarded-For"))
      all += (all.empty() ? "" : ",") + value;
  return all;
}

response not_allowed(const request& asked, std::string allow) {
  auto answer =
      problem(asked, {fault_code::method_not_allowed,
                      asked.method + " is not served here; " + allow + " are"});
  answer.headers.emplace_back("Allow", std::move(allow));
  return answer;
}

/// In the words of the route's own contract, if it has one.
response refuse(const route* way, const request& asked,
                const jobs::fault& why) {
  return way && way->deny ? way->deny(asked, why) : problem(asked, why);
}

/// To the contract of systems an encoded slash separates as any other, and no
/// id has one: such a path is none.
bool has_slash_in_id(const request& asked, const router::match& found) {
  return is_of_systems(asked.path)
         && std::ranges::any_of(found.params, [](const auto& one) {
              return one.second.find('/') != std::string::npos;
            });
}

/// Nobody whose scope ends at some servers reaches the node itself.
bool is_about_node(jobs::permission needs) {
  using enum jobs::permission;
  return needs == read_node || needs == manage_node || needs == manage_access;
}

} // namespace

door::door(const server_settings& settings, std::vector<route> routes)
  : auth_(settings.token, settings.principals),
    cors_(std::make_shared<const cors>(settings.cross_origin)),
    router_(std::move(routes)), meter_(settings.limits.open_requests_per_second,
                                       settings.limits.open_requests_burst),
    keyed_(settings.limits.keyed_requests_per_second,
           settings.limits.keyed_requests_burst),
    proxies_(settings.proxies), gate_(settings.gate) {}

void door::enter(request& asked, const exchange_ptr& to, bool overloaded) {
  asked.remote = proxies_.client_of(asked.remote, forwarding_of(asked));
  if (asked.method == "OPTIONS") {
    to->reply(empty_answer(204));
    return;
  }
  auto found = router_.find(asked.method, asked.path);
  const bool is_open =
      found.result == router::outcome::found && found.hit->needs.is_open();
  auto known = auth_.identify(asked.header("Authorization"));
  asked.who = std::move(known.who);
  asked.proof = known.proof;
  if (!asked.who && !meter_.admits(asked.remote, peer_meter::clock::now())) {
    reply_fault(to,
                {fault_code::rate_limited,
                 "too many requests without credentials from " + asked.remote});
    return;
  }
  if (!is_open && !asked.who && asked.proof == credential::unknown && gate_)
    // Whose it is cannot be told before the node knows its tokens.
    if (const auto closed = gate_(asked)) {
      reply_fault(to, *closed);
      return;
    }
  if (!is_open && !asked.who) {
    const auto* way =
        found.result == router::outcome::found ? found.hit : nullptr;
    to->reply(refuse(way, asked,
                     {fault_code::unauthorized,
                      "the request needs the header Authorization: Bearer "
                      "<token> with this node's token or one of its API "
                      "tokens"}));
    return;
  }
  if (has_slash_in_id(asked, found))
    found.result = router::outcome::not_found;
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
  if (comes_too_often(*found.hit, asked)) {
    to->reply(refuse(
        found.hit, asked,
        {fault_code::rate_limited, "too many requests of " + asked.who->id}));
    return;
  }
  if (const auto why = objection(*found.hit, asked)) {
    to->reply(refuse(found.hit, asked, *why));
    return;
  }
  const bool is_always = is_always_answered(asked.path);
  // Who is told that a node is ready may ask it at once.
  if (gate_ && (!is_always || asked.path == "/readyz"))
    if (const auto closed = gate_(asked)) {
      reply_fault(to, *closed);
      return;
    }
  if (!is_always) {
    if (draining_ && !only_reads(asked.method)) {
      reply_fault(to, {fault_code::shutting_down,
                       "the node is stopping and takes no new work"});
      return;
    }
    if (overloaded) {
      to->reply(problem(asked,
                        {fault_code::rate_limited,
                         "too many requests are waiting for an answer"},
                        503));
      return;
    }
  }
  lead(*found.hit, to);
}

bool door::is_streamed(std::string_view method, std::string_view target) const {
  if (method == "GET" || method == "HEAD")
    return false;
  const auto found = router_.find(method, split_target(target).path);
  return found.result == router::outcome::found && found.hit->streams_body;
}

bool door::comes_too_often(const route& way, const request& asked) {
  return way.is_metered && asked.who
         && asked.who->kind != jobs::principal_kind::panel
         && !keyed_.admits(asked.who->id, key_meter::clock::now());
}

std::optional<jobs::fault> door::objection(const route& way,
                                           const request& asked) {
  if (way.needs.is_open())
    return std::nullopt;
  const auto needs = way.needs.permission();
  if (!asked.who->has(needs))
    return jobs::fault{fault_code::forbidden,
                       "the credentials lack the permission "
                           + std::string{to_string(needs)}};
  const auto& scope = asked.who->scope;
  if (is_about_node(needs) && !scope.covers(jobs::access_object::of_node()))
    return jobs::fault{fault_code::forbidden,
                       "the credentials reach some servers or systems only, "
                       "and this is about the whole node"};
  for (const auto& [name, value] : asked.params)
    if (name == "server"
        && !scope.covers({jobs::access_object::kinds::server, value, {}}))
      return jobs::fault{fault_code::server_not_found,
                         "there is no server " + value + " here"};
  return std::nullopt;
}

void door::lead(const route& way, const exchange_ptr& to) {
  const auto request = to->req().request_id; // `to` may be gone before the end
  const jobs::log_scope whose{"request", request};
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
