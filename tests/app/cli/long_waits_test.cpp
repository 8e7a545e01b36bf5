#include "app/cli/long_waits.hpp"

#include <catch2/catch.hpp>

namespace alula::app::cli {

namespace {

constexpr std::int64_t noon = 43'200; // of the first of days

/// Its step was first tried ten hours ago.
json tried_again() {
  return json::parse(R"({"state":"retry_wait","reason":"ContainerBusy",
      "message":"Docker is not done with it",
      "waiting_since":"1970-01-01T11:59:57.000Z",
      "held_since":"1970-01-01T11:59:57.000Z",
      "steps":[{"state":"started","started_at":"1970-01-01T02:00:00.000Z"}]})");
}

} // namespace

TEST_CASE("a job that worked long and waits for a moment is no old one",
          "[app]") {
  CHECK_FALSE(long_wait_of(tried_again(), noon));
}

TEST_CASE("a job that waits for ten minutes is told, and for what", "[app]") {
  auto job = tried_again();
  job["held_since"] = job["waiting_since"] = "1970-01-01T11:50:00.000Z";
  CHECK(long_wait_of(job, noon)
        == "waits for 10 min 0 s: Docker is not done with it");
  SECTION("also by a node of before, which does not tell what held it up") {
    job.erase("held_since");
    CHECK(long_wait_of(job, noon));
  }
  SECTION("but none that waits for what it promised, or for an operator") {
    job["reason"] = "Retained";
    CHECK_FALSE(long_wait_of(job, noon));
    job["reason"] = "Parked";
    job["state"] = "parked";
    CHECK_FALSE(long_wait_of(job, noon));
  }
}

TEST_CASE("a job that waits for what does not pass by itself is told at once",
          "[app]") {
  auto job = tried_again();
  job["reason"] = "DockerUnavailable";
  job["message"] = "there is no Docker socket";
  CHECK(long_wait_of(job, noon) == "waits for 3 s: there is no Docker socket");
  job["state"] = "queued";
  job["reason"] = "WaitingInLine";
  job["message"] = "waits for the end of backup.create "
                   "01970000-0000-7000-8000-000000000001";
  CHECK_FALSE(long_wait_of(job, noon));
  SECTION("as one in line behind one that is parked") {
    job["message"] = job["message"].get<std::string>() + ", which is parked";
    CHECK(long_wait_of(job, noon));
  }
}

TEST_CASE("a job that waits for a worker between two tries stands where it did "
          "before",
          "[app]") {
  auto job = tried_again();
  job["held_since"] = "1970-01-01T11:00:00.000Z";
  job["message"] = "all are busy";
  CHECK(long_wait_of(job, noon)
        == "waits for 3 s, in a step that is held up for 1 h 0 min: all are "
           "busy");
}

TEST_CASE("a job that is held up by two things in turn stands since the first",
          "[app]") {
  auto job = tried_again();
  job["held_since"] = "1970-01-01T11:00:00.000Z";
  job["reason"] = "ContainerBusy";
  job["message"] = "Docker is not done with it";
  job["waiting_since"] = "1970-01-01T11:59:30.000Z";
  CHECK(long_wait_of(job, noon)
        == "waits for 30 s, in a step that is held up for 1 h 0 min: Docker is "
           "not done with it");
}

} // namespace alula::app::cli
