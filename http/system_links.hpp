/// Links that give one backup of a system to whoever has them, for some
/// minutes: the node's own presigned URLs.
#pragma once

#include "http/exchange.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace alula::http {

/// 5 minutes for what makes no sense, 15 at most.
std::chrono::seconds link_lifetime(std::chrono::seconds asked);

/// Path and query of a link to the backup that is good until then.
std::string make_system_link(std::string_view secret, std::string_view id,
                             jobs::time_ms until);

/// The id of the backup that a request by such a link is about. Fault
/// forbidden: it was changed, or its time is over.
jobs::result<std::string> read_system_link(std::string_view secret,
                                           const request& req,
                                           jobs::time_ms now);

/// "https://node.example" as `configured`, or as the request's Host has it;
/// empty when that is no name or address.
std::string base_url(std::string_view configured, const request& req,
                     bool has_tls);

} // namespace alula::http
