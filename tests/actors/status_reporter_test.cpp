// What of a container's state is written for the Panel, and when.
#include "actors/status_reporter.hpp"
#include "jobs/container_status.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/doubles/fake_processes.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;

namespace {

constexpr auto offline = jobs::process_state::offline;
constexpr auto starting = jobs::process_state::starting;
constexpr auto running = jobs::process_state::running;
constexpr auto stopping = jobs::process_state::stopping;

struct reporting_world : engine_world {
  reporting_world() {
    store->tells_panel = true;
    boot();
  }
  ~reporting_world() { reporter.reset(); }

  void start(bool enabled = true) {
    make(enabled);
    reporter->start();
  }
  void make(bool enabled = true) {
    reporter = std::make_unique<actors::status_reporter>(
        actors::status_settings{.enabled = enabled}, queries, *ledger,
        processes, clock, settings.uptime);
  }
  /// "<number of the server> <state before> <state>", of what is on record.
  std::vector<std::string> told() {
    flush();
    std::vector<std::string> out;
    for (const auto& report : queries.list_statuses().value()) {
      const auto what = jobs::container_status_of(report);
      REQUIRE(what);
      out.push_back(report.subject.substr(report.subject.size() - 1) + ' '
                    + std::string{to_string(what->before)} + ' '
                    + std::string{to_string(what->now)});
    }
    return out;
  }
  /// As an earlier process has told it.
  void have_told(int server, jobs::process_state state, bool delivered = true) {
    amend({jobs::report_of({server_number(server), offline, state})});
    if (delivered)
      amend({jobs::record_delivery{
          .report = queries.list_statuses().value().back().row,
          .is = jobs::record_delivery::outcome::delivered,
          .http_status = 200}});
  }
  void find(int server, jobs::process_state state, bool known = true) {
    const std::lock_guard guard{processes.mutex};
    auto& usage = processes.by_server[server_number(server)].usage;
    usage.state = state;
    usage.is_known = known;
  }
  void amend(std::vector<jobs::change> what) {
    std::promise<void> done;
    ledger->amend(std::move(what), [&](const jobs::status& kept) {
      CHECK(kept.has_value());
      done.set_value();
    });
    done.get_future().wait();
  }
  /// What was handed to the ledger before is on disk.
  void flush() { amend({}); }

  jobs::fake_processes processes;
  std::unique_ptr<actors::status_reporter> reporter;
};

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("each change of a state is a row, the newest alone stays",
          "[actors]") {
  reporting_world w;
  w.start();
  w.reporter->changed(server_number(1), offline, starting);
  CHECK(w.told() == strings{"1 offline starting"});
  w.reporter->changed(server_number(2), running, stopping);
  w.reporter->changed(server_number(1), starting, running);
  CHECK(w.told() == strings{"2 running stopping", "1 starting running"});
}

TEST_CASE("a node that is not to tell states writes none", "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.find(1, offline);
  w.start(false);
  w.reporter->changed(server_number(2), offline, starting);
  CHECK(w.told() == strings{"1 offline running"});
}

TEST_CASE("a server that was told as running and is found off is told as off",
          "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.have_told(2, running, false); // it has waited since
  w.have_told(3, offline);
  for (int i = 1; i <= 3; ++i)
    w.find(i, offline);
  w.start();
  CHECK(w.told()
        == strings{"3 offline offline", "1 running offline",
                   "2 running offline"});
}

TEST_CASE("a server that nobody has looked at is compared when somebody has",
          "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.find(1, offline, false);
  w.start();
  CHECK(w.told() == strings{"1 offline running"});
  w.find(1, offline);
  w.pass_until(5s, [&] {
    w.reporter->look();
    return w.told() == strings{"1 running offline"};
  });
}

TEST_CASE("a server that is found as it was told is not told again",
          "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.have_told(2, starting);
  w.find(1, offline, false);
  w.find(2, offline, false);
  w.start();
  // As a board takes over what runs: to it they were off.
  w.reporter->changed(server_number(1), offline, running);
  w.reporter->changed(server_number(2), offline, running);
  CHECK(w.told() == strings{"1 offline running", "2 starting running"});
  w.reporter->changed(server_number(1), running, stopping);
  CHECK(w.told().back() == "1 running stopping");
}

TEST_CASE("a job that is taken up may change a state before the start",
          "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.find(1, offline, false);
  w.make();
  w.ledger->hold();
  w.reporter->changed(server_number(1), offline, starting);
  w.reporter->start(); // on record is still what was told before
  w.reporter->changed(server_number(1), starting, running);
  w.ledger->release();
  CHECK(w.told() == strings{"1 starting running"});
}

TEST_CASE("what the Panel was told more than an hour ago is forgotten",
          "[actors]") {
  reporting_world w;
  w.have_told(1, running);
  w.clock.at += std::chrono::milliseconds{1h}.count();
  w.find(1, offline);
  w.start();
  CHECK(w.told() == strings{"1 offline running"});
  w.reporter->changed(server_number(1), offline, running); // it has to be told
  CHECK(w.told() == strings{"1 offline running"});
  CHECK(w.queries.list_statuses().value().front().state
        == jobs::report_state::waiting);
}
