#include "jobs/advice.hpp"
#include "jobs/job.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula::jobs;
using nlohmann::json;

namespace {

job_record some_job() {
  job_record job;
  job.id = make_job_id(1'700'000'000'000);
  job.kind = "server.delete";
  job.server = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  job.state = job_state::running;
  job.version = 7;
  job.created_at = 1'700'000'000'123;
  job.steps = {
      {.name = "first",
       .state = step_state::done,
       .started_at = 1,
       .finished_at = 2},
      {.name = "second", .state = step_state::started, .started_at = 3}};
  return job;
}

json render(const job_record& job, std::optional<progress> p = {}) {
  return json::parse(job_view{job, p, 0}.json());
}

} // namespace

TEST_CASE("every state has a name that leads back to it", "[jobs]") {
  for (int i = 0; i < 8; ++i) {
    const auto s = static_cast<job_state>(i);
    CHECK(parse_job_state(to_string(s)) == s);
  }
  for (int i = 0; i < 6; ++i) {
    const auto s = static_cast<step_state>(i);
    CHECK(parse_step_state(to_string(s)) == s);
  }
  CHECK_FALSE(parse_job_state("done"));
}

TEST_CASE("a job that waits says since when and what to do", "[jobs]") {
  auto job = some_job();
  CHECK(render(job)["advice"].is_null());
  CHECK(render(job)["waiting_since"].is_null());
  CHECK(render(job)["held_since"].is_null());
  job.held_since = 2;
  job.state = job_state::retry_wait;
  job.reason = "DockerUnavailable";
  const auto waits = render(job);
  CHECK(waits["waiting_since"] == "1970-01-01T00:00:00.003Z");
  CHECK(waits["held_since"] == "1970-01-01T00:00:00.002Z");
  CHECK(waits["advice"].get<std::string>().find("Start Docker")
        != std::string::npos);
}

TEST_CASE("a job that waits for whoever is away says what to do", "[jobs]") {
  auto job = some_job();
  job.state = job_state::retry_wait;
  job.reason =
      GENERATE("DockerUnavailable", "PanelUnavailable", "StoreUnavailable");
  CHECK_FALSE(render(job)["advice"].is_null());
}

TEST_CASE("a parked job's advice is that of what parked it", "[jobs]") {
  auto job = some_job();
  job.state = job_state::parked;
  job.steps[1].error = fault{.code = fault_code::crashed, .what = "died"};
  CHECK(advice_about(job) == advice_about(fault_code::crashed));
  job.error = fault{.code = fault_code::no_room, .what = "full"};
  CHECK(advice_about(job) == advice_about(fault_code::no_room));
  CHECK_FALSE(advice_about(fault_code::no_room).empty());
}

TEST_CASE("an ended job waits for nothing", "[jobs]") {
  auto job = some_job();
  job.state = job_state::succeeded;
  job.reason = "WaitingInLine";
  CHECK(advice_about(job).empty());
  CHECK(waiting_since(job) == 0);
}

TEST_CASE("a view's etag is its version and its progress", "[jobs]") {
  CHECK(job_view{some_job(), std::nullopt, 41}.etag() == "\"7.41\"");
}

TEST_CASE("a restore says nothing of its undo until the ledger is asked",
          "[jobs]") {
  auto job = some_job();
  job.kind = "backup.restore";
  CHECK(render(job)["undo_until"].is_null());
  CHECK(render(job)["links"]["undo"].is_null());
  job.state = job_state::succeeded;
  CHECK_FALSE(render(job).contains("undo_until"));
  CHECK_FALSE(render(job)["links"].contains("undo"));
}

TEST_CASE("until when a restore can be taken back is a part of its etag",
          "[jobs]") {
  auto job = some_job();
  job.kind = "backup.restore";
  job.state = job_state::succeeded;
  const job_view unasked{job, std::nullopt, 0};
  const job_view can{unasked, 1'700'000'000'123};
  CHECK(can.etag() == "\"7.0.1700000000123\"");
  CHECK(json::parse(can.json())["undo_until"] == "2023-11-14T22:13:20.123Z");
  const job_view cannot{unasked, 0};
  CHECK(cannot.etag() == unasked.etag());
  CHECK(json::parse(cannot.json())["undo_until"].is_null());
}

TEST_CASE("a job is shown with its steps, times and links", "[jobs]") {
  const auto out = render(some_job());
  CHECK(out["state"] == "running");
  CHECK(out["done"] == false);
  CHECK(out["steps"][0]["state"] == "done");
  CHECK(out["steps"][1]["name"] == "second");
  CHECK(out["created_at"] == "2023-11-14T22:13:20.123Z");
  CHECK(out["finished_at"].is_null());
  CHECK(out["links"]["server"]
        == "/api/servers/3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
}

TEST_CASE("a link to a retry is shown where one can be", "[jobs]") {
  auto job = some_job();
  job.error = fault{.code = fault_code::io_error, .what = "bad disk"};
  const auto retry = [&job](const std::string& kind, job_state state) {
    job.kind = kind;
    job.state = state;
    return render(job)["links"]["retry"];
  };
  for (const auto* kind : {"server.delete", "server.create", "server.undelete"})
    CHECK(retry(kind, job_state::parked).is_string());
  CHECK(retry("server.delete", job_state::failed).is_string());
  // Their input does not hold all that was asked.
  CHECK(retry("server.create", job_state::failed).is_null());
  CHECK(retry("server.undelete", job_state::failed).is_null());
  CHECK(retry("server.delete", job_state::running).is_null());
}

TEST_CASE("progress is shown with percent, rate and time left", "[jobs]") {
  const auto out = render(
      some_job(),
      progress{.done = 412, .total = 1020, .unit = "entries", .rate = 12.8});
  CHECK(out["progress"]["percent"] == 40);
  CHECK(out["progress"]["rate"] == 13);
  CHECK(out["progress"]["eta_seconds"] == 48);
}

TEST_CASE("what is counted in a second unit is shown beside the first",
          "[jobs]") {
  const auto packing = render(some_job(), progress{.done = 10,
                                                   .total = 40,
                                                   .unit = "bytes",
                                                   .files = work_count{3, 12}});
  CHECK(packing["progress"]["files"] == json{{"done", 3}, {"total", 12}});
  CHECK_FALSE(packing["progress"].contains("bytes"));
  const auto purging = render(
      some_job(),
      progress{.done = 10, .unit = "entries", .bytes = work_count{4096, 0}});
  CHECK(purging["progress"]["bytes"]
        == json{{"done", 4096}, {"total", nullptr}});
  CHECK_FALSE(purging["progress"].contains("files"));
}

TEST_CASE("progress of an unknown total promises no end", "[jobs]") {
  const auto out =
      render(some_job(), progress{.done = 412, .unit = "entries", .rate = 1});
  CHECK(out["progress"]["total"].is_null());
  CHECK(out["progress"]["percent"].is_null());
  CHECK(out["progress"]["eta_seconds"].is_null());
}

TEST_CASE("what a step says is shown though it counts nothing", "[jobs]") {
  auto job = some_job();
  job.state = job_state::running;
  const auto shown = [&] {
    return render(job, progress{.message = "asks the Panel"});
  };
  CHECK(shown()["message"] == "asks the Panel");
  CHECK(shown()["progress"].is_null());
  SECTION("unless the job has more to say") {
    job.message = "the Panel does not answer";
    CHECK(shown()["message"] == "the Panel does not answer");
  }
  SECTION("until it ends") {
    job.state = job_state::succeeded;
    CHECK(shown()["message"].is_null());
  }
}

TEST_CASE("result and error exclude each other", "[jobs]") {
  auto job = some_job();
  job.state = job_state::failed;
  job.error = fault{.code = fault_code::io_error, .what = "bad disk"};
  auto out = render(job);
  CHECK(out["error"]["code"] == "io-error");
  CHECK(out["result"].is_null());
  job.state = job_state::succeeded;
  job.error.reset();
  job.result = R"({"entries":3})";
  out = render(job);
  CHECK(out["error"].is_null());
  CHECK(out["result"]["entries"] == 3);
}

TEST_CASE("bytes that are no UTF-8 do not break the view", "[jobs]") {
  auto job = some_job();
  job.message = "file \xc3\x28";
  CHECK_NOTHROW(render(job));
}

TEST_CASE("a job is answered when its marked step is done", "[jobs]") {
  auto job = some_job();
  CHECK(job.is_answered());
  job.answer_after = 1;
  CHECK_FALSE(job.is_answered());
  job.steps[1].state = step_state::done;
  CHECK(job.is_answered());
}

TEST_CASE("a terminal state is followed by none", "[jobs]") {
  for (int from = 0; from < 8; ++from)
    for (int to = 0; to < 8; ++to)
      if (is_terminal(static_cast<job_state>(from)))
        CHECK_FALSE(may_follow(static_cast<job_state>(from),
                               static_cast<job_state>(to)));
}
