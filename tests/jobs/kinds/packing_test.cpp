#include "jobs/kinds/packing.hpp"
#include "tests/jobs/kinds/backup_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

std::vector<file_note> notes_about(int files, std::size_t path_size) {
  std::vector<file_note> out;
  for (int i = 0; i < files; ++i)
    out.push_back({std::string(path_size, '\n') + std::to_string(i), "a fifo"});
  return out;
}

json result_with(const std::vector<file_note>& notes) {
  backup_world w;
  w.backups.volume_notes = notes;
  const auto job = w.run_to_end(
      create_backup,
      json{{"adapter", "wings"}, {"uuid", w.backup(1).view()}}.dump());
  REQUIRE(job.state == job_state::succeeded);
  CHECK(job.result.size() < most_told_of_notes + 1'000);
  CHECK(job.find_step("archive")->output.size() < most_told_of_notes + 1'000);
  return json::parse(job.result);
}

} // namespace

TEST_CASE("a job tells of the files that are not in the archive", "[kinds]") {
  const auto result = result_with(notes_about(100, 10));
  CHECK(result.at("noted") == 100);
  CHECK(result.at("notes").size() == 100);
}

TEST_CASE("long paths leave out notes, not their number", "[kinds]") {
  const auto result = result_with(notes_about(1'000, 4'000));
  CHECK(result.at("noted") == 1'000);
  // Each byte of these paths is two in the text.
  CHECK(result.at("notes").size() == most_told_of_notes / 8'100);
  CHECK(result.at("notes").at(0).at("path") == std::string(4'000, '\n') + "0");
}
