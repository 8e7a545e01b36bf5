/// The shape of every answer of the systems backups API, successes and errors
/// alike: {"code":…,"message":…,"data":…}. Its sentences are part of the
/// contract (docs/systems.md) and stand in this folder's system_* and
/// appliance_* files alone.
#pragma once

#include "http/exchange.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>

namespace alula::http {

/// `data` is JSON text; empty: null, which is still there.
response enveloped(int status, std::string_view message,
                   std::string_view data = {});

void reply_enveloped(const exchange_ptr& to, int status,
                     std::string_view message, std::string_view data = {});

/// Whether the contract is about `path`, which is raw.
bool is_of_systems(std::string_view path);

/// What is said of a request before one of the contract's handlers has it, or
/// instead of one: the status and the headers of `told`, a problem, in the
/// contract's shape.
response in_envelope(const response& told, jobs::fault_code why);

/// What the door says to whoever may not come in: by `Bearer` where people and
/// programs ask, by `Basic` where appliances do. With Basic there is no 403: a
/// credential that is good for something else is a wrong one here.
response refuse_bearer(const request& req, const jobs::fault& why);
response refuse_appliance(const request& req, const jobs::fault& why);

} // namespace alula::http
