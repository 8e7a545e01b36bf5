/// What the tests of the event streams stand on: an engine with a log, and a
/// client's view of what a stream said.
#pragma once

#include "http/event_stream.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

/// One event as a client's parser would see it (WHATWG HTML, 9.2.6).
struct received {
  std::string id, event, data;
  json object() const { return json::parse(data); }
};

struct transcript {
  std::vector<received> events;
  std::string last_id;
  std::string retry;
  int comments = 0;

  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& e : events)
      out.push_back(e.event);
    return out;
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    for (const auto& e : events)
      if (!e.id.empty())
        out.push_back(e.id);
    return out;
  }
};

inline transcript parse_events(const std::string& text) {
  transcript out;
  received next;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    REQUIRE(end != std::string_view::npos);
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const auto colon = line.find(": ");
    const auto value =
        std::string{colon == line.npos ? "" : line.substr(colon + 2)};
    if (line.empty()) {
      if (!next.id.empty())
        out.last_id = next.id;
      if (!next.data.empty())
        out.events.push_back(next);
      next = {};
    } else if (line.starts_with(":")) {
      ++out.comments;
    } else if (line.starts_with("id: ")) {
      next.id = value;
    } else if (line.starts_with("event: ")) {
      next.event = value;
    } else if (line.starts_with("data: ")) {
      next.data += (next.data.empty() ? "" : "\n") + value;
    } else {
      REQUIRE(line.starts_with("retry: "));
      out.retry = value;
    }
  }
  return out;
}

/// An engine with a log, whose streams beat only when the test says so.
struct streaming : api_world {
  explicit streaming(
      event_stream_settings how = {.heartbeat = std::chrono::hours{1}})
    : api_world({}, how), job(make_job()) {
    engine.put(job);
  }

  jobs::event happen(std::string type, bool tell = true) {
    return engine.happen(event_of(job, std::move(type)), tell);
  }
  static jobs::event event_of(const jobs::job_record& of, std::string type) {
    jobs::event e;
    e.job = of.id;
    e.server = of.server;
    e.kind = of.kind;
    e.type = std::move(type);
    e.job_version = of.version;
    e.at = 1'800'000'000'000;
    e.data = R"({"state":"running"})";
    return e;
  }
  void finish() {
    job = ended(job, job_state::succeeded);
    engine.put(job);
    happen("job.succeeded");
  }

  std::shared_ptr<doubles::fake_stream> open(std::string_view target,
                                             header_list headers = {}) {
    const auto call = send("GET", target, {}, std::move(headers));
    const auto head = call->wait_for_answer();
    REQUIRE(head);
    CHECK(head->status == 200);
    CHECK(header_of(*head, "Content-Type")
          == "text/event-stream; charset=utf-8");
    CHECK(header_of(*head, "Cache-Control") == "no-store");
    CHECK(header_of(*head, "X-Accel-Buffering") == "no");
    auto out = call->opened_stream();
    REQUIRE(out);
    return out;
  }
  std::shared_ptr<doubles::fake_stream> open_from(std::string_view target,
                                                  std::string_view id) {
    return open(target, {{"Last-Event-ID", std::string{id}}});
  }
  std::string job_url() const {
    return "/api/jobs/" + job.id.to_string() + "/events";
  }

  jobs::job_record job;
};

} // namespace alula::http
