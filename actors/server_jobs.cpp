#include "actors/server_jobs.hpp"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

namespace alula::actors {

namespace {

auto rank(const jobs::job_record& job) {
  const int begun = jobs::is_owner(job.state) ? 0 : job.started_at != 0 ? 1 : 2;
  return std::tuple{begun, job.row};
}

} // namespace

std::string key_of(std::int64_t server_row) {
  return server_row == 0 ? "node" : "server:" + std::to_string(server_row);
}

const jobs::step* find_step(const live_job& job, std::size_t index) {
  if (!job.kind || index >= job.record.steps.size())
    return nullptr;
  const auto found = std::ranges::find(
      job.kind->steps, job.record.steps[index].name, &jobs::step::name);
  return found == job.kind->steps.end() ? nullptr : &*found;
}

bool can_run(const jobs::kind* kind, const jobs::job_record& job) {
  if (!kind)
    return false;
  const bool is_older = kind->oldest_plan != 0
                        && job.plan_version >= kind->oldest_plan
                        && job.plan_version < kind->plan_version;
  const auto steps = std::min(job.steps.size(), kind->steps.size());
  return (is_older
          || (job.plan_version == kind->plan_version
              && job.steps.size() == kind->steps.size()))
         && std::ranges::equal(job.steps, std::span{kind->steps}.first(steps),
                               {}, &jobs::step_record::name, &jobs::step::name);
}

live_job& server_jobs::add(jobs::job_record record, const jobs::kind* kind) {
  auto& job = jobs_[record.id];
  job.kind = can_run(kind, record) ? kind : nullptr;
  job.record = std::move(record);
  return job;
}

void server_jobs::remove(const jobs::job_id& id) {
  jobs_.erase(id);
}

live_job* server_jobs::find(const jobs::job_id& id) {
  const auto place = jobs_.find(id);
  return place == jobs_.end() ? nullptr : &place->second;
}

std::vector<jobs::job_id> server_jobs::ids() const {
  std::vector<jobs::job_id> out;
  for (const auto& [id, job] : jobs_)
    out.push_back(id);
  return out;
}

std::vector<live_job*> server_jobs::all() {
  std::vector<live_job*> out;
  for (auto& [id, job] : jobs_)
    out.push_back(&job);
  return out;
}

std::vector<live_job*> server_jobs::others(const live_job& than) {
  auto out = all();
  std::erase(out, &than);
  return out;
}

live_job& server_jobs::first_of_lane(const live_job& job) {
  if (job.record.lane == "node") // they do not stand in line
    return *find(job.record.id);
  live_job* first = nullptr;
  for (auto& [id, other] : jobs_)
    if (other.record.lane == job.record.lane
        && (!first || rank(other.record) < rank(first->record)))
      first = &other;
  return *first;
}

} // namespace alula::actors
