#include "http/sha256.hpp"
#include "http/submit.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

const std::string server_url = "/api/servers/" + some_server;

/// DELETE of a server, whose job is `job` when the engine takes it.
struct deletion : api_world {
  explicit deletion(jobs::job_record job = make_job(),
                    api_settings settings = {})
    : api_world(std::move(settings)), begun(std::move(job)) {
    engine.ticket = {engine.put(begun), jobs::accept_outcome::created};
  }

  call_ptr send_delete(std::string prefer = {}, header_list more = {}) {
    if (!prefer.empty())
      more.emplace_back("Prefer", prefer);
    return send("DELETE", server_url, {}, std::move(more));
  }
  response ask_delete(std::string prefer = {}, header_list more = {}) {
    return send_delete(std::move(prefer), std::move(more))
        ->wait_for_answer()
        .value();
  }
  std::string url() const { return "/api/jobs/" + begun.id.to_string(); }

  jobs::job_record begun;
};

fault docker_says_no() {
  return {.code = fault_code::docker_refused,
          .what = "dockerd refused to remove the container"};
}

} // namespace

// -- when the answer comes ----------------------------------------------------

TEST_CASE("a delete is answered 204 when its mark is reached", "[http]") {
  deletion world;
  const auto call = world.send_delete();
  CHECK_FALSE(call->is_answered());
  world.engine.put(answered(world.begun));
  const auto answer = call->wait_for_answer().value();
  CHECK(answer.status == 204);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.url());
  CHECK(header_of(answer, "Operation-Location") == world.url());
  CHECK(header_of(answer, "Retry-After").empty());
  CHECK(header_of(answer, "Preference-Applied").empty());
  CHECK(header_of(answer, "Idempotency-Replayed").empty());
}

TEST_CASE("a delete that takes longer than sync_wait is 202", "[http]") {
  deletion world{make_job(), {.sync_wait = 3s}};
  const auto call = world.send_delete();
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].what == jobs::await_for::answered);
  CHECK(world.engine.waits[0].limit == 3s);
  world.engine.let_time_pass();
  const auto answer = call->wait_for_answer().value();
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.url());
  CHECK(header_of(answer, "Retry-After") == "1");
}

TEST_CASE("sync_wait 0 answers at once", "[http]") {
  deletion world{make_job(), {.sync_wait = 0s}};
  CHECK(world.ask_delete().status == 202);
  CHECK(world.engine.waits.empty());
}

TEST_CASE("a mark that is reached already needs no wait", "[http]") {
  deletion world{answered(make_job())};
  CHECK(world.ask_delete().status == 204);
  CHECK(world.engine.waits.empty());
}

TEST_CASE("a job that gives up before its mark is 500", "[http]") {
  deletion world;
  const auto call = world.send_delete();
  const auto how = GENERATE(job_state::parked, job_state::failed);
  world.engine.put(ended(world.begun, how, docker_says_no()));
  const auto answer = call->wait_for_answer().value();
  CHECK(answer.status == 500);
  CHECK(code_of(answer) == "docker-refused");
  CHECK(header_of(answer, "Location") == world.url());
}

TEST_CASE("the status is 500 whatever the job failed of", "[http]") {
  const auto code =
      GENERATE(fault_code::docker_unavailable, fault_code::timed_out,
               fault_code::insufficient_storage, fault_code::abandoned);
  deletion world{ended(make_job(), job_state::failed, fault{.code = code})};
  const auto answer = world.ask_delete();
  CHECK(answer.status == 500);
  CHECK(code_of(answer) == jobs::slug(code));
}

TEST_CASE("a cancelled job has not done what was asked", "[http]") {
  deletion world{ended(make_job(), job_state::cancelled)};
  const auto answer = world.ask_delete();
  CHECK(answer.status == 500);
  CHECK(code_of(answer) == "cancelled");
}

TEST_CASE("a job that gives up behind its mark has earned its 204", "[http]") {
  deletion world{
      ended(answered(make_job()), job_state::parked, docker_says_no())};
  CHECK(world.ask_delete().status == 204);
}

TEST_CASE("a wait that fails leaves the 202 of an accepted job", "[http]") {
  deletion world;
  world.engine.refuse_await = fault{.code = fault_code::shutting_down};
  const auto answer = world.ask_delete();
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location") == world.url());
}

TEST_CASE("a refused submission is its fault", "[http]") {
  deletion world;
  const auto [code, status] = GENERATE(
      table<fault_code, int>({{fault_code::server_not_found, 404},
                              {fault_code::server_locked, 409},
                              {fault_code::idempotency_mismatch, 422},
                              {fault_code::starting, 503},
                              {fault_code::shutting_down, 503},
                              {fault_code::journal_unavailable, 503}}));
  world.engine.refuse_submit =
      fault{.code = code, .what = "no", .in_the_way = some_job};
  const auto answer = world.ask_delete();
  CHECK(answer.status == status);
  CHECK(code_of(answer) == jobs::slug(code));
  CHECK(json::parse(answer.body).at("owner_job") == some_job);
  CHECK(header_of(answer, "Location").empty());
}

// -- Prefer -------------------------------------------------------------------

TEST_CASE("respond-async shows the job at once", "[http]") {
  deletion world;
  const auto answer = world.ask_delete("respond-async");
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("id") == world.begun.id.view());
  CHECK(header_of(answer, "ETag") == "\"1.0\"");
  CHECK(header_of(answer, "Content-Location") == world.url());
  CHECK(header_of(answer, "Location") == world.url());
  CHECK(header_of(answer, "Retry-After") == "1");
  CHECK(header_of(answer, "Preference-Applied") == "respond-async");
  CHECK(world.engine.waits.empty());
}

TEST_CASE("respond-async with a wait waits that long", "[http]") {
  deletion world;
  const auto call = world.send_delete("respond-async, wait=5");
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].limit == 5s);
  SECTION("in time") {
    world.engine.put(answered(world.begun));
    const auto answer = call->wait_for_answer().value();
    CHECK(answer.status == 200);
    CHECK(json::parse(answer.body).at("answered") == true);
    CHECK(header_of(answer, "ETag") == "\"2.0\"");
  }
  SECTION("too late") {
    world.engine.let_time_pass();
    const auto answer = call->wait_for_answer().value();
    CHECK(answer.status == 202);
    CHECK(json::parse(answer.body).at("answered") == false);
    CHECK(header_of(answer, "Preference-Applied") == "respond-async, wait=5");
  }
}

TEST_CASE("wait replaces sync_wait, up to ten seconds", "[http]") {
  deletion world;
  const auto call = world.send_delete("wait=60");
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].limit == 10s);
  world.engine.let_time_pass();
  const auto answer = call->wait_for_answer().value();
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Preference-Applied") == "wait=10");
}

TEST_CASE("wait=0 answers at once", "[http]") {
  deletion world;
  CHECK(world.ask_delete("wait=0").status == 202);
  CHECK(world.engine.waits.empty());
}

TEST_CASE("return=representation turns 204 into 200 with the job", "[http]") {
  deletion world{answered(make_job())};
  const auto answer = world.ask_delete("return=representation");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("id") == world.begun.id.view());
  CHECK(header_of(answer, "Preference-Applied") == "return=representation");
}

TEST_CASE("return=minimal hides the job that respond-async shows", "[http]") {
  deletion world;
  const auto answer = world.ask_delete("respond-async, return=minimal");
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
}

TEST_CASE("a background route waits for the end when it is asked to",
          "[http]") {
  deletion world;
  const auto body =
      R"({"uuid":")" + some_server + R"(","settings":{"suspended":false}})";
  const auto post = [&](std::string prefer) {
    return world.send("POST", "/api/servers", body, {{"Prefer", prefer}});
  };
  SECTION("it succeeds") {
    const auto call = post("wait=4");
    REQUIRE(world.engine.waits.size() == 1);
    CHECK(world.engine.waits[0].what == jobs::await_for::finished);
    CHECK(world.engine.waits[0].limit == 4s);
    world.engine.put(answered(world.begun));
    CHECK_FALSE(call->is_answered());
    world.engine.put(ended(world.begun, job_state::succeeded));
    CHECK(call->wait_for_answer()->status == 204);
  }
  SECTION("it fails") {
    const auto call = post("wait=4");
    world.engine.put(ended(world.begun, job_state::failed, docker_says_no()));
    CHECK(call->wait_for_answer()->status == 500);
  }
  SECTION("it is parked: that is not its end") {
    const auto call = post("wait=4");
    world.engine.put(ended(world.begun, job_state::parked, docker_says_no()));
    CHECK_FALSE(call->is_answered());
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status == 202);
  }
  SECTION("representation") {
    const auto answer =
        post("return=representation")->wait_for_answer().value();
    CHECK(answer.status == 202);
    CHECK(json::parse(answer.body).at("id") == world.begun.id.view());
  }
}

// -- idempotency --------------------------------------------------------------

TEST_CASE("a repetition gets the same job and says so", "[http]") {
  deletion world;
  world.engine.ticket.outcome =
      GENERATE(jobs::accept_outcome::joined, jobs::accept_outcome::replayed);
  const auto answer = world.ask_delete("respond-async");
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location") == world.url());
  CHECK(header_of(answer, "Idempotency-Replayed") == "true");
}

TEST_CASE("a repetition of an ended job is answered as it ended", "[http]") {
  deletion world{ended(make_job(), job_state::succeeded)};
  world.engine.ticket.outcome = jobs::accept_outcome::replayed;
  CHECK(world.ask_delete().status == 204);
}

TEST_CASE("without the header there is no key", "[http]") {
  deletion world;
  world.ask_delete("wait=0");
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK_FALSE(world.engine.submitted[0].key);
}

TEST_CASE("a key comes with the principal and a fingerprint", "[http]") {
  deletion world;
  const auto text = GENERATE("\"bk-7f0c\"", "bk-7f0c", "  bk-7f0c ");
  world.ask_delete("wait=0", {{"Idempotency-Key", text}});
  const auto& key = world.engine.submitted.at(0).key;
  REQUIRE(key);
  CHECK(key->key == "bk-7f0c");
  CHECK(key->principal == "node");
  CHECK(key->fingerprint == to_hex(sha256("DELETE\n" + server_url + "\n\n")));
}

TEST_CASE("a fingerprint tells method, path, query and body apart", "[http]") {
  const auto of = [](std::string method, std::string_view target,
                     std::string body) {
    const auto key = read_idempotency(
        doubles::make_request(std::move(method), target, std::move(body),
                              {{"Idempotency-Key", "k"}}));
    return (*key)->fingerprint;
  };
  const auto one = of("POST", "/a", "x");
  CHECK(one == of("POST", "/a", "x"));
  CHECK(one != of("PUT", "/a", "x"));
  CHECK(one != of("POST", "/b", "x"));
  CHECK(one != of("POST", "/a", "y"));
  CHECK(one != of("POST", "/a?q=1", "x"));
  CHECK(of("POST", "/a?q=1%26r=2", "x") != of("POST", "/a?q=1&r=2", "x"));
}

TEST_CASE("a key that is none is malformed", "[http]") {
  deletion world;
  const auto text = GENERATE(std::string{}, std::string{"\"\""},
                             std::string{"a b"}, std::string{"a\x01"},
                             std::string{"\xc3\xa9"}, std::string(256, 'k'));
  const auto answer = world.ask_delete("wait=0", {{"Idempotency-Key", text}});
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "malformed");
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("the longest key is taken", "[http]") {
  deletion world;
  world.ask_delete("wait=0", {{"Idempotency-Key", std::string(255, 'k')}});
  CHECK(world.engine.submitted.size() == 1);
}
