#include "http/health_handlers.hpp"

#include "http/reply.hpp"

#include <utility>

namespace alula::http {

namespace {

void send(const exchange_ptr& call, response answer) {
  answer.headers.emplace_back("Cache-Control", "no-store");
  call->reply(std::move(answer));
}

} // namespace

void show_health(const api_ptr&, const exchange_ptr& call) {
  send(call, json_answer(200, R"({"status":"alive"})"));
}

void show_readiness(const api_ptr& api, const exchange_ptr& call) {
  if (api->engine.is_ready())
    return send(call, json_answer(200, R"({"status":"ready"})"));
  send(call, problem(call->req(), {.code = jobs::fault_code::starting,
                                   .what = api->engine.not_ready_reason()}));
}

} // namespace alula::http
