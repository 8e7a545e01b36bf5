#include "http/body_jobs.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>
#include <string>

using namespace alula;
using namespace alula::http;

namespace {

struct body_world {
  void give() {
    auto req = doubles::make_request("POST", "/", "all of it");
    engine.ticket = {job, jobs::accept_outcome::created};
    submit_with_body(
        engine, std::make_shared<doubles::fake_exchange>(std::move(req)), pipe,
        {.kind = "server.receive"},
        {.refused = [this](const fault& why) { refused = why.code; },
         .ended =
             [this](const jobs::job_id& id,
                    const jobs::result<jobs::job_view_ptr>& end) {
               CHECK(id == job->record().id);
               ++told;
               newest = end;
             }});
  }

  doubles::fake_engine engine;
  jobs::job_view_ptr job = engine.put(make_job("server.receive"));
  std::shared_ptr<jobs::body_pipe> pipe = std::make_shared<jobs::body_pipe>();
  int told = 0;
  std::optional<fault_code> refused;
  jobs::result<jobs::job_view_ptr> newest = jobs::job_view_ptr{};
};

} // namespace

TEST_CASE("a body that came with the head goes to its job", "[http]") {
  body_world w;
  w.give();
  std::array<char, 64> into{};
  CHECK(w.pipe->read(into, {}).value() == 9);
  CHECK(std::string(into.data()) == "all of it");
  CHECK(w.pipe->read(into, {}).value() == 0);
}

TEST_CASE("a job that takes in a body is awaited however long it takes",
          "[http]") {
  body_world w;
  w.give();
  w.engine.let_time_pass(); // one look is over, and another begins
  w.engine.let_time_pass();
  CHECK(w.told == 0);
  CHECK(w.engine.waits.size() == 3);
  auto state = job_state::succeeded;
  SECTION("until it is done") {}
  SECTION("until it has failed") {
    state = job_state::failed;
  }
  SECTION("until it waits for an operator") {
    state = job_state::parked;
  }
  w.engine.put(ended(w.job->record(), state));
  CHECK(w.told == 1);
  CHECK(w.newest.value()->record().state == state);
}

TEST_CASE("a job that nobody knows is told as a fault", "[http]") {
  body_world w;
  w.engine.refuse_await = fault{.code = fault_code::job_not_found};
  w.give();
  CHECK(w.told == 1);
  CHECK(w.newest.error().code == fault_code::job_not_found);
}

TEST_CASE("a job that is refused takes in nothing", "[http]") {
  body_world w;
  w.engine.refuse_submit = fault{.code = fault_code::server_exists};
  w.give();
  CHECK(w.refused == fault_code::server_exists);
  CHECK(w.told == 0);
  CHECK(w.engine.waits.empty());
  // Nothing was pushed: what is pushed now is the first.
  (void)w.pipe->push("x");
  w.pipe->finish();
  std::array<char, 8> into{};
  CHECK(w.pipe->read(into, {}).value() == 1);
}
