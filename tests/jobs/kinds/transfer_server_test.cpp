#include "tests/jobs/kinds/transfer_world.hpp"

#include <algorithm>

using namespace alula::jobs;
using nlohmann::json;

namespace {

using texts = std::vector<std::string>;

bool says(const texts& lines, const std::string& word) {
  return std::ranges::any_of(lines, [&](const std::string& line) {
    return line.find(word) != std::string::npos;
  });
}

} // namespace

TEST_CASE("a transfer wants a url and a token", "[transfer]") {
  transfer_world w;
  const auto code = [&](const std::string& body) {
    const auto refused = w.read(transfer_server, body);
    return refused ? fault_code::internal : refused.error().code;
  };
  for (const auto* url : {"", "node2.example", "ftp://node2.example/x",
                          "https://a:b@node2.example/x", "https://",
                          "http:///x", "https://node2 .example/"})
    CHECK(code(w.body(url)) == fault_code::malformed);
  for (const auto* token : {"", " ", "Bearer x\r\nX-Evil: 1", "Bearer \x01"})
    CHECK(code(w.body(w.url, token)) == fault_code::malformed);
  CHECK(code("{}") == fault_code::malformed);
  CHECK(code("[]") == fault_code::malformed);
  CHECK(code(R"({"url":7})") == fault_code::validation);
  CHECK(w.read(transfer_server, w.body(), false).error().code
        == fault_code::server_not_found);
  CHECK(w.read(transfer_server, w.body()));
}

TEST_CASE("the token of a transfer is in no record that anybody reads",
          "[transfer]") {
  transfer_world w;
  const auto job = w.must_ask(transfer_server, w.body());
  CHECK(json::parse(job.input).at("target") == "node2.example:8080");
  w.other.plan = {w.refusal()};
  const auto ended = w.go_on(transfer_server, job);
  CHECK(w.other.asked.at(0).token == w.token);
  for (const auto& text : {ended.input, ended.result, ended.message})
    CHECK(text.find("secret") == std::string::npos);
  for (const auto& [row, report] : w.store->reports)
    CHECK(report.body.find("secret") == std::string::npos);
  CHECK_FALSE(says(w.clients.calls(), "secret"));
  CHECK_FALSE(w.records.find_transfer(job.id).value());
}

TEST_CASE("nothing starts a server in transfer, and nothing changes its files",
          "[transfer]") {
  transfer_world w;
  w.server.transferring = true;
  const auto code = [&](const kind& k, const std::string& body) {
    const auto refused = w.read(k, body);
    return refused ? fault_code::internal : refused.error().code;
  };
  const auto locked = fault_code::server_locked;
  CHECK(code(server_power, R"({"action":"start"})") == locked);
  CHECK(code(server_power, R"({"action":"restart","cause":"boot"})") == locked);
  CHECK(code(server_install, "{}") == locked);
  CHECK(code(server_reinstall, "{}") == locked);
  CHECK(code(transfer_server, w.body()) == locked);
  CHECK(code(restore_backup, json{{"adapter", "wings"},
                                  {"backup", w.backup(1).view()},
                                  {"truncate_directory", true}}
                                 .dump())
        == locked);
  CHECK(w.read(server_power, R"({"action":"stop"})"));
  CHECK(w.read(server_power, R"({"action":"kill"})"));
}

TEST_CASE("the source of a transfer sends everything and reports no success",
          "[transfer]") {
  transfer_world w;
  const auto accepted = w.must_ask(transfer_server, w.body());
  CHECK(w.known().transferring);
  const auto job = w.go_on(transfer_server, accepted);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.known().transferring); // until the Panel deletes it (trap 101)
  CHECK_FALSE(w.runs());
  CHECK(w.reported().empty());
  CHECK(fake_archives::tree_in(w.other.taken) == w.backups.volume);
  const auto result = json::parse(job.result);
  CHECK(result.at("sha256") == w.other.sha256);
  CHECK(result.at("target") == "node2.example:8080");
  CHECK(w.told("transfer status") == texts{"processing"});
  CHECK(says(w.told("transfer logs"), "Uploading [===="));
  CHECK(says(w.told("transfer logs"), "[Transfer System] [Source Node]:"));
  CHECK_FALSE(w.records.find_transfer(job.id).value());
  CHECK(std::ranges::any_of(w.reports, [](const progress& p) {
    return p.unit == "bytes" && p.total >= p.done && p.total > 0 && p.files
           && p.files->done == 2 && p.files->total == 2;
  }));
}

TEST_CASE("a transfer that fails leaves the server as it was, and says so once",
          "[transfer]") {
  transfer_world w;
  SECTION("the other node does not take it") {
    w.other.plan = {w.refusal()};
  }
  SECTION("its name leads where no node is") {
    w.other.plan = {{.code = fault_code::link_refused, .what = "metadata"}};
  }
  SECTION("a disk breaks while it is read") {
    w.backups.fail_next("pack", broken_disk());
  }
  SECTION("its files cannot be opened") {
    w.disk.live.clear();
  }
  SECTION("they cannot be counted") {
    w.backups.fail_next("measure", broken_disk(), 10);
  }
  SECTION("the node sends nothing to others") {
    w.far.places.nodes = nullptr;
  }
  const auto job = w.run_to_end(transfer_server, w.body());
  CHECK(job.state == job_state::failed);
  w.check_back(job);
  CHECK(w.other.asked.size() <= 1); // what has begun is not begun again
}

TEST_CASE("a server that was off stays off, and one wanted up comes back",
          "[transfer]") {
  transfer_world w;
  w.docker.put("c0ffee", w.id.to_string(), false);
  const bool wanted = GENERATE(false, true);
  w.known().wanted_up = wanted;
  w.other.plan = {w.refusal()};
  CHECK(w.run_to_end(transfer_server, w.body()).state == job_state::failed);
  CHECK(w.runs() == wanted);
}

TEST_CASE("a node that is not reached gets nothing and is tried again",
          "[transfer]") {
  transfer_world w;
  SECTION("it comes back") {
    w.other.plan = {w.unreachable(), w.unreachable()};
    const auto job = w.run_to_end(transfer_server, w.body());
    CHECK(job.state == job_state::succeeded);
    CHECK(w.other.asked.size() == 3);
    CHECK(w.backups.count("pack") == 1);
  }
  SECTION("it does not, and two minutes are enough") {
    w.other.plan = std::deque<fault>(100, w.unreachable());
    const auto begun = w.now;
    const auto job = w.run_to_end(transfer_server, w.body());
    CHECK(job.error->code == fault_code::node_unavailable);
    CHECK(w.now - begun >= 120'000);
    CHECK(w.now - begun < 180'000);
    CHECK(w.backups.count("pack") == 0);
    w.check_back(job);
  }
}

TEST_CASE("a crash before the push lets the transfer go on", "[transfer]") {
  transfer_world w;
  const auto step =
      GENERATE(as<std::string>{}, "begin", "look", "stop", "measure");
  auto job =
      w.go_on(transfer_server, w.must_ask(transfer_server, w.body()), step);
  job = w.go_on(transfer_server, w.die_in(transfer_server, job, step));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.other.asked.size() == 1);
  CHECK(w.reported().empty());
}

TEST_CASE("a push that alula died in has failed, and the server runs again",
          "[transfer]") {
  transfer_world w;
  auto job =
      w.go_on(transfer_server, w.must_ask(transfer_server, w.body()), "push");
  SECTION("in its middle") {
    w.other.plan = {{.code = fault_code::interrupted, .what = "kill -9"}};
  }
  SECTION("before its answer was noted") {}
  job = w.go_on(transfer_server, w.die_in(transfer_server, job, "push"));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::upload_failed);
  CHECK(w.other.asked.size() == 1);
  w.check_back(job);
}

TEST_CASE("a crash after the push leaves the server to the other node",
          "[transfer]") {
  transfer_world w;
  auto job = w.go_on(transfer_server, w.must_ask(transfer_server, w.body()),
                     "hand_over");
  job = w.go_on(transfer_server, w.die_in(transfer_server, job, "hand_over"));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.known().transferring);
  CHECK(w.reported().empty());
}

TEST_CASE("a transfer can be cancelled until the other node has answered",
          "[transfer]") {
  transfer_world w;
  const auto until =
      GENERATE(as<std::string>{}, "begin", "look", "stop", "measure", "push");
  auto job =
      w.go_on(transfer_server, w.must_ask(transfer_server, w.body()), until);
  job = w.cancel(transfer_server, job);
  CHECK(job.state == job_state::cancelled);
  if (until == "begin") { // then no client has heard of it
    CHECK(w.reported() == texts{w.failure_path()});
    CHECK_FALSE(w.known().transferring);
    return;
  }
  w.check_back(job);
  CHECK(std::ranges::count(w.told("transfer status"), "cancelling") == 1);
}

TEST_CASE("a cancel breaks off a push", "[transfer]") {
  transfer_world w;
  w.other.answers = false;
  auto job =
      w.go_on(transfer_server, w.must_ask(transfer_server, w.body()), "push");
  job = w.must_commit(job, happened::step_started{w.running_boot, {}});
  w.other.before_answer = [&] { w.stop.request_stop(); };
  auto seen = job;
  CHECK(failed(w.run(transfer_server, seen, "push")).code
        == fault_code::interrupted);
  w.stop = {};
  job = w.cancel(transfer_server, job);
  CHECK(job.state == job_state::cancelled);
  w.check_back(job);
  CHECK(w.told("transfer status")
        == texts{"processing", "cancelling", "failure"});
}

TEST_CASE("a Panel that deletes the server before the push was answered has "
          "moved it",
          "[transfer]") {
  transfer_world w;
  w.other.answers = false;
  auto job =
      w.go_on(transfer_server, w.must_ask(transfer_server, w.body()), "push");
  job = w.must_commit(job, happened::step_started{w.running_boot, {}});
  w.other.before_answer = [&] {
    w.known().state = server_state::deleting;
    w.stop.request_stop();
  };
  auto seen = job;
  const auto outcome = w.run(transfer_server, seen, "push");
  const auto output = done(outcome).output;
  w.stop = {};
  job = w.must_commit(job, happened::cancel_requested{w.running_boot});
  job = w.must_commit(job, happened::step_done{output, {}});
  job = w.go_on(transfer_server, job);
  CHECK(job.state == job_state::cancelled);
  CHECK(w.reported().empty());
  CHECK(w.told("transfer status") == texts{"processing"});
  CHECK_FALSE(w.runs());
}

TEST_CASE("the same transfer asked for twice at once is one", "[transfer]") {
  transfer_world w;
  const auto first = w.must_ask(transfer_server, w.body());
  const auto second = w.ask(transfer_server, w.body());
  REQUIRE(second);
  CHECK(second->id == first.id);
}

// -- giving it up -------------------------------------------------------------

TEST_CASE("a server that another node has taken can be given up here",
          "[transfer]") {
  transfer_world w;
  CHECK(w.read(release_server).error().code == fault_code::not_transferring);
  CHECK(w.read(release_server, {}, false).error().code
        == fault_code::server_not_found);
  w.server.transferring = true;
  w.server.state = server_state::creating; // it comes from another node
  CHECK(w.read(release_server).error().code == fault_code::not_transferring);
  w.server = w.known();
  CHECK(w.run_to_end(transfer_server, w.body()).state == job_state::succeeded);
  w.server.transferring = true;
  w.twice = true;
  const auto job = w.run_to_end(release_server);
  CHECK(job.state == job_state::succeeded);
  CHECK_FALSE(w.known().transferring);
  CHECK(w.reported() == texts{w.failure_path()});
  CHECK(w.told("transfer status").back() == "failure");
}

TEST_CASE("a transfer that has ended meanwhile is not given up", "[transfer]") {
  transfer_world w;
  w.server.transferring = true; // as the door has seen it
  const auto job = w.run_to_end(release_server);
  CHECK(job.state == job_state::failed);
  CHECK(w.reported().empty());
}
