#include "jobs/advice.hpp"
#include "jobs/pool_pause.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

namespace {

const pool_pause paused{"backup", 1'800'000'000'000, "new disk", "Anna"};

job_record waits_with(std::string message) {
  job_record job;
  job.state = job_state::queued;
  job.reason = "PoolPaused";
  job.message = std::move(message);
  return job;
}

} // namespace

TEST_CASE("the words of a pause say which pool, since when and why, not by "
          "whom",
          "[jobs]") {
  CHECK(words_of(paused)
        == "the pool \"backup\" is paused since 2027-01-15T08:00:00.000Z (new "
           "disk)");
  CHECK(words_of({"backup", paused.since, "", ""})
        == "the pool \"backup\" is paused since 2027-01-15T08:00:00.000Z");
}

TEST_CASE("the pool is read back out of the words of a pause", "[jobs]") {
  CHECK(paused_pool_in(words_of(paused)) == "backup");
  CHECK(paused_pool_in("the pool \"backup\" is full").empty());
  CHECK(paused_pool_in("it is paused").empty());
  CHECK(paused_pool_in("").empty());
}

TEST_CASE("a job that waits for a paused pool is told the very command",
          "[jobs]") {
  CHECK(advice_about(waits_with(words_of(paused)))
        == "Resume the pool when what it was paused for is over: `alula pools "
           "resume backup` (POST /api/pools/backup/resume).");
  const auto vague = advice_about(waits_with("of an older release"));
  CHECK(vague.find("`alula pools`") != std::string::npos);
  CHECK(vague.find('{') == std::string::npos);
}
