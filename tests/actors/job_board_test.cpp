#include "actors/job_board.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <utility>

using namespace alula;

namespace {

jobs::job_record record(std::int64_t row, jobs::job_state state,
                        std::int64_t version = 1) {
  jobs::job_record job;
  job.row = row;
  job.id = *jobs::job_id::parse("0199c1de-0000-7000-8000-00000000000"
                                + std::to_string(row));
  job.kind = "test.kind";
  job.server_row = row;
  job.state = state;
  job.version = version;
  job.steps.push_back({.name = "s"});
  return job;
}

jobs::server_ptr server(std::int64_t row, jobs::server_state state) {
  return std::make_shared<const jobs::server_record>(jobs::server_record{
      .row = row,
      .uuid = *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-000000000001"),
      .state = state});
}

} // namespace

TEST_CASE("the board shows the newest version only", "[actors]") {
  actors::job_board board{10};
  const auto job = record(1, jobs::job_state::running, 3);
  board.apply({job}, {});
  board.apply({record(1, jobs::job_state::queued, 2)}, {});
  CHECK(board.peek(job.id)->record().version == 3);
}

TEST_CASE("whoever is ahead of the board waits until job and server are shown",
          "[actors]") {
  actors::job_board board{10};
  const auto job = record(1, jobs::job_state::running, 1);
  board.apply({job}, {server(1, jobs::server_state::creating)});
  auto read = std::async(std::launch::async, [&] {
    auto view = board.await_version(job.id, 3, std::chrono::hours{1});
    return std::pair{view, board.list_servers().at(0)};
  });
  board.apply({record(1, jobs::job_state::running, 2)}, {});
  board.apply({record(1, jobs::job_state::succeeded, 3)},
              {server(1, jobs::server_state::active)});
  const auto [view, shown] = read.get();
  CHECK(view->record().version == 3);
  CHECK(shown->state == jobs::server_state::active);
  CHECK(board.await_version(job.id, 4, {})->record().version == 3);
  CHECK_FALSE(board.await_version(record(2, {}).id, 1, std::chrono::hours{1}));
}

TEST_CASE("the board keeps the jobs that ended last", "[actors]") {
  actors::job_board board{2};
  for (int row = 1; row <= 4; ++row) {
    board.apply({record(row, jobs::job_state::running)}, {});
    board.apply({record(row, jobs::job_state::succeeded, 2)}, {});
  }
  CHECK_FALSE(board.peek(record(2, {}).id));
  CHECK(board.peek(record(3, {}).id));
  CHECK(board.peek(record(4, {}).id));
  jobs::summary told;
  board.count(told);
  CHECK(told.ended_since_boot == 4);
  CHECK(told.jobs_by_state.empty());
  CHECK(told.oldest_waiting_since == 0);
}

TEST_CASE("the oldest waiting job is one in line or one that tries again",
          "[actors]") {
  actors::job_board board{10};
  const auto oldest = [&] {
    jobs::summary told;
    board.count(told);
    return told.oldest_waiting_since;
  };
  auto in_line = record(1, jobs::job_state::queued);
  in_line.created_at = 2'000;
  board.apply({in_line}, {});
  CHECK(oldest() == 2'000);

  auto tries = record(2, jobs::job_state::retry_wait);
  tries.created_at = 500;
  tries.run_at = 90'000; // the next try
  tries.reason = "DockerUnavailable";
  tries.steps.at(0).state = jobs::step_state::started;
  tries.steps.at(0).started_at = 600; // it worked until it was held up
  tries.held_by = tries.reason;
  tries.held_since = tries.held_by_since = tries.waiting_since = 1'000;
  board.apply({tries}, {});
  CHECK(oldest() == 1'000);

  SECTION("also when it waits for two things by turns") {
    for (const auto* reason : {"ContainerBusy", "DockerUnavailable"}) {
      tries.reason = tries.held_by = reason;
      tries.held_by_since += 10'000; // each wait begins anew
      tries.waiting_since = tries.held_by_since;
      ++tries.version;
      board.apply({tries}, {});
      CHECK(oldest() == 1'000);
    }
  }
  SECTION("also while it waits for a worker between two tries") {
    tries.reason = "WaitingForWorker";
    tries.waiting_since = 80'000;
    tries.version = 2;
    board.apply({tries}, {});
    CHECK(oldest() == 1'000);
  }
  SECTION("from anew in the step after one that was held up") {
    tries.held_by.clear();
    tries.held_since = tries.held_by_since = 0;
    tries.state = jobs::job_state::running;
    tries.version = 2;
    board.apply({tries}, {});
    tries.state = jobs::job_state::retry_wait;
    tries.held_by = tries.reason;
    tries.held_since = tries.held_by_since = tries.waiting_since = 1'500;
    tries.version = 3;
    board.apply({tries}, {});
    CHECK(oldest() == 1'500);
  }
  SECTION("as the ledger has it, after a restart") {
    actors::job_board next{10};
    next.fill({.jobs = {tries}});
    jobs::summary told;
    next.count(told);
    CHECK(told.oldest_waiting_since == 1'000);
  }
  SECTION("until it runs again") {
    tries.state = jobs::job_state::running;
    tries.version = 2;
    board.apply({tries}, {});
    CHECK(oldest() == 2'000);
  }
  SECTION("and not one that is parked, which has a count of its own") {
    tries.state = jobs::job_state::parked;
    tries.version = 2;
    board.apply({tries}, {});
    CHECK(oldest() == 2'000);
  }
  SECTION("and not one that keeps files as promised") {
    auto keeps = record(3, jobs::job_state::retry_wait);
    keeps.created_at = 100;
    keeps.reason = "Retained";
    board.apply({keeps}, {});
    CHECK(oldest() == 1'000);
  }
}

TEST_CASE("only ended jobs are forgotten", "[actors]") {
  actors::job_board board{10};
  const auto live = record(1, jobs::job_state::running);
  const auto ended = record(2, jobs::job_state::failed);
  board.apply({live, ended}, {});
  board.forget({live.id, ended.id});
  CHECK(board.peek(live.id));
  CHECK_FALSE(board.peek(ended.id));
}

TEST_CASE("progress stays with the step that made it", "[actors]") {
  actors::job_board board{10};
  auto job = record(1, jobs::job_state::running);
  job.steps[0].state = jobs::step_state::started;
  board.apply({job}, {});
  REQUIRE(board.show_progress(job.id, {.done = 1, .unit = "x", .message = {}}));
  job.version = 2;
  board.apply({job}, {});
  CHECK(board.peek(job.id)->current_progress()->done == 1);
  CHECK(board.peek(job.id)->etag() == "\"2.1\"");
  job.version = 3;
  job.steps[0].state = jobs::step_state::done;
  board.apply({job}, {});
  CHECK_FALSE(board.peek(job.id)->current_progress());
  CHECK_FALSE(board.show_progress(record(9, {}).id, {}));
}

TEST_CASE("a uuid shows its live incarnation", "[actors]") {
  using enum jobs::server_state;
  actors::job_board board{10};
  const auto uuid = server(1, active)->uuid;
  board.apply({}, {server(1, active)});
  CHECK(board.find_server(uuid)->row == 1);
  board.apply({}, {server(1, deleted), server(2, creating)});
  CHECK(board.find_server(uuid)->row == 2);
  board.apply({}, {server(1, deleted)});
  CHECK(board.find_server(uuid)->row == 2);
  board.apply({}, {server(2, deleted)});
  CHECK_FALSE(board.find_server(uuid));
  CHECK(board.list_servers().empty());
}
