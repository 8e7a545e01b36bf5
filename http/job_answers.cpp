#include "http/job_answers.hpp"

#include "http/words.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

namespace {

/// By weak comparison; `*` is any.
template<class Fits>
bool names_any(std::string_view if_none_match, Fits fits) {
  for (auto candidate : split(if_none_match, ',')) {
    if (candidate.starts_with("W/"))
      candidate.remove_prefix(2);
    if (candidate == "*" || fits(candidate))
      return true;
  }
  return false;
}

} // namespace

int poll_after(const jobs::job_record& job, jobs::time_ms now) {
  if (job.is_done())
    return 0;
  struct pace {
    jobs::time_ms age;
    int seconds;
  };
  for (const auto& [age, seconds] :
       {pace{5'000, 1}, pace{15'000, 2}, pace{60'000, 5}, pace{300'000, 10}})
    if (now - job.created_at < age)
      return seconds;
  return 30;
}

std::string job_url(const jobs::job_id& id) {
  return "/api/jobs/" + id.to_string();
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  return names_any(if_none_match, [&](auto tag) { return tag == etag; });
}

bool names_job(std::string_view if_none_match, const jobs::job_view& job) {
  if (job.undo_until())
    return names_etag(if_none_match, job.etag());
  std::string_view version = job.etag();
  version.remove_suffix(1);
  return names_any(if_none_match, [&](std::string_view tag) {
    return tag.starts_with(version)
           && tag.find_first_of(".\"", version.size()) == version.size();
  });
}

jobs::result<std::string>
select_fields(const jobs::job_view& job,
              const std::vector<std::string>& fields) {
  if (fields.empty())
    return job.json();
  const auto whole = nlohmann::ordered_json::parse(job.json());
  auto lean = nlohmann::ordered_json::object();
  for (const auto& field : fields) {
    const auto found = whole.find(field);
    if (found == whole.end() && field == "undo_until")
      continue;
    if (found == whole.end())
      return jobs::fault{.code = jobs::fault_code::malformed,
                         .what = "a job has no member \"" + field + "\"",
                         .where = "fields"};
    lean[field] = *found;
  }
  return lean.dump();
}

void add_etag(response& answer, const jobs::job_view& job) {
  if (job.undo_until())
    answer.headers.emplace_back("ETag", job.etag());
}

void add_poll_headers(response& answer, const jobs::job_view& job,
                      jobs::time_ms now) {
  add_etag(answer, job);
  // An ended job never changes; its record may only be forgotten. What can be
  // taken back is kept for a time.
  const bool done = job.record().is_done();
  const bool is_frozen = done && !job.record().may_be_undone();
  answer.headers.emplace_back("Cache-Control",
                              is_frozen ? "private, max-age=86400, immutable"
                                        : "no-cache");
  if (!done)
    answer.headers.emplace_back("Retry-After",
                                std::to_string(poll_after(job.record(), now)));
}

} // namespace alula::http
