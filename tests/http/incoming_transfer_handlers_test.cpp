// Who may send a server here, and how such a transfer is answered and
// cancelled.
#include "http/incoming_transfer_handlers.hpp"
#include "tests/doubles/transfer_form.hpp"
#include "tests/http/api_world.hpp"
#include "tests/http/token_maker.hpp"

#include <catch2/catch.hpp>

#include <optional>

using namespace alula;
using namespace alula::http;

namespace {

const std::string signing_key(64, 'k');

api_settings with_key(std::size_t most_transfers = 64) {
  api_settings out;
  out.signing_key = [] { return signing_key; };
  out.most_transfers = most_transfers;
  return out;
}

struct transfer_api : api_world {
  explicit transfer_api(api_settings settings = with_key())
    : api_world(std::move(settings)) {
    auto record = make_job("server.receive");
    record.server = jobs::server_id::parse(some_job).value(); // any other
    job = engine.put(std::move(record));
    engine.ticket = {job, jobs::accept_outcome::created};
  }

  const std::int64_t now = 1'800'000'000;
  json claims = {{"iss", "https://panel.example"},
                 {"aud", {"https://node.example:8080"}},
                 {"jti", "of the server"},
                 {"iat", now},
                 {"nbf", now - 300},
                 {"exp", now + 900},
                 {"unique_id", "0123456789abcdef"},
                 {"sub", some_server}};

  header_list headers() {
    return {{"Authorization", "Bearer " + sign(claims, signing_key)},
            {"Content-Type", doubles::forms::type}};
  }
  response post(header_list with) {
    return ask("POST", "/api/transfers", doubles::forms::last, std::move(with));
  }
  /// Posts, and lets the job end so.
  response post_until(job_state how, std::optional<fault> why = {}) {
    const auto call = send("POST", "/api/transfers", "form", headers());
    engine.put(ended(job->record(), how, std::move(why)));
    auto answer = call->wait_for_answer();
    REQUIRE(answer);
    keep_answer("POST", "/api/transfers", *answer);
    return *std::move(answer);
  }
  std::string place() const {
    return "/api/jobs/" + job->record().id.to_string();
  }
  jobs::job_view_ptr job;
};

fault because(fault_code code) {
  return {.code = code, .what = "because"};
}

/// One that is sent to this node now.
jobs::job_record job_of(const std::string& kind) {
  auto job = make_job(kind);
  job.server = jobs::server_id::parse(some_server).value();
  return job;
}

} // namespace

TEST_CASE("a transfer is answered when its job has reached its mark",
          "[http][transfers]") {
  transfer_api world;
  const auto answer = world.post_until(job_state::succeeded);
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.place());
  REQUIRE(world.engine.submitted.size() == 1);
  const auto& asked = world.engine.submitted.front();
  CHECK(asked.kind == "server.receive");
  const auto body = json::parse(asked.body);
  CHECK(body.at("server") == some_server);
  // The request is forgotten with its answer.
  CHECK_FALSE(world.incoming.is_waiting(body.at("request").get<std::string>()));
}

TEST_CASE("the request waits while its job is at work", "[http][transfers]") {
  transfer_api world;
  const auto call =
      world.send("POST", "/api/transfers", "form", world.headers());
  const auto request = json::parse(world.engine.submitted.front().body)
                           .at("request")
                           .get<std::string>();
  CHECK(world.incoming.is_waiting(request));
  world.engine.let_time_pass(); // one look is over, and another begins
  CHECK_FALSE(call->is_answered());
  const auto taken = world.incoming.take(request);
  REQUIRE(taken);
  CHECK(taken->boundary == doubles::forms::mark);
  CHECK(taken->length == 4);
  world.engine.put(ended(world.job->record(), job_state::failed,
                         because(fault_code::transfer_failed)));
  CHECK(call->wait_for_answer());
}

TEST_CASE("a token of nobody, or past its time, is 401", "[http][transfers]") {
  transfer_api world;
  auto headers = world.headers();
  SECTION("none") {
    headers.erase(headers.begin());
  }
  SECTION("none behind Bearer") {
    headers.front().second = "Bearer ";
  }
  SECTION("another scheme") {
    headers.front().second = "Basic eA==";
  }
  SECTION("the node's own token") {
    headers.front().second = "Bearer " + signing_key;
  }
  SECTION("signed by another node") {
    headers.front().second =
        "Bearer " + sign(world.claims, std::string(64, 'x'));
  }
  SECTION("expired") {
    world.claims["exp"] = world.now - 1;
    headers = world.headers();
  }
  SECTION("without an end") {
    world.claims.erase("exp");
    headers = world.headers();
  }
  SECTION("of the future") {
    world.claims["nbf"] = world.now + 120;
    headers = world.headers();
  }
  const auto answer = world.post(headers);
  CHECK(answer.status == 401);
  CHECK(code_of(answer) == "unauthorized");
  CHECK_FALSE(header_of(answer, "WWW-Authenticate").empty());
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a transfer with a token for something else is 403",
          "[http][transfers]") {
  transfer_api world;
  SECTION("of a websocket") {
    world.claims["server_uuid"] = some_server;
  }
  SECTION("of a download") {
    world.claims["backup_uuid"] = some_server;
  }
  SECTION("for no server") {
    world.claims.erase("sub");
  }
  SECTION("for a server that is none") {
    world.claims["sub"] = "../../etc";
  }
  const auto answer = world.post(world.headers());
  CHECK(answer.status == 403);
  CHECK(code_of(answer) == "forbidden");
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a node without a token lets no server in", "[http][transfers]") {
  transfer_api world{api_settings{}};
  CHECK(world.post(world.headers()).status == 401);
}

TEST_CASE("a body that is no form is refused before there is a job",
          "[http][transfers]") {
  transfer_api world;
  for (const auto* type : {"application/json", "multipart/form-data", ""}) {
    auto headers = world.headers();
    headers.back().second = type;
    const auto answer = world.post(headers);
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "malformed");
  }
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a server that is here, or on its way, is 409 and says by which job",
          "[http][transfers]") {
  transfer_api world;
  world.engine.refuse_submit = fault{.code = fault_code::server_exists,
                                     .what = "it is here",
                                     .in_the_way = some_job};
  const auto answer = world.post(world.headers());
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "server-exists");
  CHECK(json::parse(answer.body).at("owner_job") == some_job);
}

TEST_CASE("so many transfers and no more", "[http][transfers]") {
  transfer_api world{with_key(0)};
  CHECK(world.post(world.headers()).status == 429);
}

TEST_CASE("a transfer that failed says why", "[http][transfers]") {
  transfer_api world;
  const auto& [code, status] =
      GENERATE(table<fault_code, int>({{fault_code::malformed, 400},
                                       {fault_code::backup_damaged, 400},
                                       {fault_code::archive_refused, 400},
                                       {fault_code::no_room, 507},
                                       {fault_code::transfer_failed, 502},
                                       {fault_code::upload_failed, 502},
                                       {fault_code::server_not_found, 404},
                                       {fault_code::volume_obstructed, 500}}));
  const auto answer = world.post_until(job_state::failed, because(code));
  CHECK(answer.status == status);
  CHECK(code_of(answer) == jobs::slug(code));
  CHECK(json::parse(answer.body).at("detail") == "because");
  CHECK(header_of(answer, "Location") == world.place());
}

TEST_CASE("a transfer that was cancelled is 409", "[http][transfers]") {
  transfer_api world;
  const auto answer = world.post_until(job_state::cancelled);
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "cancelled");
}

// -- DELETE -------------------------------------------------------------------

TEST_CASE("an incoming transfer can be cancelled", "[http][transfers]") {
  transfer_api world;
  const auto job = job_of("server.receive");
  world.engine.put(job);
  const auto answer = world.ask("DELETE", "/api/transfers/" + some_server);
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == "/api/jobs/" + job.id.to_string());
  CHECK(world.engine.cancelled == std::vector{job.id});
}

TEST_CASE("where nothing is transferred nothing is cancelled",
          "[http][transfers]") {
  transfer_api world;
  const auto target = "/api/transfers/" + some_server;
  SECTION("no job at all") {}
  SECTION("another job") {
    world.engine.put(job_of("backup.create"));
  }
  SECTION("it has ended since") {
    world.engine.put(job_of("server.receive"));
    world.engine.refuse_cancel = fault{.code = fault_code::already_finished};
  }
  const auto answer = world.ask("DELETE", target);
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "not-transferring");
}

TEST_CASE("a transfer past its pivot is not cancelled", "[http][transfers]") {
  transfer_api world;
  const auto job = job_of("server.receive");
  world.engine.put(job);
  world.engine.refuse_cancel = fault{.code = fault_code::past_pivot};
  const auto answer = world.ask("DELETE", "/api/transfers/" + some_server);
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "past-point-of-no-return");
}

TEST_CASE("a transfer of no uuid is 400", "[http][transfers]") {
  transfer_api world;
  CHECK(world.ask("DELETE", "/api/transfers/x").status == 400);
}
