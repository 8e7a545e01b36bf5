#include "http/update_handlers.hpp"

#include "http/reply.hpp"

namespace alula::http {

namespace {

void send(const exchange_ptr& call, bool applied) {
  call->reply(json_answer(200, applied ? R"({"applied":true})"
                                       : R"({"applied":false})"));
}

} // namespace

void update_config(const api_ptr& api, const exchange_ptr& call) {
  if (!api->settings.update)
    return send(call, false);
  const bool taken = api->later.run([api, call] {
    const auto applied = api->settings.update(call->req().body);
    if (!applied)
      return reply_fault(call, applied.error());
    send(call, *applied);
  });
  if (!taken)
    reply_fault(call, {.code = jobs::fault_code::rate_limited,
                       .what = "too many updates are asked for at once"});
}

} // namespace alula::http
