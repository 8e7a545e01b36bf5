#include "storage/job_rows.hpp"

namespace alula::storage {

namespace {

std::optional<jobs::fault> read_fault(const rows& row, int column) {
  if (row.is_null(column))
    return std::nullopt;
  return jobs::fault_from_json(row.text(column));
}

template<class Id>
Id read_id(const rows& row, int column) {
  return Id::parse(row.text(column)).value_or(Id{});
}

int small(const rows& row, int column) {
  return static_cast<int>(row.integer(column));
}

} // namespace

jobs::job_record read_job(const rows& row) {
  jobs::job_record job;
  int c = 0;
  job.row = row.integer(c++);
  job.id = read_id<jobs::job_id>(row, c++);
  job.kind = row.text(c++);
  job.plan_version = small(row, c++);
  job.server_row = row.integer(c++);
  job.server = read_id<jobs::server_id>(row, c++);
  job.lane = row.text(c++);
  job.pool = row.text(c++);
  job.priority = small(row, c++);
  // The schema admits no other words.
  job.state = jobs::parse_job_state(row.text(c++)).value();
  job.version = row.integer(c++);
  job.dedup_key = row.text(c++);
  job.input = row.text(c++);
  job.result = row.text(c++);
  job.error = read_fault(row, c++);
  job.reason = row.text(c++);
  job.message = row.text(c++);
  job.attempt = small(row, c++);
  job.max_attempts = small(row, c++);
  job.crashes = small(row, c++);
  job.past_pivot = row.integer(c++) != 0;
  job.cancel_requested_at = row.integer(c++);
  job.boot = row.integer(c++);
  job.retry_of = read_id<jobs::job_id>(row, c++);
  job.run_at = row.integer(c++);
  job.deadline_at = row.integer(c++);
  job.created_at = row.integer(c++);
  job.started_at = row.integer(c++);
  job.finished_at = row.integer(c++);
  job.expires_at = row.integer(c++);
  job.answer_after = small(row, c++);
  job.waiting_since = row.integer(c++);
  job.held_by = row.text(c++);
  job.held_by_since = row.integer(c++);
  job.held_since = row.integer(c++);
  return job;
}

jobs::step_record read_step(const rows& row) {
  jobs::step_record step;
  int c = 0;
  step.name = row.text(c++);
  step.cls = jobs::parse_step_class(row.text(c++)).value();
  step.state = jobs::parse_step_state(row.text(c++)).value();
  step.attempt = small(row, c++);
  step.crashes = small(row, c++);
  step.reached = row.integer(c++);
  step.output = row.text(c++);
  step.error = read_fault(row, c++);
  step.started_at = row.integer(c++);
  step.finished_at = row.integer(c++);
  return step;
}

jobs::server_record read_server(const rows& row) {
  jobs::server_record server;
  int c = 0;
  server.row = row.integer(c++);
  server.uuid = read_id<jobs::server_id>(row, c++);
  server.state = jobs::parse_server_state(row.text(c++)).value();
  server.suspended = row.integer(c++) != 0;
  server.transferring = row.integer(c++) != 0;
  server.owner_job = row.integer(c++);
  server.created_by = row.integer(c++);
  server.container_id = row.text(c++);
  server.config = row.text(c++);
  server.created_at = row.integer(c++);
  server.updated_at = row.integer(c++);
  server.quarantined_at = row.integer(c++);
  server.wanted_up = row.integer(c++) != 0;
  server.install = jobs::parse_install_state(row.text(c++)).value();
  server.installed_at = row.integer(c++);
  server.crashed_at = row.integer(c++);
  server.crash_exit_code = static_cast<int>(row.integer(c++));
  server.crash_out_of_memory = row.integer(c++) != 0;
  server.rotation = row.text(c++);
  return server;
}

jobs::event read_event(const rows& row) {
  jobs::event event;
  int c = 0;
  event.seq = row.integer(c++);
  event.job_row = row.integer(c++);
  event.job = read_id<jobs::job_id>(row, c++);
  event.server = read_id<jobs::server_id>(row, c++);
  event.kind = row.text(c++);
  event.type = row.text(c++);
  event.job_version = row.integer(c++);
  event.at = row.integer(c++);
  event.data = row.text(c++);
  event.input = row.text(c++);
  return event;
}

jobs::status read_steps(database& from, const named_sql& steps_of_job,
                        jobs::job_record& job) {
  auto answer = from.ask(steps_of_job, job.row);
  while (answer.next())
    job.steps.push_back(read_step(answer));
  return answer.outcome();
}

std::string stored(const std::optional<jobs::fault>& f) {
  return f ? jobs::to_json(*f) : std::string{};
}

} // namespace alula::storage
