#include "jobs/ids.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace alula::jobs;

TEST_CASE("an id is parsed only from a canonical lower-case UUID", "[jobs]") {
  CHECK(server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11"));
  CHECK_FALSE(server_id::parse("3F1D3A0E-7A55-4C3C-9D4F-0A4F5C1F2B11"));
  CHECK_FALSE(server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b1"));
  CHECK_FALSE(server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b111"));
  CHECK_FALSE(server_id::parse("3f1d3a0e07a55-4c3c-9d4f-0a4f5c1f2b11"));
  CHECK_FALSE(server_id::parse("../../../../../../../../../../etc/pw"));
  CHECK_FALSE(server_id::parse(""));
}

TEST_CASE("an id that was never parsed is empty", "[jobs]") {
  CHECK(job_id{}.empty());
  CHECK(job_id{}.view().empty());
}

TEST_CASE("a job id carries its time and sorts by it", "[jobs]") {
  const auto early = make_job_id(1'700'000'000'000);
  const auto late = make_job_id(1'700'000'000'001);
  CHECK(early < late);
  CHECK(created_at(early) == 1'700'000'000'000);
  CHECK(created_at(late) == 1'700'000'000'001);
  CHECK(early.view()[14] == '7');
}

TEST_CASE("ids of the same millisecond differ", "[jobs]") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(make_job_id(1'700'000'000'000).to_string());
  CHECK(seen.size() == 1000);
}

TEST_CASE("a random UUID is of version 4", "[jobs]") {
  const auto text = make_random_uuid();
  REQUIRE(server_id::parse(text));
  CHECK(text[14] == '4');
  CHECK(std::string{"89ab"}.find(text[19]) != std::string::npos);
}
