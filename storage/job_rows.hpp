/// How rows become records: the column lists that statements select, and the
/// functions that read exactly those.
#pragma once

#include "jobs/job.hpp"
#include "jobs/server.hpp"
#include "storage/sqlite.hpp"

#include <string_view>

// Text macros, because SQL texts are put together by the preprocessor.
#define ALULA_JOB_COLUMNS                                                      \
  "j.job_row, j.id, j.kind, j.plan_version, j.server_row, j.server, j.lane,"   \
  " j.pool, j.priority, j.state, j.version, j.dedup_key, j.input, j.result,"   \
  " j.error, j.reason, j.message, j.attempt, j.max_attempts, j.crashes,"       \
  " j.past_pivot, j.cancel_requested_at, j.boot, j.retry_of, j.run_at,"        \
  " j.deadline_at, j.created_at, j.started_at, j.finished_at, j.expires_at,"   \
  " j.answer_after, j.waiting_since, j.held_by,"                               \
  " coalesce(j.held_by_since, j.held_since), j.held_since"
#define ALULA_STEP_COLUMNS                                                     \
  "name, class, state, attempt, crashes, reached, output, error, started_at, " \
  "finished_at"
#define ALULA_SERVER_COLUMNS                                                   \
  "server_row, uuid, state, suspended, transferring, owner_job, created_by,"   \
  " container_id, config, created_at, updated_at, quarantined_at,"             \
  " wanted_up, install, installed_at, crashed_at, crash_exit_code,"            \
  " crash_out_of_memory, rotation"
#define ALULA_EVENT_COLUMNS                                                    \
  "e.seq, e.job_row, j.id, j.server, j.kind, e.type, e.job_version, e.at,"     \
  " e.data, CASE WHEN j.kind GLOB 'system.*' THEN j.input END"

namespace alula::storage {

/// Of a SELECT of ALULA_JOB_COLUMNS; the steps are still missing.
jobs::job_record read_job(const rows& row);
/// Of ALULA_STEP_COLUMNS.
jobs::step_record read_step(const rows& row);
/// Of ALULA_SERVER_COLUMNS.
jobs::server_record read_server(const rows& row);
/// Of ALULA_EVENT_COLUMNS.
jobs::event read_event(const rows& row);

/// Fills in the steps; `steps_of_job` takes the job's row.
jobs::status read_steps(database& from, const named_sql& steps_of_job,
                        jobs::job_record& job);

/// The fault as it is stored, or empty.
std::string stored(const std::optional<jobs::fault>& f);

} // namespace alula::storage
