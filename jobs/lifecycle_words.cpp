#include "jobs/lifecycle_words.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::jobs {

namespace {

using nlohmann::json;

std::string dumped(const json& data) {
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string reason_of(fault_code code) {
  std::string out;
  bool upper = true;
  for (const char c : slug(code)) {
    if (c == '-') {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

event_draft event_of(std::string type, const job_record& job) {
  json data{{"state", to_string(job.state)}};
  if (!job.reason.empty())
    data["reason"] = job.reason;
  if (!job.message.empty())
    data["message"] = job.message;
  if (job.error)
    data["error"] = json::parse(to_json(*job.error));
  return {std::move(type), dumped(data)};
}

event_draft event_of_step(const step_record& step) {
  json data{{"step", step.name}, {"step_state", to_string(step.state)}};
  if (step.error)
    data["error"] = json::parse(to_json(*step.error));
  return {"job.step", dumped(data)};
}

} // namespace alula::jobs
