// Jobs as who subscribes to them over a websocket hears of them.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

using namespace alula;
using namespace alula::http;

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
