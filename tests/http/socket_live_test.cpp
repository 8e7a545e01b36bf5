// What a websocket does on a node that runs servers: states, orders, numbers,
// jobs.
#include "http/socket_hub.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/fake_processes.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;
using jobs::process_state;
using lines = std::vector<std::string>;

namespace {

struct live_world : socket_world {
  live_world() {
    hub.serve({.processes = &processes,
               .askers = &askers,
               .report =
                   [](const jobs::activity& what) {
                     return std::optional{jobs::report_of(what)};
                   },
               .note =
                   [this](const jobs::activity& what) {
                     const std::lock_guard lock{mutex};
                     noted.push_back(what);
                   },
               .audit =
                   [this](jobs::audit_record what) {
                     const std::lock_guard lock{mutex};
                     audit.push_back(std::move(what));
                   },
               .log_lines = 3,
               .log_bytes = 100});
  }

  /// Authenticated; all it was told is still to be heard.
  std::shared_ptr<fake_websocket>
  come_in(std::vector<std::string> permissions = {"*"}) {
    auto socket = open(server_a);
    authenticate(*socket, claims(server_a, std::move(permissions)));
    return socket;
  }
  std::shared_ptr<fake_websocket>
  come_in_quietly(std::vector<std::string> permissions = {"*"}) {
    auto socket = come_in(std::move(permissions));
    heard(*socket);
    return socket;
  }
  lines written() { return processes.by_server[server_a].written; }

  /// As heard(), once there are that many; lines of a log come later.
  lines hear(const std::shared_ptr<fake_websocket>& socket, std::size_t count) {
    lines out;
    CHECK(socket->wait_until([&](const auto&) {
      for (auto& line : heard(*socket))
        out.push_back(std::move(line));
      return out.size() >= count;
    }));
    return out;
  }

  jobs::fake_processes processes;
  std::mutex mutex;
  std::vector<jobs::activity> noted;
  std::vector<jobs::audit_record> audit;
  errands askers{16, 1};
};

std::int64_t seq_of(const std::string& frame) {
  return nlohmann::json::parse(frame).value("seq", std::int64_t{0});
}

jobs::job_record backup_job(const jobs::server_id& server) {
  auto job = doubles::make_job("backup.create");
  job.server = server;
  return job;
}

jobs::job_view_ptr view_of(jobs::job_record job, std::int64_t revision = 0) {
  return std::make_shared<jobs::job_view>(
      std::move(job),
      jobs::progress{.done = revision, .total = 100, .unit = "bytes"},
      revision);
}

} // namespace

// -- who comes in ------------------------------------------------------------

TEST_CASE("a client that comes in is told the state the node knows", "[http]") {
  live_world world;
  const auto state = GENERATE(process_state::starting, process_state::running,
                              process_state::stopping);
  world.processes.put(server_a, state);
  const auto socket = world.come_in();
  CHECK(world.heard(*socket)
        == lines{"auth success", "status " + std::string{to_string(state)}});
}

TEST_CASE("of a server that is off it is told what it uses, once", "[http]") {
  live_world world;
  const auto socket = world.come_in();
  const auto told = world.heard(*socket);
  REQUIRE(told.size() == 3);
  CHECK(told[1] == "status offline");
  CHECK(told[2].starts_with("stats {"));
}

TEST_CASE("a state that is no guess is told while Docker is silent", "[http]") {
  live_world world;
  world.engine.answer(
      jobs::fault{.code = jobs::fault_code::docker_unavailable, .what = "no"});
  const auto off = world.come_in();
  CHECK(world.heard(*off) == lines{"auth success"});
  world.processes.put(server_a, process_state::running);
  const auto up = world.come_in();
  CHECK(world.heard(*up) == lines{"auth success", "status running"});
}

TEST_CASE("a container that runs and is not taken over yet is not told as off",
          "[http]") {
  live_world world;
  world.engine.answer_running(true);
  const auto socket = world.come_in();
  CHECK(world.heard(*socket) == lines{"auth success"});
  world.processes.put(server_a, process_state::running);
  world.pass(30s);
  CHECK(world.heard(*socket) == lines{"status running"});
}

TEST_CASE("what changes while a client comes in is its last word", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::starting);
  // The change is announced between the look and the answer.
  const auto change = [&] {
    world.processes.put(server_a, process_state::running);
    world.hub.announce(server_a, "status", {"running"});
  };
  world.processes.after_look = [&] { world.processes.after_look = change; };
  const auto socket = world.come_in();
  CHECK(world.heard(*socket)
        == lines{"auth success", "status running", "status starting",
                 "status running"});
}

// -- orders ------------------------------------------------------------------

TEST_CASE("a power order becomes a job, and the Panel is told by its accept",
          "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  const auto action =
      GENERATE(as<std::string>{}, "start", "stop", "restart", "kill");
  socket_world::say(*socket, "set state", {action});
  CHECK(world.heard(*socket).empty());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.power");
  CHECK(world.engine.submitted[0].server == server_a);
  CHECK(nlohmann::json::parse(world.engine.submitted[0].body)
        == nlohmann::json{{"action", action}});
  const auto& report = world.engine.submitted[0].report;
  REQUIRE(report);
  CHECK(report->subject == "activity:" + server_a.to_string());
  const auto row = nlohmann::json::parse(report->body).at("data").at(0);
  CHECK(row.at("event") == "server:power." + action);
  CHECK(row.at("ip") == "127.0.0.1");
  CHECK(world.noted.empty());
}

TEST_CASE("orders over a websocket are in the audit, refused ones too",
          "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "set state", {"stop"});
  socket_world::say(*socket, "send command", {"op hunter2"});
  world.engine.taken = jobs::fault{.code = jobs::fault_code::server_suspended,
                                   .what = "the server is suspended"};
  socket_world::say(*socket, "set state", {"start"});
  world.processes.put(server_a, process_state::offline);
  world.processes.by_server[server_a].usage.is_known = false;
  socket_world::say(*socket, "send command", {"say hi"});
  // Nothing is asked of the node by these.
  socket_world::say(*socket, "set state", {"dance"});
  socket_world::say(*socket, "send stats", nlohmann::json::array());
  const auto guest = world.come_in_quietly({"websocket.connect"});
  socket_world::say(*guest, "set state", {"kill"});
  const auto path = "/api/servers/" + server_a.to_string() + "/ws/";
  REQUIRE(world.audit.size() == 4);
  CHECK(world.audit[0].path == path + "set state/stop");
  CHECK(world.audit[0].status == 202);
  CHECK(world.audit[1].path == path + "send command");
  CHECK(world.audit[2].path == path + "set state/start");
  CHECK(world.audit[2].status == 400);
  CHECK(world.audit[3].path == path + "send command");
  CHECK(world.audit[3].status == 503);
  for (const auto& row : world.audit) {
    CHECK(row.principal == "user:user-1");
    CHECK(row.method == "WS");
    CHECK(row.server == server_a.view());
    CHECK(row.remote == "127.0.0.1");
    CHECK(row.at == world.clock.now());
  }
}

TEST_CASE("an order that is refused says why, and is not noted", "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  SECTION("to everybody, when it is about the server") {
    world.engine.taken = jobs::fault{.code = jobs::fault_code::server_suspended,
                                     .what = "the server is suspended"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: the server is suspended"});
  }
  SECTION("and by which job, when one is in the way") {
    world.engine.taken =
        jobs::fault{.code = jobs::fault_code::server_locked,
                    .what = "the server is being deleted",
                    .in_the_way = "0199c1de-0000-7000-8000-000000000001"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: the server is being deleted "
                   "(job 0199c1de-0000-7000-8000-000000000001)"});
  }
  SECTION("and by which restore, which only the engine knows") {
    auto restore = doubles::make_job("backup.restore");
    restore.server = server_a;
    world.engine.live = {view_of(restore)};
    world.engine.taken =
        jobs::fault{.code = jobs::fault_code::server_locked, .what = "locked"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: locked (job "
                   + restore.id.to_string() + ")"});
  }
  SECTION("to administrators, when it is about the node") {
    world.engine.taken = jobs::fault{
        .code = jobs::fault_code::journal_unavailable, .what = "/dev/sda1"};
    const auto admin = world.come_in_quietly({"*", "admin.websocket.errors"});
    for (const auto& each : {socket, admin})
      socket_world::say(*each, "set state", {"start"});
    CHECK(world.heard(*socket).at(0).find("/dev/sda1") == std::string::npos);
    CHECK(world.heard(*admin)
          == lines{"daemon error Error Event []: /dev/sda1"});
  }
  SECTION("an action that is none") {
    socket_world::say(*socket, "set state", {"dance"});
    CHECK(world.heard(*socket).size() == 1);
    CHECK(world.engine.submitted.empty());
  }
  CHECK(world.noted.empty());
}

TEST_CASE("a command goes to the console, and is noted for the Panel",
          "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.written() == lines{"say hi"});
  CHECK(world.heard(*socket).empty());
  REQUIRE(world.noted.size() == 1);
  CHECK(world.noted[0].event == "server:console.command");
  CHECK(world.noted[0].command == "say hi");
}

TEST_CASE("commands to a server that is off are ignored in silence", "[http]") {
  live_world world;
  world.processes.put(server_a,
                      GENERATE(process_state::offline, process_state::starting),
                      false);
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket).empty());
  CHECK(world.noted.empty());
}

TEST_CASE("a command to a server that was not looked at yet is not dropped in "
          "silence",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].usage.is_known = false;
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket)
        == lines{"daemon error Error Event []: Docker has not said yet "
                 "whether this server runs"});
  socket_world::say(*socket, "send stats", {nullptr});
  CHECK(world.heard(*socket).empty());
  CHECK(world.noted.empty());
}

TEST_CASE("a console that takes no more says so", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  const auto socket = world.come_in_quietly();
  world.processes.fail_next(
      "write", {.code = jobs::fault_code::rate_limited, .what = "too fast"});
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket) == lines{"daemon error Error Event []: too fast"});
  CHECK(world.noted.empty());
}

TEST_CASE("who asks for figures gets them once", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  world.processes.by_server[server_a].usage.sample.memory_bytes = 77;
  const auto socket = world.come_in_quietly();
  const auto other = world.come_in_quietly();
  socket_world::say(*socket, "send stats", {nullptr});
  const auto told = world.heard(*socket);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("\"memory_bytes\":77") != std::string::npos);
  CHECK(world.heard(*other).empty());
}

TEST_CASE("who asks for logs gets the last lines of the container", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  world.processes.by_server[server_a].console = {"1", "2", "3", "4"};
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send logs", {nullptr});
  CHECK(world.hear(socket, 3)
        == lines{"console output 2", "console output 3", "console output 4"});
  CHECK(world.processes.calls().back().starts_with("log "));
}

TEST_CASE("what does not run, or cannot be asked, is told as it was heard",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].console = {"it did not start"};
  const auto socket = world.come_in_quietly();
  SECTION("off") {
    socket_world::say(*socket, "send logs", {nullptr});
    CHECK(world.heard(*socket) == lines{"console output it did not start"});
  }
  SECTION("Docker is silent") {
    world.processes.put(server_a, process_state::running);
    world.processes.fail_next("log",
                              {.code = jobs::fault_code::docker_unavailable});
    socket_world::say(*socket, "send logs", {nullptr});
    CHECK(world.hear(socket, 1) == lines{"console output it did not start"});
  }
}

TEST_CASE("a log is bounded by its bytes, the newest lines first of all",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].console = {
      std::string(60, 'a'), std::string(60, 'b'), std::string(39, 'c')};
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send logs", {nullptr});
  CHECK(world.heard(*socket)
        == lines{"console output " + std::string(60, 'b'),
                 "console output " + std::string(39, 'c')});
}

// -- numbers, and what has ended ---------------------------------------------

TEST_CASE("what is announced of a server is numbered without gaps", "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  const auto from = socket->sent().size();
  world.hub.announce(server_a, "console output", {"1"});
  world.hub.announce(server_b, "console output", {"elsewhere"});
  world.hub.announce(server_a, "console output", {"2"});
  const auto all = socket->sent();
  REQUIRE(all.size() == from + 2);
  CHECK(seq_of(all[from]) > 0);
  CHECK(seq_of(all[from + 1]) == seq_of(all[from]) + 1);
  // What is said to one client alone has none.
  CHECK(seq_of(all[0]) == 0);
}

TEST_CASE("numbers go on over a restart", "[http]") {
  const auto number_in = [](socket_world& world) {
    const auto socket = world.join(server_a);
    world.hub.announce(server_a, "status", {"running"});
    return seq_of(socket->sent().back());
  };
  socket_world before;
  const auto first = number_in(before);
  socket_world after{{}, 10s};
  CHECK(number_in(after) > first);
}

TEST_CASE("who brings a new token hears what has ended meanwhile", "[http]") {
  live_world world;
  world.hub.announce(server_a, "install completed", {""});
  const auto socket = world.come_in_quietly();
  world.hub.announce(server_a, "console output", {"seen"});
  world.pass(601s);
  world.heard(*socket);
  world.hub.announce(server_a, "console output", {"unseen"});
  world.hub.announce(server_a, "backup completed", {"{}"});
  world.hub.announce(server_a, "backup completed:x", {"{}"});
  CHECK(world.heard(*socket) == lines{"jwt error jwt: exp claim is invalid"});
  world.authenticate(*socket, world.claims(server_a));
  const auto told = world.heard(*socket);
  REQUIRE(told.size() >= 4);
  CHECK(told[0] == "auth success");
  CHECK(told[1] == "backup completed {}");
  CHECK(told[2] == "backup completed:x {}");
  CHECK(told[3] == "status offline");
  // Once.
  world.authenticate(*socket, world.claims(server_a));
  CHECK(world.heard(*socket) == lines{"auth success"});
}

TEST_CASE("who was cut off resumes behind the last number it saw", "[http]") {
  live_world world;
  world.hub.announce(server_a, "backup completed", {"1"});
  world.hub.announce(server_a, "backup restore completed", {""});
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "resume", {"0"});
  CHECK(world.heard(*socket)
        == lines{"backup completed 1", "backup restore completed "});
  const auto last = seq_of(socket->sent().back());
  socket_world::say(*socket, "resume", {std::to_string(last - 1)});
  CHECK(world.heard(*socket) == lines{"backup restore completed "});
  // What may not be heard is not resumed either.
  const auto stranger = world.come_in_quietly({"websocket.connect"});
  socket_world::say(*stranger, "resume", {"0"});
  CHECK(world.heard(*stranger) == lines{"backup restore completed "});
}

TEST_CASE("a bounded number of completions is kept, of servers that are here",
          "[http]") {
  live_world world;
  for (int i = 0; i < 100; ++i)
    world.hub.announce(server_a, "backup completed", {std::to_string(i)});
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "resume", {"0"});
  const auto told = world.heard(*socket);
  CHECK(told.size() == 64);
  CHECK(told.back() == "backup completed 99");
  world.hub.dismiss(server_a, 1001, "server deleted", 1s);
  const auto next = world.come_in_quietly();
  socket_world::say(*next, "resume", {"0"});
  CHECK(world.heard(*next).empty());
}

TEST_CASE("both names of a completed backup need its permission", "[http]") {
  live_world world;
  const auto owner = world.come_in_quietly();
  const auto guest = world.come_in_quietly({"websocket.connect"});
  world.hub.announce(server_a, "backup completed", {"{}"});
  world.hub.announce(server_a, "backup completed:a3d1", {"{}"});
  CHECK(world.heard(*owner)
        == lines{"backup completed {}", "backup completed:a3d1 {}"});
  CHECK(world.heard(*guest).empty());
}

// -- jobs --------------------------------------------------------------------

namespace {

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

// -- access ------------------------------------------------------------------

namespace {

int deauthorize(socket_world& world, const std::string& body) {
  const auto asked =
      std::make_shared<fake_exchange>(doubles::make_request("POST", "/", body));
  make_deauthorize_handler(world.hub)(asked);
  return status_of(asked);
}

} // namespace

TEST_CASE("who is deauthorized is shown out, and his tokens are denied",
          "[http]") {
  live_world world;
  const auto user = std::string{"user-1"};
  const auto mine = world.come_in_quietly();
  auto others = world.claims(server_a);
  others["user_uuid"] = "user-2";
  const auto other = world.open(server_a);
  world.authenticate(*other, others);
  const auto elsewhere = world.open(server_b);
  world.authenticate(*elsewhere, world.claims(server_b));
  world.clock.move(1s);

  SECTION("of some servers") {
    CHECK(deauthorize(world, R"({"user":"user-1","servers":[")"
                                 + server_a.to_string() + R"("]})")
          == 204);
    CHECK(elsewhere->is_open());
  }
  SECTION("of all, in Pelican's wrapping") {
    CHECK(deauthorize(world, R"({"json":{"user":"user-1","servers":[]}})")
          == 204);
    CHECK(elsewhere->close_code() == 1008);
  }
  CHECK(mine->close_code() == 1008);
  CHECK(other->is_open());

  auto old = world.claims(server_a);
  old["iat"] = world.clock.now() / 1'000 - 1;
  const auto again = world.open(server_a);
  world.authenticate(*again, old);
  CHECK(world.heard(*again).at(0).find("denylist") != std::string::npos);
  world.clock.move(2s);
  world.authenticate(*again, world.claims(server_a));
  CHECK(world.heard(*again).at(0) == "auth success");
}

TEST_CASE("a deauthorization of nobody is refused", "[http]") {
  live_world world;
  CHECK(deauthorize(world, "{}") == 422);
  CHECK(deauthorize(world, R"({"user":"u","servers":["x"]})") == 422);
  CHECK(deauthorize(world, "no") == 400);
}
