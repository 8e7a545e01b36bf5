// What a kind has to say to the end of a job is in the commit that ends it,
// however the job ends.
#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;

namespace {

std::vector<jobs::change> tell_the_end(const jobs::job_record& job) {
  return {jobs::tell_panel{"job:" + job.id.to_string(), "POST", "/over",
                           "\"" + std::string{to_string(job.state)} + "\""}};
}

const jobs::kind reported =
    changed(make_kind("test.reported", {comp("f"), pivot("p"), tail("t")}),
            [](auto& k) {
              k.max_attempts = 1;
              k.when_over = tell_the_end;
            });

/// The same kind after an upgrade: jobs of the old plan cannot be run.
const jobs::kind newer = changed(reported, [](auto& k) { k.plan_version = 2; });

struct reporting_world : engine_world {
  reporting_world() { store->tells_panel = true; }
  ~reporting_world() { // before the catalogs that it uses
    script.open_all();
    engine.reset();
  }
  std::vector<std::string> reports() {
    std::vector<std::string> bodies;
    const std::scoped_lock lock{store->mutex};
    for (const auto& [row, r] : store->reports)
      bodies.push_back(r.body);
    return bodies;
  }
};

const jobs::catalog reported_kinds{{&reported}};
const jobs::catalog later_kinds{{&newer}};

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("a job that succeeds says nothing but what its steps say",
          "[actors]") {
  reporting_world w;
  w.boot(reported_kinds);
  CHECK(w.end_of(w.submit(reported, 1)).state == job_state::succeeded);
  CHECK(w.reports().empty());
}

TEST_CASE("what a request has to say is told with the accept of its job",
          "[actors]") {
  reporting_world w;
  w.boot(reported_kinds);
  w.script.hold("test.reported.f");
  auto asked = w.request(reported, 1);
  asked.report = jobs::tell_panel{"activity:x", "POST", "/activity", "7"};
  const auto got = w.ask(asked);
  REQUIRE(got);
  // Nothing has run yet, and nobody else has committed anything.
  CHECK(w.reports() == strings{"7"});
  {
    const std::scoped_lock lock{w.store->mutex};
    CHECK(w.store->reports.begin()->second.job == got->job->record().id);
  }
  asked.server = server_number(99);
  CHECK_FALSE(w.ask(asked));
  CHECK(w.reports() == strings{"7"});
}

TEST_CASE("the end of a failed job is told with it", "[actors]") {
  reporting_world w;
  w.boot(reported_kinds);
  w.script.let("test.reported.f", fails(fault_code::docker_refused));
  const auto job = w.end_of(w.submit(reported, 1));
  CHECK(job.state == job_state::failed);
  CHECK(w.reports() == strings{"\"failed\""});
  CHECK(w.store->reports.begin()->second.job == job.id);
}

TEST_CASE("the end of a cancelled job is told with it", "[actors]") {
  reporting_world w;
  w.boot(reported_kinds);
  w.script.hold("test.reported.f");
  const auto id = w.submit(reported, 1);
  REQUIRE(w.script.wait_for("in test.reported.f"));
  SECTION("while it runs") {
    REQUIRE(w.cancel(id));
    CHECK(w.end_of(id).state == job_state::cancelled);
    CHECK(w.reports() == strings{"\"cancelled\""});
  }
  SECTION("while it stands in line") {
    const auto second = w.submit(reported, 1);
    REQUIRE(w.cancel(second));
    CHECK(w.end_of(second).state == job_state::cancelled);
    CHECK(w.reports() == strings{"\"cancelled\""});
  }
  SECTION("after a crash in its undo") {
    w.script.hold("undo test.reported.f");
    REQUIRE(w.cancel(id));
    REQUIRE(w.script.wait_for("in undo test.reported.f"));
    w.crash();
    CHECK(w.reports().empty());
    w.boot(reported_kinds);
    CHECK(w.end_of(id).state == job_state::cancelled);
    CHECK(w.reports() == strings{"\"cancelled\""});
  }
}

TEST_CASE("a parked job says nothing until it is given up", "[actors]") {
  reporting_world w;
  w.boot(reported_kinds);
  const auto id = w.park(reported, 1, "test.reported.t");
  CHECK(w.reports().empty());
  SECTION("by an operator") {
    REQUIRE(w.abandon(id));
  }
  SECTION("by an operator, in a release that cannot run it") {
    w.crash();
    w.boot(later_kinds);
    REQUIRE(w.abandon(id));
  }
  CHECK(w.end_of(id).state == job_state::failed);
  CHECK(w.reports() == strings{"\"failed\""});
}
