/// Every statement of the readers. A list is driven by the narrowest index
/// that the filter allows (job_lists.cpp chooses); the rest of the filter is
/// checked row by row, newest first.
#pragma once

#include "storage/job_rows.hpp"
#include "storage/sql_table.hpp"

// ?1 below this row · ?2 limit · ?3 server · ?4 kind · ?5 kind prefix and ?6
// its end · ?7 ",state,state," · ?8 done · ?9 created after · NULL for any ·
// ?10 not below this row.
#define ALULA_JOB_FILTER                                                       \
  " j.job_row < ?1 AND j.job_row >= ?10"                                       \
  " AND (?3 IS NULL OR j.server = ?3) AND (?4 IS NULL OR j.kind = ?4)"         \
  " AND (?5 IS NULL OR (j.kind >= ?5 AND j.kind < ?6))"                        \
  " AND (?7 IS NULL OR instr(?7, ',' || j.state || ',') > 0)"                  \
  " AND (?8 IS NULL OR j.terminal = ?8)"                                       \
  " AND (?9 IS NULL OR j.created_at > ?9)"                                     \
  " ORDER BY j.job_row DESC LIMIT ?2"
#define ALULA_SELECT_JOBS "SELECT " ALULA_JOB_COLUMNS " FROM jobs j"
// ?1 after this number · ?2 limit · ?3 server · ?4, ?5, ?6 kind as above.
#define ALULA_EVENT_FILTER                                                     \
  " AND (?4 IS NULL OR j.kind = ?4)"                                           \
  " AND (?5 IS NULL OR (j.kind >= ?5 AND j.kind < ?6))"                        \
  " ORDER BY e.seq LIMIT ?2"

namespace alula::storage {

inline constexpr std::array query_statements{
    // A key is kept until its time and as long as its job lives, as accept()
    // sees it, pruned or not.
    named_sql{"job_of_key", "SELECT i.fingerprint, j.id FROM idempotency i"
                            " LEFT JOIN jobs j ON j.job_row = i.job_row"
                            " WHERE i.principal = ?1 AND i.key = ?2"
                            " AND (i.expires_at > ?3 OR j.terminal = 0)"},
    named_sql{"server_by_uuid", "SELECT " ALULA_SERVER_COLUMNS " FROM servers"
                                " WHERE uuid = ?1 AND state <> 'deleted'"},
    named_sql{"job_by_id", ALULA_SELECT_JOBS " WHERE j.id = ?1"},
    named_sql{"steps_of_job", "SELECT " ALULA_STEP_COLUMNS " FROM job_steps"
                              " WHERE job_row = ?1 ORDER BY seq"},
    // ?11: a JSON array of ids.
    named_sql{"jobs_by_id", ALULA_SELECT_JOBS
              " WHERE j.id IN (SELECT value FROM json_each(?11))"
              " AND" ALULA_JOB_FILTER},
    // ?11 how it begins and ?12 the end of that. Few jobs are made in the 65
    // seconds that 8 digits of an id stand for.
    named_sql{"jobs_by_id_begin", ALULA_SELECT_JOBS
              " INDEXED BY sqlite_autoindex_jobs_1"
              " WHERE j.id >= ?11 AND j.id < ?12 AND" ALULA_JOB_FILTER},
    named_sql{"jobs_by_server_begin", ALULA_SELECT_JOBS
              " INDEXED BY jobs_by_server WHERE j.server IS NOT NULL"
              " AND j.server >= ?11 AND j.server < ?12 AND" ALULA_JOB_FILTER},
    named_sql{"jobs_by_server", ALULA_SELECT_JOBS " INDEXED BY jobs_by_server"
                                                  " WHERE j.server = ?3"
                                                  " AND" ALULA_JOB_FILTER},
    named_sql{"live_jobs", ALULA_SELECT_JOBS " INDEXED BY jobs_live"
                                             " WHERE j.terminal = 0"
                                             " AND" ALULA_JOB_FILTER},
    named_sql{"troubled_jobs", ALULA_SELECT_JOBS
              " INDEXED BY jobs_troubled"
              " WHERE j.state IN ('failed', 'cancelled', 'parked')"
              " AND" ALULA_JOB_FILTER},
    named_sql{"jobs_by_kind", ALULA_SELECT_JOBS " INDEXED BY jobs_by_kind"
                                                " WHERE j.kind = ?4"
                                                " AND" ALULA_JOB_FILTER},
    // Rows are given out in the order of time, unless the clock was put back:
    // then the first thousand tell, and all when there are no more.
    named_sql{"oldest_job_after",
              "SELECT min(job_row) FROM (SELECT job_row FROM jobs"
              " INDEXED BY jobs_by_age WHERE created_at > ?1"
              " ORDER BY created_at LIMIT 1000)"},
    named_sql{"jobs", ALULA_SELECT_JOBS " NOT INDEXED WHERE" ALULA_JOB_FILTER},
    // The next kind in the index: walks the few kinds there are.
    named_sql{"next_kind", "SELECT min(kind) FROM jobs INDEXED BY jobs_by_kind"
                           " WHERE kind > ?1"},
    named_sql{"events",
              "SELECT " ALULA_EVENT_COLUMNS " FROM events e NOT INDEXED"
              " LEFT JOIN jobs j ON j.job_row = e.job_row"
              " WHERE e.seq > ?1 AND (?3 IS NULL OR j.server = "
              "?3)" ALULA_EVENT_FILTER},
    // ?7: the job's id.
    named_sql{"events_of_job",
              "SELECT " ALULA_EVENT_COLUMNS " FROM jobs j CROSS JOIN events e"
              " INDEXED BY events_by_job ON e.job_row = j.job_row"
              " WHERE j.id = ?7 AND e.seq > ?1"
              " AND (?3 IS NULL OR j.server = ?3)" ALULA_EVENT_FILTER},
    named_sql{"events_of_server",
              "SELECT " ALULA_EVENT_COLUMNS
              " FROM jobs j INDEXED BY jobs_by_server CROSS JOIN events e"
              " INDEXED BY events_by_job ON e.job_row = j.job_row"
              " WHERE j.server = ?3 AND e.seq > ?1" ALULA_EVENT_FILTER},
    named_sql{"first_event_seq", "SELECT min(seq) FROM events"},
    named_sql{"last_event_seq",
              "SELECT seq FROM sqlite_sequence WHERE name = 'events'"},
    named_sql{"trash", "SELECT d.id, s.uuid, t.server_row, t.name, t.state,"
                       " t.detached_at, t.purge_after,"
                       " CASE json_type(s.config, '$.settings.meta.name')"
                       " WHEN 'text' THEN"
                       " json_extract(s.config, '$.settings.meta.name') END"
                       " FROM trash t"
                       " JOIN jobs d ON d.job_row = t.deleted_by"
                       " JOIN servers s ON s.server_row = t.server_row"
                       " WHERE t.state <> 'restored' ORDER BY t.deleted_by"},
    named_sql{"progress_of_job",
              "SELECT done, total, unit, message, rate, updated_at"
              " FROM job_progress WHERE job_row = ?1"},
};

consteval const named_sql& query_sql(std::string_view name) {
  return find_sql(query_statements, name);
}

} // namespace alula::storage
