// A server that comes from another node, in the engine: cancelled, sent twice,
// and a process that dies in the middle of it.
#include "jobs/incoming_transfers.hpp"
#include "tests/actors/backup_node.hpp"
#include "tests/doubles/fake_life.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/transfer_form.hpp"

#include <atomic>
#include <future>

using namespace alula;
using namespace alula::actors_test;
using jobs::fault_code;
using jobs::job_state;

namespace {

struct target_node : backup_node {
  target_node() : backup_node(1) {
    store->tells_panel = true;
    panel.put(newcomer, R"({"settings":{"container":{"image":"game:1"}},)"
                        R"("process_configuration":{}})");
    node.life = &life.ports;
    node.incoming = &incoming;
  }
  ~target_node() {
    let_all_go();
    engine.reset();
  }

  target_node& start() {
    ledger = std::make_unique<doubles::fake_ledger>(store, clock);
    engine = std::make_unique<actors::actor_engine>(
        settings, jobs::standard_catalog(), node, *ledger, queries, clock);
    REQUIRE(engine->start());
    return *this;
  }
  /// kill -9: no request outlives it.
  void die() {
    ledger->crash();
    incoming.forget(request);
    let_all_go();
    crash();
    archives.reserved.clear(); // were held in memory
    volumes.reserved.clear();
  }
  void let_all_go() {
    for (const auto* method : {"open_part", "extract"})
      archives.let_go(method);
    pull_may_go.store(true);
    pull_may_go.notify_all();
  }

  jobs::result<jobs::ticket> ask_to_receive(const std::string& name) {
    auto pipe = std::make_shared<jobs::body_pipe>();
    pipe->push(doubles::forms::body(archives));
    pipe->finish();
    incoming.announce(
        name, {.body = pipe, .boundary = doubles::forms::mark, .length = -1});
    jobs::submission what;
    what.kind = jobs::receive_server.name;
    what.body =
        nlohmann::json{{"server", newcomer.view()}, {"request", name}}.dump();
    return ask(std::move(what));
  }
  jobs::job_id receive() {
    const auto taken = ask_to_receive(request);
    REQUIRE(taken);
    return taken->job->record().id;
  }
  /// Its archive is not unpacked before "extract" is let go.
  jobs::job_id receive_up_to_extract() {
    archives.hold("extract");
    const auto id = receive();
    REQUIRE(archives.wait_until_held("extract"));
    return id;
  }

  /// What the Panel is told, in this order.
  std::vector<std::string> reports() {
    std::vector<std::string> paths;
    const std::scoped_lock lock{store->mutex};
    for (const auto& [row, r] : store->reports)
      paths.push_back(r.path.substr(r.path.rfind('/') + 1));
    return paths;
  }
  bool is_clean() {
    const std::scoped_lock locks{archives.mutex, volumes.mutex,
                                 containers.mutex};
    return !volumes.live.contains(newcomer) && volumes.staging.empty()
           && volumes.trash.empty() && archives.fetched.empty()
           && archives.reserved.empty() && volumes.reserved.empty()
           && containers.by_id.size() == 1;
  }

  const jobs::server_id newcomer = server_number(9);
  const std::string request = "the request";
  jobs::fake_panel panel;
  jobs::fake_life life{containers};
  jobs::incoming_transfers incoming;
  std::atomic<bool> pull_may_go{true};
  jobs::ports node{containers,
                   volumes,
                   audience,
                   downloads,
                   archives,
                   queries,
                   std::chrono::milliseconds{0},
                   std::chrono::hours{24},
                   std::chrono::milliseconds{0},
                   panel};
};

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("a server that comes in is registered at once and active at the end",
          "[actors][transfers]") {
  target_node w;
  w.start();
  const auto id = w.receive_up_to_extract();
  const auto meanwhile = w.engine->find_server(w.newcomer);
  REQUIRE(meanwhile);
  CHECK(meanwhile->state == jobs::server_state::creating);
  CHECK(meanwhile->transferring);
  w.archives.let_go("extract");
  REQUIRE(w.end_of(id).state == job_state::succeeded);
  const auto arrived = w.engine->find_server(w.newcomer);
  REQUIRE(arrived);
  CHECK(arrived->state == jobs::server_state::active);
  CHECK_FALSE(arrived->transferring);
  CHECK_FALSE(arrived->container_id.empty());
  CHECK(w.reports() == strings{"success"});
}

TEST_CASE("a server comes from one sender only", "[actors][transfers]") {
  target_node w;
  w.start();
  const auto id = w.receive_up_to_extract();
  const auto second = w.ask_to_receive("another");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == fault_code::server_exists);
  CHECK(second.error().in_the_way == id.to_string());
  w.archives.let_go("extract");
  CHECK(w.end_of(id).state == job_state::succeeded);
  const auto third = w.ask_to_receive("a third");
  REQUIRE_FALSE(third);
  CHECK(third.error().code == fault_code::server_exists);
  CHECK(w.reports() == strings{"success"});
}

TEST_CASE("a transfer that is cancelled leaves nothing and is told",
          "[actors][transfers]") {
  target_node w;
  w.start();
  const auto id = w.receive_up_to_extract();
  REQUIRE(w.cancel(id));
  CHECK(w.end_of(id).state == job_state::cancelled);
  CHECK(w.is_clean());
  CHECK_FALSE(w.engine->find_server(w.newcomer));
  CHECK(w.reports() == strings{"failure"});
}

TEST_CASE("a process that dies while it takes in a server leaves nothing",
          "[actors][transfers]") {
  target_node w;
  w.start();
  SECTION("in the body") {
    w.archives.hold("open_part");
    w.receive();
    REQUIRE(w.archives.wait_until_held("open_part"));
  }
  SECTION("while it is unpacked") {
    w.archives.hold("extract");
    w.receive();
    REQUIRE(w.archives.wait_until_held("extract"));
  }
  std::promise<void> pulls;
  SECTION("with the volume in its place") {
    w.pull_may_go = false;
    w.life.factory.before_pull =
        [&, told = std::make_shared<std::once_flag>()](std::string_view) {
          std::call_once(*told, [&] { pulls.set_value(); });
          w.pull_may_go.wait(false);
        };
    w.receive();
    REQUIRE(pulls.get_future().wait_for(patience) == std::future_status::ready);
  }
  w.die();
  w.life.factory.before_pull = {};
  w.start();
  const auto jobs = w.jobs_of("server.receive");
  REQUIRE(jobs.size() == 1);
  CHECK(w.end_of(jobs.front().id).state == job_state::failed);
  CHECK(w.is_clean());
  CHECK_FALSE(w.engine->find_server(w.newcomer));
  CHECK(w.reports() == strings{"failure"});
  // The uuid is free again.
  CHECK(w.end_of(w.receive()).state == job_state::succeeded);
  CHECK(w.reports() == strings{"failure", "success"});
}
