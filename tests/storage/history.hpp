/// What has happened before a test reads it.
#pragma once

#include "storage/sqlite_queries.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace alula::storage {

/// A ledger with jobs of two kinds and a server, one of each state.
struct history {
  history() {
    using contracts::sample_kind;
    const auto one = sample_kind("sample.one");
    const auto two = sample_kind("sample.two");
    server = session.add_server(contracts::sample_server());
    queued = session.must_accept(session.draft(one));
    cancelled = session.cancel(session.must_accept(session.draft(two)));
    world.clock.advance(std::chrono::seconds{10});
    middle = session.now();
    world.clock.advance(std::chrono::seconds{10});
    running = session.start(session.must_accept(session.draft(two, server)));
    succeeded = session.run_to_end(
        session.must_accept(session.draft(sample_kind("other.kind"))));
  }

  std::vector<jobs::job_id> list(const jobs::job_filter& filter,
                                 std::int64_t before = 0,
                                 std::size_t limit = 50) {
    const auto page = queries.list_jobs(filter, before, limit);
    if (!page)
      FAIL(page.error().what);
    std::vector<jobs::job_id> ids;
    for (const auto& job : page->items)
      ids.push_back(job.id);
    return ids;
  }
  std::vector<std::string> types(const jobs::event_filter& filter,
                                 std::int64_t after = 0) {
    const auto page = queries.events_after(after, filter, 1000);
    if (!page)
      FAIL(page.error().what);
    std::vector<std::string> found;
    for (const auto& event : page->items) {
      CHECK(filter.matches(event));
      found.push_back(event.type);
    }
    return found;
  }

  sqlite_world world;
  contracts::ledger_session session{world};
  sqlite_queries queries{world.file, world.clock};
  jobs::server_record server;
  jobs::job_record queued, cancelled, running, succeeded;
  jobs::time_ms middle = 0;
};

} // namespace alula::storage
