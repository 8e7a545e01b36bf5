#include "http/socket_jobs.hpp"

#include "http/job_answers.hpp"
#include "http/json_values.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

std::string_view step_of(const jobs::job_record& job) {
  for (const auto& step : job.steps)
    if (step.state != jobs::step_state::done
        && step.state != jobs::step_state::skipped
        && step.state != jobs::step_state::undone)
      return step.name;
  return {};
}

json number_or_null(std::int64_t number) {
  return number == 0 ? json(nullptr) : json(number);
}

json count_of(const jobs::work_count& count) {
  return {{"done", count.done}, {"total", number_or_null(count.total)}};
}

json progress_of(const jobs::job_view& job) {
  const auto& now = job.current_progress();
  if (!now)
    return nullptr;
  json out{{"done", now->done},
           {"total", number_or_null(now->total)},
           {"unit", now->unit},
           {"message", now->message},
           {"rate", now->rate}};
  if (now->files)
    out["files"] = count_of(*now->files);
  if (now->bytes)
    out["bytes"] = count_of(*now->bytes);
  return out;
}

json error_of(const jobs::job_record& job, bool with_reason) {
  if (!job.error)
    return nullptr;
  json out{{"code", jobs::slug(job.error->code)}};
  if (with_reason)
    out["detail"] = job.error->what;
  return out;
}

} // namespace

std::string present_job(const jobs::job_view& job, bool with_reason) {
  const auto& record = job.record();
  const auto step = step_of(record);
  return text_of({{"id", record.id.view()},
                  {"url", job_url(record.id)},
                  {"kind", record.kind},
                  {"state", jobs::to_string(record.state)},
                  {"version", record.version},
                  {"etag", job.etag()},
                  {"step", text_or_null(step)},
                  {"progress", progress_of(job)},
                  {"error", error_of(record, with_reason)}});
}

std::string_view permission_for_job(std::string_view kind) {
  return kind.starts_with("backup.") ? "backup.read" : "";
}

} // namespace alula::http
