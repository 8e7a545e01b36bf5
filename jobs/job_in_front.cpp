#include "jobs/job_in_front.hpp"

namespace alula::jobs {

namespace {

constexpr std::string_view before_job = "waits for the end of ";
constexpr std::string_view behind_parked = ", which is parked";
constexpr std::size_t id_length = 36;

} // namespace

std::string words_of_line(const job_record& in_front) {
  std::string out{before_job};
  out += in_front.kind + " " + in_front.id.to_string();
  if (in_front.state == job_state::parked)
    out += behind_parked;
  return out;
}

std::optional<job_in_front> job_in_front_in(std::string_view words) {
  if (!words.starts_with(before_job))
    return std::nullopt;
  const bool is_parked = words.ends_with(behind_parked);
  if (is_parked)
    words.remove_suffix(behind_parked.size());
  // With a comma left they are about several.
  if (words.size() < before_job.size() + id_length
      || words.find(',') != std::string_view::npos)
    return std::nullopt;
  const auto id = job_id::parse(words.substr(words.size() - id_length));
  if (!id)
    return std::nullopt;
  return job_in_front{*id, is_parked};
}

} // namespace alula::jobs
