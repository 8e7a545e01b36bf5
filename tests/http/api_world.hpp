/// The API without a door: the real route table over an engine that is not.
#pragma once

#include "http/event_stream.hpp"
#include "http/router.hpp"
#include "http/routes.hpp"
#include "tests/doubles/fake_access_desk.hpp"
#include "tests/doubles/fake_backup_desk.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/fake_exchange.hpp"
#include "tests/doubles/fake_install_files.hpp"
#include "tests/doubles/fake_node_facts.hpp"
#include "tests/doubles/fake_outbox_desk.hpp"
#include "tests/doubles/fake_processes.hpp"
#include "tests/http/kept_answers.hpp"

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

/// Repeats what it is told to repeat.
class fake_repeats final : public jobs::report_repeats {
public:
  std::vector<std::int64_t> asked;
  jobs::result<jobs::report> answer = jobs::report{.row = 8};
  void repeat(std::int64_t row,
              std::function<void(jobs::result<jobs::report>)> done) override {
    asked.push_back(row);
    done(answer);
  }
};

struct api_world {
  explicit api_world(api_settings settings = {},
                     event_stream_settings streams = {})
    : events(engine, streams),
      routes(make_routes(all_parts(std::move(settings)))) {}

  api_parts all_parts(api_settings settings) {
    const auto done = [](const exchange_ptr& call) {
      call->reply({204, {}, {}});
    };
    return {.engine = engine,
            .backups = desk,
            .clock = clock,
            .events = events,
            .later = later,
            .node = node,
            .websocket =
                [](const exchange_ptr& call) {
                  call->reply({101, {}, {}});
                },
            .deny_tokens = done,
            .settings = std::move(settings),
            .outbox = &outbox,
            .live = {&processes, &installs, &askers},
            .deauthorize = done,
            .repeats = &repeats,
            .access = &access,
            .incoming = &incoming};
  }

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
    keep_answer(call->req().method,
                routes.find(call->req().method, call->req().path).hit->pattern,
                *answer);
    return *std::move(answer);
  }

  doubles::fake_clock clock;
  doubles::fake_engine engine;
  doubles::fake_backup_desk desk;
  doubles::fake_outbox_desk outbox;
  doubles::fake_access_desk access;
  fake_repeats repeats;
  jobs::incoming_transfers incoming;
  jobs::fake_processes processes;
  jobs::fake_install_files installs;
  errands later;
  errands askers{256, 2};
  doubles::fake_node_facts node;
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
