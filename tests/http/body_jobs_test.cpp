#include "http/body_jobs.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>

using namespace alula;
using namespace alula::http;

namespace {

struct body_world {
  void give() {
    auto req = doubles::make_request("POST", "/", "all of it");
    give_body(engine, std::make_shared<doubles::fake_exchange>(std::move(req)),
              pipe, job->record().id,
              [this](const jobs::result<jobs::job_view_ptr>& end) {
                ++told;
                newest = end;
              });
  }

  doubles::fake_engine engine;
  jobs::job_view_ptr job = engine.put(make_job("server.receive"));
  std::shared_ptr<jobs::body_pipe> pipe = std::make_shared<jobs::body_pipe>();
  int told = 0;
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
