#include "http/store_handlers.hpp"

#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace alula::http {

void scan_store(const api_ptr& api, const exchange_ptr& call) {
  // What is found may be of any server.
  if (!reaches_all(call->req()))
    return reply_fault(call,
                       {.code = jobs::fault_code::forbidden,
                        .what = "the credentials do not reach the whole "
                                "node, which a scan of a store is about"});
  const std::string name{call->req().param("store")};
  const auto& known = api->settings.stores;
  if (std::ranges::find(known, name) == known.end())
    return reply_fault(call,
                       {.code = jobs::fault_code::store_not_found,
                        .what = "the configuration names no store " + name});
  jobs::submission what;
  what.kind = jobs::scan_store.name;
  what.body = R"({"store":")" + name + R"("})";
  submit(api, call, std::move(what), answer_style::with_job);
}

} // namespace alula::http
