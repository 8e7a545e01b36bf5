/// A node made of fakes, and a way to call one step of a kind on it.
#pragma once

#include "jobs/catalog.hpp"
#include "jobs/downloads.hpp"
#include "jobs/engine.hpp"
#include "jobs/lifecycle.hpp"
#include "tests/doubles/fake_archives.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_far.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/fake_queries.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

struct world {
  fake_containers docker;
  fake_volumes disk;
  fake_audience clients;
  jobs::downloads downloads;
  fake_archives backups;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  doubles::fake_queries records{store};
  fake_panel panel;    ///< there is none, until it is configured
  fake_far far{store}; ///< nothing knows of it, until node.far is set
  ports node{docker,
             disk,
             clients,
             downloads,
             backups,
             records,
             std::chrono::milliseconds{0},
             std::chrono::hours{24},
             std::chrono::milliseconds{2'000},
             panel};
  world() { panel.configured = false; }

  time_ms now = 1'700'000'000'000;
  std::stop_source stop;
  std::vector<progress> reports; ///< looked at when no step runs
  /// Steps report from any thread.
  void note(progress p) {
    const std::scoped_lock lock{reports_mutex};
    reports.push_back(std::move(p));
  }
  std::mutex reports_mutex;

  const server_id id =
      *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  server_record server{.row = 12, .uuid = id, .container_id = "c0ffee"};

  result<job_draft> read(const kind& k, std::string body = {},
                         bool registered = true) {
    return k.read({.kind = k.name,
                   .server = id,
                   .target = registered
                                 ? std::make_shared<server_record>(server)
                                 : nullptr,
                   .body = std::move(body),
                   .subject = subject});
  }

  job_record accept(const kind& k, std::string body = {},
                    bool registered = true) {
    auto draft = read(k, std::move(body), registered);
    REQUIRE(draft);
    auto job = plan(k, *draft, now);
    job.server = id;
    job.server_row = server.row;
    return job;
  }

  step_outcome run(const kind& k, job_record& job, std::string_view name) {
    return call(k, job, name, false);
  }

  step_outcome undo(const kind& k, job_record& job, std::string_view name) {
    return call(k, job, name, true);
  }

  job_id subject;

private:
  step_outcome call(const kind& k, job_record& job, std::string_view name,
                    bool backwards) {
    for (std::size_t i = 0; i < k.steps.size(); ++i) {
      if (k.steps[i].name != name)
        continue;
      step_context ctx{job, node, stop.get_token(), now,
                       [this](progress p) { note(std::move(p)); }};
      auto outcome = backwards ? k.steps[i].undo(ctx) : k.steps[i].run(ctx);
      if (const auto* done = std::get_if<step_done>(&outcome))
        job.steps[i].output = done->output;
      return outcome;
    }
    FAIL("the kind has no step " << name);
    return {};
  }
};

inline const step_done& done(const step_outcome& outcome) {
  if (const auto* why = std::get_if<fault>(&outcome))
    FAIL("the step failed: " << why->what);
  REQUIRE(std::holds_alternative<step_done>(outcome));
  return std::get<step_done>(outcome);
}

inline const fault& failed(const step_outcome& outcome) {
  REQUIRE(std::holds_alternative<fault>(outcome));
  return std::get<fault>(outcome);
}

template<class Change>
const Change& only_change(const step_outcome& outcome) {
  const auto& changes = done(outcome).changes;
  REQUIRE(changes.size() == 1);
  REQUIRE(std::holds_alternative<Change>(changes.front()));
  return std::get<Change>(changes.front());
}

} // namespace alula::jobs
