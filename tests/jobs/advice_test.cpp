// Whoever looks at a job that does not move finds why, since when, and what can
// be done about it, whatever it waits for.
#include "jobs/advice.hpp"
#include "jobs/job_in_front.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/retry.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace alula::jobs;
using nlohmann::json;

namespace {

std::vector<fault_code> all_codes() {
  std::vector<fault_code> out;
  for (int i = 0; i <= static_cast<int>(fault_code::internal); ++i)
    out.push_back(static_cast<fault_code>(i));
  return out;
}

/// In its second step, which was begun at 3.
job_record running_job() {
  job_record job;
  job.id = make_job_id(1'700'000'000'000);
  job.kind = "server.install";
  job.state = job_state::running;
  job.version = 7;
  job.boot = 1;
  job.created_at = 1;
  job.max_attempts = 20;
  job.steps = {
      {.name = "first",
       .state = step_state::done,
       .started_at = 1,
       .finished_at = 2},
      {.name = "second", .state = step_state::started, .started_at = 3}};
  return job;
}

json shown(const job_record& job) {
  return json::parse(job_view{job, {}, 0}.json());
}

/// What the API shows of it when that has happened.
json shown_after(const job_record& job, const happening& what) {
  const auto decided = decide(job, what, 1'000, {});
  REQUIRE(decided);
  return shown(decided->after);
}

/// Why, since when, what to do.
void check_told(const json& job, const std::string& why) {
  CAPTURE(job.dump(1));
  CHECK(job.at("message") == why);
  CHECK(job.at("reason").is_string());
  CHECK(job.at("waiting_since") == "1970-01-01T00:00:01.000Z");
  REQUIRE(job.at("advice").is_string());
  CHECK_FALSE(job.at("advice").get<std::string>().empty());
}

happened::step_failed failure(fault_code code) {
  return {{.code = code, .what = "the words of it"},
          {classify(code), std::chrono::milliseconds{500}}};
}

} // namespace

TEST_CASE("a job that is tried again tells why it waits and what to do",
          "[jobs]") {
  struct row {
    fault_code code;
    std::string_view reason;
    std::string_view advice; ///< somewhere in it
  };
  const auto is = GENERATE(
      row{fault_code::docker_unavailable, "DockerUnavailable", "Start Docker"},
      row{fault_code::insufficient_storage, "InsufficientStorage",
          "Free space"},
      row{fault_code::panel_unavailable, "PanelUnavailable", "the Panel"},
      row{fault_code::store_unavailable, "StoreUnavailable", "object store"},
      row{fault_code::container_busy, "ContainerBusy", "restart Docker"},
      row{fault_code::server_locked, "ServerLocked", "in front of it"},
      row{fault_code::backup_in_use, "BackupInUse", "download"},
      row{fault_code::io_error, "IoError", "disk"},
      row{fault_code::timed_out, "TimedOut", "so long"},
      row{fault_code::stuck, "Stuck", "hangs"});
  CAPTURE(is.reason);
  const auto job = shown_after(running_job(), failure(is.code));
  CHECK(job.at("state") == "retry_wait");
  CHECK(job.at("reason") == is.reason);
  check_told(job, "the words of it");
  CHECK(job.at("advice").get<std::string>().find(is.advice)
        != std::string::npos);
}

TEST_CASE("no fault that may pass leaves a job that waits without advice",
          "[jobs]") {
  for (const auto code : all_codes()) {
    if (classify(code) == error_class::permanent)
      continue;
    CAPTURE(slug(code));
    check_told(shown_after(running_job(), failure(code)), "the words of it");
    auto going_back = running_job();
    going_back.state = job_state::cancelling;
    going_back.cancel_requested_at = 5;
    going_back.steps[1].state = step_state::undoing;
    check_told(
        shown_after(going_back, happened::undo_failed{failure(code).why,
                                                      failure(code).retry}),
        "the words of it");
  }
}

TEST_CASE("no fault leaves a parked job without advice", "[jobs]") {
  for (const auto code : all_codes()) {
    CAPTURE(slug(code));
    auto job = running_job();
    job.past_pivot = true;
    const happened::step_failed final_no{
        {.code = code, .what = "the words of it"},
        {error_class::permanent, {}}};
    const auto parked = shown_after(job, final_no);
    CHECK(parked.at("state") == "parked");
    check_told(parked, "the words of it");
  }
}

TEST_CASE("each failure that a job may end with says what to do", "[jobs]") {
  // Answers to requests, which no job ends with: the caller is told there.
  const std::set of_requests_alone{
      fault_code::unauthorized,         fault_code::forbidden,
      fault_code::route_not_found,      fault_code::method_not_allowed,
      fault_code::token_used,           fault_code::range_not_satisfiable,
      fault_code::token_not_found,      fault_code::pool_not_found,
      fault_code::past_pivot,           fault_code::already_finished,
      fault_code::not_parked,           fault_code::job_not_ended,
      fault_code::job_needed,           fault_code::precondition_failed,
      fault_code::idempotency_mismatch, fault_code::cursor_mismatch,
      fault_code::body_too_large,       fault_code::headers_too_large,
      fault_code::uri_too_long};
  // Somebody wanted that.
  const std::set as_asked_for{fault_code::cancelled, fault_code::abandoned};
  for (const auto code : all_codes()) {
    CAPTURE(slug(code));
    auto job = running_job();
    job.state = job_state::failed;
    job.error = fault{.code = code, .what = "the words of it"};
    CHECK(advice_about(job).empty()
          == (of_requests_alone.contains(code) || as_asked_for.contains(code)));
  }
}

TEST_CASE("a job that was parked after crashes says so and what to do",
          "[jobs]") {
  auto job = running_job();
  job.steps[1].crashes = 2;
  job.crashes = 2;
  const auto parked =
      shown_after(job, happened::adopted{.boot = 2, .crashed = true});
  CHECK(parked.at("state") == "parked");
  CHECK(parked.at("error").at("code") == "crashed");
  CHECK(parked.at("advice").get<std::string>().find("alula died")
        != std::string::npos);
  CHECK(parked.at("waiting_since") == "1970-01-01T00:00:01.000Z");
}

TEST_CASE("a job that waits for others or for a worker says what to do",
          "[jobs]") {
  const std::string reason =
      GENERATE("WaitingForOtherJobs", "WaitingInLine", "WaitingForWorker",
               "PoolPaused", "Stuck");
  check_told(
      shown_after(running_job(), happened::delayed{reason, "the words of it"}),
      "the words of it");
}

TEST_CASE(
    "a job whose wait is not dated waits since the end of the step before",
    "[jobs]") {
  auto job = running_job();
  job.steps[1].state = step_state::pending;
  job.steps[1].started_at = 0;
  job.reason = "WaitingForWorker";
  CHECK(waiting_since(job) == 2);
  job.steps[0].finished_at = 0;
  CHECK(waiting_since(job) == job.created_at);
}

TEST_CASE("a job in line is told how to look at the one in front", "[jobs]") {
  const std::string first = "01970000-0000-7000-8000-000000000001";
  const auto told = [](const std::string& message) {
    return shown_after(running_job(),
                       happened::delayed{"WaitingInLine", message})
        .at("advice")
        .get<std::string>();
  };
  const auto advice = told("waits for the end of backup.create " + first);
  CHECK(advice.find("`alula jobs show " + first + "`") != std::string::npos);
  // It may be past the point where it can be cancelled: that one says so.
  CHECK(advice.find("what can be done about it") != std::string::npos);
  CHECK(advice.find("alula jobs cancel") == std::string::npos);
  CHECK(told("waits for the end of it").find("`alula jobs --live`")
        != std::string::npos);
}

TEST_CASE("a job in line behind a parked one is told to see to that one",
          "[jobs]") {
  auto first = running_job();
  first.state = job_state::parked;
  const auto id = first.id.to_string();
  const auto told = shown_after(
      running_job(), happened::delayed{"WaitingInLine", words_of_line(first)});
  check_told(told,
             "waits for the end of server.install " + id + ", which is parked");
  const auto advice = told.at("advice").get<std::string>();
  CHECK(advice.find("`alula jobs retry " + id + "`") != std::string::npos);
  CHECK(advice.find("`alula jobs abandon " + id + " --reason WHY`")
        != std::string::npos);
  CHECK(advice.find("Nothing") == std::string::npos);
}

TEST_CASE("what passes by itself is told from what needs somebody", "[jobs]") {
  for (const auto* reason :
       {"DockerUnavailable", "PanelUnavailable", "StoreUnavailable",
        "InsufficientStorage", "JournalUnavailable", "IoError", "Stuck"})
    CHECK(waits_for_somebody(reason, "the words of it"));
  for (const auto* reason : {"", "ContainerBusy", "RateLimited", "Retained",
                             "PoolPaused", "Cancelling", "NewerThanThis"})
    CHECK_FALSE(waits_for_somebody(reason, "the words of it"));
  auto first = running_job();
  CHECK_FALSE(waits_for_somebody("WaitingInLine", words_of_line(first)));
  first.state = job_state::parked;
  CHECK(waits_for_somebody("WaitingInLine", words_of_line(first)));
}

TEST_CASE("a step that waits of its own accord says what to do", "[jobs]") {
  const std::string reason = GENERATE("Retained", "StoreUnavailable");
  check_told(shown_after(running_job(),
                         happened::step_waits{reason, "the words of it", 9}),
             "the words of it");
}

TEST_CASE("a job that is offered another try says that nothing is to do",
          "[jobs]") {
  auto job = running_job();
  job.past_pivot = true;
  auto parked = decide(
      job, happened::step_failed{{.what = "no"}, {error_class::permanent, {}}},
      5, {});
  REQUIRE(parked);
  const auto again = shown_after(parked->after, happened::retry_requested{1});
  CHECK(again.at("reason") == "Retried");
  CHECK(again.at("advice").is_string());
}
