// Jobs as who subscribes to them over a websocket hears of them.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

jobs::job_record backup_job(const jobs::server_id& server) {
  auto job = doubles::make_job("backup.create");
  job.server = server;
  return job;
}

/// State and done of each `job progress` that was heard.
lines progress_of(const lines& heard) {
  lines out;
  const std::string name = "job progress ";
  for (const auto& line : heard) {
    if (!line.starts_with(name))
      continue;
    const auto job = nlohmann::json::parse(line.substr(name.size()));
    const auto& progress = job.at("progress");
    out.push_back(job.at("state").get<std::string>() + ' '
                  + (progress.is_null() ? "-" : progress.at("done").dump()));
  }
  return out;
}

} // namespace

TEST_CASE("who subscribes is told of jobs under way, and how they go on",
          "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  auto job = backup_job(server_a);
  world.engine.live = {view_of(job, 1)};
  const auto follower = world.come_in_quietly();
  const auto other = world.come_in_quietly();
  socket_world::say(*follower, "subscribe", {"jobs"});
  const auto told = world.heard(*follower);
  REQUIRE_FALSE(told.empty());
  CHECK(told[0] == "subscribed jobs");
  CHECK(progress_of(told) == lines{"running 1"});

  world.engine.sink({.progress = {view_of(job, 50)}});
  CHECK(progress_of(world.heard(*follower)) == lines{"running 50"});

  auto over = doubles::ended(job, jobs::job_state::succeeded);
  world.engine.live = {view_of(over, 100)};
  jobs::event end{.job = job.id, .server = server_a, .type = "job.succeeded"};
  world.engine.sink({.events = {std::make_shared<const jobs::event>(end)}});
  CHECK(progress_of(world.heard(*follower)) == lines{"succeeded 100"});
  CHECK(world.heard(*other).empty());

  socket_world::say(*follower, "unsubscribe", {"jobs"});
  CHECK(world.heard(*follower) == lines{"unsubscribed jobs"});
  world.engine.sink({.progress = {view_of(job, 60)}});
  CHECK(world.heard(*follower).empty());
}

TEST_CASE("changes of jobs are numbered among what is announced", "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  auto job = backup_job(server_a);
  world.engine.live = {view_of(job, 1)};
  const auto follower = world.come_in_quietly();
  const auto second = world.come_in_quietly();
  for (const auto& each : {follower, second}) {
    socket_world::say(*each, "subscribe", {"jobs"});
    // What is under way is said to one client alone.
    CHECK(seq_of(each->sent().back()) == 0);
  }
  world.hub.announce(server_a, "console output", {"1"});
  const auto before = seq_of(follower->sent().back());
  world.engine.sink({.progress = {view_of(job, 50)}});
  world.hub.announce(server_a, "console output", {"2"});
  for (const auto& each : {follower, second}) {
    const auto all = each->sent();
    REQUIRE(all.size() > 2);
    CHECK(all[all.size() - 2].find("job progress") != std::string::npos);
    CHECK(seq_of(all[all.size() - 2]) == before + 1);
    CHECK(seq_of(all.back()) == before + 2);
  }
}

TEST_CASE("a change of a job that nobody follows takes no number", "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  const auto socket = world.come_in_quietly();
  world.hub.announce(server_a, "console output", {"1"});
  const auto before = seq_of(socket->sent().back());
  world.engine.sink({.progress = {view_of(backup_job(server_a), 50)}});
  world.hub.announce(server_a, "console output", {"2"});
  CHECK(seq_of(socket->sent().back()) == before + 1);
}

TEST_CASE("a job's second count reaches who follows it", "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  const auto follower = world.come_in_quietly();
  socket_world::say(*follower, "subscribe", {"jobs"});
  world.heard(*follower);
  jobs::progress packing{.done = 10, .total = 40, .unit = "bytes"};
  packing.files = jobs::work_count{3, 12};
  world.engine.sink({.progress = {std::make_shared<jobs::job_view>(
                         backup_job(server_a), packing, 1)}});
  CHECK(world.heard(*follower).at(0).find(R"("files":{"done":3,"total":12})")
        != std::string::npos);
}

TEST_CASE("jobs have permissions, and their errors too", "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  const auto stranger = world.come_in_quietly({"websocket.connect"});
  const auto owner = world.come_in_quietly();
  const auto admin = world.come_in_quietly({"*", "admin.websocket.errors"});
  for (const auto& each : {stranger, owner, admin}) {
    socket_world::say(*each, "subscribe", {"jobs"});
    world.heard(*each);
  }
  auto job = backup_job(server_a);
  job.error = jobs::fault{.code = jobs::fault_code::io_error,
                          .what = "/srv/backups: EIO"};
  world.engine.sink({.progress = {view_of(job, 1)}});
  CHECK(world.heard(*stranger).empty());
  const auto for_owner = world.heard(*owner).at(0);
  CHECK(for_owner.find("io-error") != std::string::npos);
  CHECK(for_owner.find("/srv/backups") == std::string::npos);
  CHECK(world.heard(*admin).at(0).find("/srv/backups") != std::string::npos);
}

TEST_CASE("who follows jobs hears all of them after the node was too slow",
          "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  const auto follower = world.come_in_quietly();
  socket_world::say(*follower, "subscribe", {"jobs"});
  world.heard(*follower);
  world.engine.live = {view_of(backup_job(server_a), 7)};
  const auto sink = world.engine.sink;
  sink({.lost = true});
  CHECK(world.engine.subscriptions == 2);
  CHECK(progress_of(world.heard(*follower)) == lines{"running 7"});
}

TEST_CASE("who brings a new token hears how the jobs went on that it follows",
          "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  auto job = backup_job(server_a);
  world.engine.live = {view_of(job, 1)};
  const auto follower = world.come_in_quietly();
  socket_world::say(*follower, "subscribe", {"jobs"});
  world.pass(601s);
  world.heard(*follower);
  const auto ends = [&world](const jobs::job_record& which) {
    const auto over = doubles::ended(which, jobs::job_state::succeeded);
    std::erase_if(world.engine.live, [&](const auto& each) {
      return each->record().id == which.id;
    });
    world.engine.live.push_back(view_of(over, 100));
    jobs::event end{
        .job = which.id, .server = server_a, .type = "job.succeeded"};
    world.engine.sink({.events = {std::make_shared<const jobs::event>(end)}});
  };
  lines expected;
  SECTION("of one under way") {
    world.engine.live = {view_of(job, 50)};
    world.engine.sink({.progress = {view_of(job, 50)}});
    expected = {"running 50"};
  }
  SECTION("of one that has ended") {
    ends(job);
    expected = {"succeeded 100"};
  }
  SECTION("of one that came and went meanwhile") {
    const auto other = backup_job(server_a);
    world.engine.sink({.progress = {view_of(other, 1)}});
    ends(other);
    expected = {"running 1", "succeeded 100"};
  }
  CHECK(world.heard(*follower).empty());
  world.authenticate(*follower, world.claims(server_a));
  auto told = progress_of(world.heard(*follower));
  std::ranges::sort(told);
  CHECK(told == expected);
  // Once.
  world.authenticate(*follower, world.claims(server_a));
  CHECK(world.heard(*follower) == lines{"auth success"});
}

TEST_CASE("who follows jobs hears of an end that the node was too slow to tell",
          "[http]") {
  live_world world;
  world.hub.follow(world.engine);
  const auto job = backup_job(server_a);
  world.engine.live = {view_of(job, 1)};
  const auto follower = world.come_in_quietly();
  socket_world::say(*follower, "subscribe", {"jobs"});
  world.heard(*follower);
  world.engine.live = {
      view_of(doubles::ended(job, jobs::job_state::succeeded), 100)};
  const auto sink = world.engine.sink;
  sink({.lost = true});
  CHECK(progress_of(world.heard(*follower)) == lines{"succeeded 100"});
  sink({.lost = true});
  CHECK(world.heard(*follower).empty());
}
