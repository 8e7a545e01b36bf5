/// The API without a door: the real route table over an engine that is not.
#pragma once

#include "http/event_stream.hpp"
#include "http/router.hpp"
#include "http/routes.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/fake_exchange.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace alula::http {

using doubles::answered;
using doubles::ended;
using doubles::header_of;
using doubles::make_job;
using json = nlohmann::json;
using jobs::fault;
using jobs::fault_code;
using jobs::job_state;
using call_ptr = std::shared_ptr<doubles::fake_exchange>;

inline const std::string some_server = "8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d";
inline const std::string some_job = "01970000-0000-7000-8000-000000000001";

struct api_world {
  explicit api_world(api_settings settings = {},
                     event_stream_settings streams = {})
    : events(engine, streams),
      routes(make_routes({.engine = engine,
                          .clock = clock,
                          .events = events,
                          .later = later,
                          .websocket =
                              [](const exchange_ptr& call) {
                                call->reply({101, {}, {}});
                              },
                          .deny_tokens =
                              [](const exchange_ptr& call) {
                                call->reply({204, {}, {}});
                              },
                          .settings = std::move(settings)})) {}

  /// Sends a request; the answer may come later.
  call_ptr send(std::string method, std::string_view target,
                std::string body = {}, header_list headers = {}) {
    auto req = doubles::make_request(std::move(method), target, std::move(body),
                                     std::move(headers));
    auto match = routes.find(req.method, req.path);
    if (match.hit == nullptr)
      throw std::runtime_error("no route for " + req.method + " " + req.path);
    req.params = std::move(match.params);
    auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    match.hit->run(call);
    return call;
  }

  /// Sends a request and waits for its answer.
  response ask(std::string method, std::string_view target,
               std::string body = {}, header_list headers = {}) {
    const auto call =
        send(std::move(method), target, std::move(body), std::move(headers));
    auto answer = call->wait_for_answer();
    if (!answer)
      throw std::runtime_error("no answer");
    return *std::move(answer);
  }

  doubles::fake_clock clock;
  doubles::fake_engine engine;
  errands later;
  event_streams events;
  router routes;
};

/// The `code` of a problem, checked for the shape of one.
inline std::string code_of(const response& answer) {
  if (header_of(answer, "Content-Type") != "application/problem+json")
    return "(no problem: " + std::to_string(answer.status) + ")";
  const auto body = json::parse(answer.body);
  if (body.at("status") != answer.status || !body.contains("request_id")
      || !body.contains("error"))
    return "(broken problem)";
  return body.at("code");
}

} // namespace alula::http
