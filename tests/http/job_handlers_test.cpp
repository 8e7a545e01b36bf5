#include "http/job_answers.hpp"
#include "http/job_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

/// One job that the engine knows.
struct known_job : api_world {
  known_job() { engine.put(job); }
  std::string url(std::string_view rest = {}) const {
    return "/api/jobs/" + job.id.to_string() + std::string{rest};
  }
  jobs::job_record job = make_job();
};

} // namespace

// -- GET ----------------------------------------------------------------------

TEST_CASE("a job is shown with what a poller needs", "[http]") {
  known_job world;
  world.engine.keeps_in_memory = GENERATE(true, false);
  const auto answer = world.ask("GET", world.url());
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("id") == world.job.id.view());
  CHECK(header_of(answer, "ETag") == "\"1.0\"");
  CHECK(header_of(answer, "Retry-After") == "1");
  CHECK(header_of(answer, "Cache-Control") == "no-cache");
}

TEST_CASE("the poll of a failed job succeeds", "[http]") {
  known_job world;
  world.engine.put(ended(world.job, job_state::failed,
                         fault{.code = fault_code::docker_refused}));
  const auto answer = world.ask("GET", world.url());
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("error").at("code") == "docker-refused");
}

TEST_CASE("an ended job may be kept and not asked for again", "[http]") {
  known_job world;
  world.engine.put(ended(world.job, job_state::succeeded));
  const auto answer = world.ask("GET", world.url());
  CHECK(header_of(answer, "Retry-After").empty());
  CHECK(header_of(answer, "Cache-Control")
        == "private, max-age=86400, immutable");
}

TEST_CASE("Retry-After grows with the age of the job", "[http]") {
  known_job world;
  const auto [age, seconds] =
      GENERATE(table<std::chrono::milliseconds, std::string>({{0ms, "1"},
                                                              {4'999ms, "1"},
                                                              {5s, "2"},
                                                              {14'999ms, "2"},
                                                              {15s, "5"},
                                                              {60s, "10"},
                                                              {299s, "10"},
                                                              {300s, "30"},
                                                              {24h, "30"}}));
  world.clock.advance(age);
  CHECK(header_of(world.ask("GET", world.url()), "Retry-After") == seconds);
}

TEST_CASE("a job nobody has is 404", "[http]") {
  api_world world;
  const auto id = GENERATE(as<std::string>{}, some_job, "x", "summary2",
                           "01970000-0000-7000-8000-00000000000A");
  for (const auto& [method, rest] :
       {std::pair{"GET", ""}, std::pair{"GET", "/events"},
        std::pair{"POST", "/cancel"}}) {
    const auto answer =
        world.ask(method, "/api/jobs/" + id + std::string{rest});
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "job-not-found");
  }
}

// -- If-None-Match ------------------------------------------------------------

TEST_CASE("a client that has this version is told so", "[http]") {
  known_job world;
  const auto known = GENERATE("\"1.0\"", "W/\"1.0\"", "\"0.9\", \"1.0\"", "*");
  const auto answer =
      world.ask("GET", world.url(), {}, {{"If-None-Match", known}});
  CHECK(answer.status == 304);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "ETag") == "\"1.0\"");
  CHECK(header_of(answer, "Retry-After") == "1");
  CHECK(header_of(answer, "Cache-Control") == "no-cache");
}

TEST_CASE("a client that has another version gets this one", "[http]") {
  known_job world;
  const auto known = GENERATE("\"0.9\"", "1.0", "\"1.00\"", "");
  CHECK(world.ask("GET", world.url(), {}, {{"If-None-Match", known}}).status
        == 200);
}

TEST_CASE("progress alone makes another version", "[http]") {
  known_job world;
  world.engine.put(world.job, 3);
  CHECK(world.ask("GET", world.url(), {}, {{"If-None-Match", "\"1.0\""}}).status
        == 200);
}

// -- ?wait= -------------------------------------------------------------------

TEST_CASE("a wait is read in seconds or milliseconds", "[http]") {
  CHECK(parse_wait("30s") == 30s);
  CHECK(parse_wait("30") == 30s);
  CHECK(parse_wait("250ms") == 250ms);
  CHECK(parse_wait("0") == 0s);
  CHECK(parse_wait("56") == 55s);
  CHECK(parse_wait("60000ms") == 55s);
  CHECK(parse_wait("999999999999999999999999") == 55s);
  for (const auto* text : {"", "s", "ms", "-1", "1.5", "1m", "1 s", "soon"})
    CHECK_FALSE(parse_wait(text));
}

TEST_CASE("a wait that is none is malformed", "[http]") {
  known_job world;
  const auto answer = world.ask("GET", world.url("?wait=soon"));
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "malformed");
}

TEST_CASE("with an etag a poll waits for a change", "[http]") {
  known_job world;
  const auto call = world.send("GET", world.url("?wait=30s"), {},
                               {{"If-None-Match", "\"1.0\""}});
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].what == jobs::await_for::changed);
  CHECK(world.engine.waits[0].etag == "\"1.0\"");
  CHECK(world.engine.waits[0].limit == 30s);
  CHECK_FALSE(call->is_answered());
  SECTION("it changes") {
    world.engine.put(answered(world.job));
    const auto answer = call->wait_for_answer().value();
    CHECK(answer.status == 200);
    CHECK(header_of(answer, "ETag") == "\"2.0\"");
  }
  SECTION("the time is up") {
    world.engine.let_time_pass();
    const auto answer = call->wait_for_answer().value();
    CHECK(answer.status == 304);
    CHECK(header_of(answer, "ETag") == "\"1.0\"");
    CHECK(header_of(answer, "Retry-After") == "0");
  }
}

TEST_CASE("without an etag a poll waits for the end", "[http]") {
  known_job world;
  const auto call = world.send("GET", world.url("?wait=30"));
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].what == jobs::await_for::finished);
  world.engine.put(answered(world.job));
  CHECK_FALSE(call->is_answered());
  SECTION("it ends") {
    world.engine.put(ended(world.job, job_state::succeeded));
    CHECK(call->wait_for_answer()->status == 200);
  }
  SECTION("the time is up") {
    world.engine.let_time_pass();
    const auto answer = call->wait_for_answer().value();
    CHECK(answer.status == 200);
    CHECK(json::parse(answer.body).at("done") == false);
    CHECK(header_of(answer, "Retry-After") == "1");
  }
}

TEST_CASE("news, and what will never be any, is not waited for", "[http]") {
  known_job world;
  SECTION("the client's version is old") {
    CHECK(world
              .ask("GET", world.url("?wait=30"), {},
                   {{"If-None-Match", "\"0.9\""}})
              .status
          == 200);
  }
  SECTION("the job has ended") {
    world.engine.put(ended(world.job, job_state::succeeded));
    CHECK(world.ask("GET", world.url("?wait=30")).status == 200);
    CHECK(world
              .ask("GET", world.url("?wait=30"), {},
                   {{"If-None-Match", "\"2.0\""}})
              .status
          == 304);
  }
  SECTION("a wait of nothing") {
    CHECK(world.ask("GET", world.url("?wait=0")).status == 200);
  }
  CHECK(world.engine.waits.empty());
}

TEST_CASE("a job that is not in memory is waited for too", "[http]") {
  known_job world;
  world.engine.keeps_in_memory = false;
  const auto call = world.send("GET", world.url("?wait=30"));
  CHECK_FALSE(call->is_answered());
  world.engine.put(ended(world.job, job_state::cancelled));
  CHECK(call->wait_for_answer()->status == 200);
}

TEST_CASE("a wait that fails is its fault", "[http]") {
  known_job world;
  world.engine.refuse_await = fault{.code = fault_code::shutting_down};
  CHECK(world.ask("GET", world.url("?wait=30")).status == 503);
}

// -- fields= ------------------------------------------------------------------

TEST_CASE("a lean poll gets the members it names", "[http]") {
  known_job world;
  const auto answer = world.ask("GET", world.url("?fields=state,done"));
  CHECK(answer.body == R"({"state":"running","done":false})");
  CHECK(header_of(answer, "ETag") == "\"1.0\"");
}

TEST_CASE("a member that jobs do not have is malformed", "[http]") {
  known_job world;
  const auto answer = world.ask("GET", world.url("?fields=state,password"));
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "malformed");
  CHECK(
      json::parse(answer.body).at("detail").get<std::string>().find("password")
      != std::string::npos);
}

TEST_CASE("no fields are all fields", "[http]") {
  known_job world;
  CHECK(world.ask("GET", world.url("?fields=")).body
        == world.ask("GET", world.url()).body);
}

// -- cancel, retry, abandon, forget -------------------------------------------

TEST_CASE("a cancel that has begun is 202", "[http]") {
  known_job world;
  world.engine.put(ended(world.job, job_state::cancelling));
  const auto answer = world.ask("POST", world.url("/cancel"));
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("state") == "cancelling");
  CHECK(header_of(answer, "Location") == world.url());
  CHECK(world.engine.cancelled == std::vector{world.job.id});
}

TEST_CASE("a job that is cancelled already is 200", "[http]") {
  known_job world;
  world.engine.put(ended(world.job, job_state::cancelled));
  // An engine may see the second cancel of one job either way.
  if (GENERATE(true, false))
    world.engine.refuse_cancel = fault{.code = fault_code::already_finished};
  const auto answer = world.ask("POST", world.url("/cancel"));
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("state") == "cancelled");
}

TEST_CASE("a cancel that comes too late is 409", "[http]") {
  known_job world;
  const auto [code, name] = GENERATE(table<fault_code, std::string>(
      {{fault_code::past_pivot, "past-point-of-no-return"},
       {fault_code::already_finished, "already-finished"}}));
  world.engine.refuse_cancel = fault{.code = code};
  const auto answer = world.ask("POST", world.url("/cancel"));
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == name);
}

TEST_CASE("a retry is 202 with the job that goes on", "[http]") {
  known_job world;
  const auto again = world.engine.put(make_job());
  world.engine.ticket = {again, jobs::accept_outcome::created};
  const auto answer = world.ask("POST", world.url("/retry"));
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("id") == again->record().id.view());
  CHECK(header_of(answer, "Location") == job_url(again->record().id));
  CHECK(world.engine.retried == std::vector{world.job.id});
}

TEST_CASE("a retry is asked for with its key", "[http]") {
  known_job world;
  world.engine.ticket = {world.engine.put(make_job()),
                         jobs::accept_outcome::replayed};
  const auto answer =
      world.ask("POST", world.url("/retry"), {}, {{"Idempotency-Key", "k"}});
  CHECK(header_of(answer, "Idempotency-Replayed") == "true");
  REQUIRE(world.engine.retry_keys.at(0));
  CHECK(world.engine.retry_keys[0]->key == "k");
  world.ask("POST", world.url("/retry"));
  CHECK_FALSE(world.engine.retry_keys.at(1));
  const auto refused =
      world.ask("POST", world.url("/retry"), {}, {{"Idempotency-Key", "ä"}});
  CHECK(refused.status == 400);
  CHECK(world.engine.retried.size() == 2);
}

TEST_CASE("a retry may be waited for", "[http]") {
  known_job world;
  world.engine.ticket = {world.engine.put(world.job)};
  const auto call =
      world.send("POST", world.url("/retry"), {}, {{"Prefer", "wait=3"}});
  CHECK_FALSE(call->is_answered());
  world.engine.put(ended(world.job, job_state::succeeded));
  CHECK(call->wait_for_answer()->status == 200);
}

TEST_CASE("what waits for no retry is not retried", "[http]") {
  known_job world;
  world.engine.refuse_retry = fault{.code = fault_code::not_parked};
  const auto answer = world.ask("POST", world.url("/retry"));
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "not-parked");
}

TEST_CASE("a job is abandoned for a reason", "[http]") {
  known_job world;
  world.engine.put(ended(world.job, job_state::failed));
  const auto answer = world.ask("POST", world.url("/abandon"),
                                R"({"reason":"the disk is gone"})");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("state") == "failed");
  CHECK(world.engine.abandoned_for
        == std::vector<std::string>{"the disk is gone"});
}

TEST_CASE("without a reason no job is abandoned", "[http]") {
  known_job world;
  const auto [body, status] = GENERATE(table<std::string, int>(
      {{"", 400},
       {"no", 400},
       {"{}", 422},
       {R"({"reason":""})", 422},
       {R"({"reason":null})", 422},
       {R"({"reason":7})", 422},
       {R"({"reason":["x"]})", 422},
       {R"({"reason":")" + std::string(1'001, 'x') + "\"}", 422}}));
  CAPTURE(body);
  CHECK(world.ask("POST", world.url("/abandon"), body).status == status);
  CHECK(world.engine.abandoned_for.empty());
}

TEST_CASE("only a parked job is abandoned", "[http]") {
  known_job world;
  world.engine.refuse_abandon = fault{.code = fault_code::not_parked};
  CHECK(world.ask("POST", world.url("/abandon"), R"({"reason":"x"})").status
        == 409);
}

TEST_CASE("the record of an ended job is forgotten", "[http]") {
  known_job world;
  const auto answer = world.ask("DELETE", world.url());
  CHECK(answer.status == 204);
  CHECK(world.engine.forgotten == std::vector{world.job.id});
}

TEST_CASE("the record of a live job is kept", "[http]") {
  known_job world;
  world.engine.refuse_forget = fault{.code = fault_code::job_not_ended};
  const auto lives = world.ask("DELETE", world.url());
  CHECK(lives.status == 409);
  CHECK(code_of(lives) == "job-not-ended");
  CHECK(json::parse(lives.body).at("retryable") == true);
}

TEST_CASE("the record of a job that is needed is kept", "[http]") {
  known_job world;
  world.engine.refuse_forget = fault{.code = fault_code::job_needed};
  const auto answer = world.ask("DELETE", world.url());
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "job-needed");
  CHECK(json::parse(answer.body).at("retryable") == false);
}

TEST_CASE("a record that was pruned is 410", "[http]") {
  known_job world;
  world.engine.refuse_forget = fault{.code = fault_code::job_expired};
  const auto answer = world.ask("DELETE", world.url());
  CHECK(answer.status == 410);
  CHECK(code_of(answer) == "job-expired");
}
