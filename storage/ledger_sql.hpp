/// Every statement of the writer.
#pragma once

#include "storage/job_rows.hpp"
#include "storage/sql_table.hpp"

// ?1 row, 0 for none · ?2 uuid.
#define ALULA_THAT_SERVER                                                      \
  " WHERE server_row = CASE ?1 WHEN 0 THEN (SELECT s.server_row FROM servers"  \
  " s WHERE s.uuid = ?2 AND s.state <> 'deleted') ELSE ?1 END"                 \
  " AND state <> 'deleted'"

namespace alula::storage {

inline constexpr std::array ledger_statements{
    // -- jobs -----------------------------------------------------------------
    named_sql{"job_by_row",
              "SELECT " ALULA_JOB_COLUMNS " FROM jobs j WHERE j.job_row = ?1"},
    named_sql{"job_by_id", "SELECT job_row, terminal FROM jobs WHERE id = ?1"},
    named_sql{"id_of_job", "SELECT id FROM jobs WHERE job_row = ?1"},
    named_sql{"version_of_job",
              "SELECT version, terminal, server_row, server, kind"
              " FROM jobs WHERE job_row = ?1"},
    named_sql{"live_job_of_key", "SELECT job_row FROM jobs"
                                 " WHERE dedup_key = ?1 AND terminal = 0"},
    named_sql{"owner_of_lane",
              "SELECT id FROM jobs WHERE lane = ?1 AND job_row <> ?2"
              " AND state IN ('running', 'retry_wait', 'cancelling', 'parked')"
              " AND server_row IS NOT NULL"},
    named_sql{"insert_job",
              "INSERT INTO jobs(job_row, id, kind, plan_version, server_row,"
              " server, lane, pool, priority, state, version, dedup_key, input,"
              " result, error, reason, message, attempt, max_attempts, crashes,"
              " past_pivot, cancel_requested_at, boot, retry_of, run_at,"
              " deadline_at, created_at, started_at, finished_at, expires_at,"
              " answer_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
              " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    named_sql{"update_job",
              "UPDATE jobs SET version = ?2, state = ?3, pool = ?4,"
              " priority = ?5, result = ?6, error = ?7, reason = ?8,"
              " message = ?9, attempt = ?10, crashes = ?11, past_pivot = ?12,"
              " cancel_requested_at = ?13, boot = ?14, run_at = ?15,"
              " deadline_at = ?16, started_at = ?17, finished_at = ?18,"
              " expires_at = ?19, waiting_since = ?20, held_by = ?21,"
              " held_since = ?22, held_by_since = ?23"
              " WHERE job_row = ?1 AND version = ?2 - 1"},
    named_sql{"delete_job", "DELETE FROM jobs WHERE job_row = ?1"},
    // What goes by the id of the job, past every foreign key.
    named_sql{"replaced_by_job",
              "SELECT keep_until FROM replaced WHERE replaced_by = ?1"},
    // An activity says what somebody has asked for, not what came of it.
    named_sql{"open_report_of_job",
              "SELECT subject FROM outbox INDEXED BY outbox_open_by_job"
              " WHERE job = ?1 AND ended_at IS NULL"
              " AND path <> '/activity' LIMIT 1"},
    // -- steps, progress, events ----------------------------------------------
    named_sql{"steps_of_job", "SELECT " ALULA_STEP_COLUMNS " FROM job_steps"
                              " WHERE job_row = ?1 ORDER BY seq"},
    named_sql{"insert_step",
              "INSERT INTO job_steps(job_row, seq, name, class, state)"
              " VALUES (?, ?, ?, ?, ?)"},
    named_sql{"update_step",
              "UPDATE job_steps SET state = ?3, attempt = ?4, crashes = ?5,"
              " reached = ?6, output = ?7, error = ?8, started_at = ?9,"
              " finished_at = ?10"
              " WHERE job_row = ?1 AND seq = ?2"},
    named_sql{"write_progress",
              "INSERT INTO job_progress(job_row, done, total, unit, message,"
              " rate, updated_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
              " WHERE EXISTS (SELECT 1 FROM jobs WHERE job_row = ?1"
              " AND terminal = 0) ON CONFLICT(job_row) DO UPDATE SET"
              " done = excluded.done, total = excluded.total,"
              " unit = excluded.unit, message = excluded.message,"
              " rate = excluded.rate, updated_at = excluded.updated_at"},
    named_sql{"insert_event",
              "INSERT INTO events(job_row, type, job_version, at, data)"
              " VALUES (?, ?, ?, ?, ?)"},
    // -- idempotency keys -----------------------------------------------------
    named_sql{"find_key",
              "SELECT i.fingerprint, i.job_row, i.expires_at, j.terminal"
              " FROM idempotency i LEFT JOIN jobs j ON j.job_row = i.job_row"
              " WHERE i.principal = ?1 AND i.key = ?2"},
    named_sql{"drop_key",
              "DELETE FROM idempotency WHERE principal = ?1 AND key = ?2"},
    named_sql{"remember_key",
              "INSERT INTO idempotency(principal, key, fingerprint, job_row,"
              " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"},
    // -- servers --------------------------------------------------------------
    named_sql{"server_by_row", "SELECT " ALULA_SERVER_COLUMNS " FROM servers"
                               " WHERE server_row = ?1"},
    // The owner's row also when it is a job that is only now being accepted.
    named_sql{"owner_of_server",
              "SELECT s.state, j.id, s.owner_job FROM servers s"
              " LEFT JOIN jobs j ON j.job_row = s.owner_job"
              " WHERE s.server_row = ?1"},
    named_sql{"live_server", "SELECT s.server_row, j.id FROM servers s"
                             " LEFT JOIN jobs j ON j.job_row = s.owner_job"
                             " WHERE s.uuid = ?1 AND s.state <> 'deleted'"},
    named_sql{"claim_on_uuid",
              "SELECT j.id FROM trash t"
              " JOIN servers s ON s.server_row = t.server_row"
              " LEFT JOIN jobs j ON j.job_row = t.claimed_by"
              " WHERE t.claimed_by IS NOT NULL AND s.uuid = ?1"},
    named_sql{"insert_server",
              "INSERT INTO servers(uuid, state, suspended, owner_job,"
              " created_by, config, created_at, updated_at)"
              " VALUES (?1, 'creating', ?2, ?3, ?3, ?4, ?5, ?5)"},
    named_sql{"activate_server",
              "UPDATE servers SET state = 'active', owner_job = NULL,"
              " updated_at = ?3 WHERE server_row = ?1 AND owner_job = ?2"
              " AND state = 'creating'"},
    named_sql{"discard_server",
              "UPDATE servers SET state = 'deleted', owner_job = NULL,"
              " updated_at = ?3, deleted_at = ?3 WHERE server_row = ?1"
              " AND owner_job = ?2 AND state = 'creating'"},
    named_sql{"begin_delete",
              "UPDATE servers SET state = 'deleting', was_suspended ="
              " CASE state WHEN 'deleting' THEN was_suspended ELSE suspended"
              " END, suspended = 1, owner_job = ?2, updated_at = ?3"
              " WHERE server_row = ?1 AND"
              " (state IN ('active', 'creating', 'restoring')"
              " OR (state = 'deleting' AND EXISTS (SELECT 1 FROM jobs j"
              " WHERE j.job_row = owner_job AND j.terminal = 1)))"},
    named_sql{"forget_server",
              "UPDATE servers SET state = 'deleted', owner_job = NULL,"
              " updated_at = ?3, deleted_at = ?3 WHERE server_row = ?1"
              " AND owner_job = ?2 AND state = 'deleting'"},
    named_sql{"set_container",
              "UPDATE servers SET container_id = ?2, updated_at = ?3"
              " WHERE server_row = ?1 AND state <> 'deleted'"},
    named_sql{"restore_server",
              "INSERT INTO servers(uuid, state, suspended, created_by, config,"
              " created_at, updated_at, install, installed_at, rotation)"
              " SELECT uuid, 'active', was_suspended, ?2, config, ?3, ?3,"
              " CASE install WHEN 'done' THEN 'done' ELSE 'none' END,"
              " installed_at, rotation FROM servers WHERE server_row = ?1"},
    named_sql{"inherit_servers",
              "UPDATE servers SET owner_job = ?1, updated_at = ?3"
              " WHERE owner_job = (SELECT job_row FROM jobs WHERE id = ?2"
              " AND terminal = 1)"},
    named_sql{"set_server_config",
              "UPDATE servers SET config = ?2,"
              " suspended = CASE state WHEN 'deleting' THEN 1 ELSE ?3 END,"
              " was_suspended = CASE state WHEN 'deleting' THEN ?3"
              " ELSE was_suspended END,"
              " quarantined_at = NULL, updated_at = ?4"
              " WHERE uuid = ?1 AND state <> 'deleted' RETURNING server_row"},
    named_sql{"set_rotation",
              "UPDATE servers SET rotation = ?2, updated_at = ?3"
              " WHERE uuid = ?1 AND state <> 'deleted' RETURNING server_row"},
    named_sql{"quarantine_server",
              "UPDATE servers SET quarantined_at = CASE ?2 WHEN 0 THEN NULL"
              " ELSE coalesce(quarantined_at, ?3) END, updated_at = ?3"
              " WHERE uuid = ?1 AND state <> 'deleted'"
              " AND (quarantined_at IS NULL) = ?2 RETURNING server_row"},
    // Of the live server of that row or, without one, of that uuid.
    named_sql{
        "want_power",
        "UPDATE servers SET wanted_up = ?3, updated_at = ?4" ALULA_THAT_SERVER
        " AND wanted_up <> ?3 AND (?5 = 0 OR NOT EXISTS (SELECT 1 FROM jobs j"
        " INDEXED BY jobs_by_incarnation"
        " WHERE j.server_row = servers.server_row AND j.terminal = 0"
        " AND j.kind = 'server.power'"
        " AND json_extract(j.input, '$.action') IN ('start', 'restart')"
        " AND coalesce(json_extract(j.input, '$.cause'), '') = ''))"
        " AND (?6 = 0 OR installed_at IS NULL) RETURNING server_row"},
    named_sql{"set_transferring",
              "UPDATE servers SET transferring = ?3, updated_at = "
              "?4" ALULA_THAT_SERVER
              " AND transferring <> ?3 RETURNING server_row"},
    named_sql{"note_crash",
              "UPDATE servers SET crashed_at = ?3, crash_exit_code = ?4,"
              " crash_out_of_memory = ?5, updated_at = ?6" ALULA_THAT_SERVER
              " RETURNING server_row"},
    named_sql{"want_install", "UPDATE servers SET install = 'wanted', "
                              "updated_at = ?3" ALULA_THAT_SERVER
                              " AND install = 'none' RETURNING server_row"},
    named_sql{"begin_install",
              "UPDATE servers SET install = 'running', updated_at = "
              "?3" ALULA_THAT_SERVER " RETURNING server_row"},
    named_sql{"end_install",
              "UPDATE servers SET install ="
              " CASE ?3 WHEN 1 THEN 'done' ELSE 'failed' END, installed_at ="
              " CASE ?3 WHEN 1 THEN ?4 ELSE installed_at END, updated_at = "
              "?4" ALULA_THAT_SERVER " AND install = 'running'"
              " AND (?3 = 1 OR NOT EXISTS (SELECT 1 FROM jobs j"
              " INDEXED BY jobs_by_incarnation"
              " WHERE j.server_row = servers.server_row AND j.terminal = 0"
              " AND j.job_row <> ?5 AND j.past_pivot = 0"
              " AND j.kind IN ('server.install', 'server.reinstall')))"
              " RETURNING server_row"},
    named_sql{"servers_of_owner", "SELECT server_row, state FROM servers"
                                  " WHERE owner_job = ?1"},
    // -- trash ----------------------------------------------------------------
    named_sql{"trash_of_job",
              "SELECT t.state, t.server_row, s.uuid, c.id, t.deleted_by,"
              " s.state"
              " FROM jobs d JOIN trash t ON t.deleted_by = d.job_row"
              " JOIN servers s ON s.server_row = t.server_row"
              " LEFT JOIN jobs c ON c.job_row = t.claimed_by WHERE d.id = ?1"},
    named_sql{"left_by_job",
              "SELECT d.server_row, d.server, d.state, t.purge_after"
              " FROM jobs d LEFT JOIN trash t ON t.deleted_by = d.job_row"
              " WHERE d.id = ?1"},
    named_sql{"restored_trash", "SELECT deleted_by FROM trash"
                                " WHERE state = 'restored'"},
    named_sql{"left_trash",
              "SELECT d.id FROM trash t CROSS JOIN jobs d"
              " ON d.job_row = t.deleted_by WHERE d.terminal = 1"},
    named_sql{"put_in_trash",
              "INSERT INTO trash(deleted_by, server_row, name, state,"
              " detached_at, purge_after) VALUES (?, ?, ?, 'held', ?, ?)"},
    named_sql{"begin_purge", "UPDATE trash SET state = 'purging'"
                             " WHERE deleted_by = ?1 AND state = 'held'"},
    named_sql{"end_purge", "DELETE FROM trash WHERE deleted_by = ?1"},
    named_sql{"claim_trash",
              "UPDATE trash SET state = 'restoring', claimed_by = ?2"
              " WHERE deleted_by = ?1 AND state = 'held'"},
    named_sql{"release_trash",
              "UPDATE trash SET state = 'held', claimed_by = NULL"
              " WHERE deleted_by = ?1 AND claimed_by = ?2"},
    named_sql{"restore_trash",
              "UPDATE trash SET state = 'restored', claimed_by = NULL"
              " WHERE deleted_by = ?1 AND claimed_by = ?2"},
    named_sql{"release_claims",
              "UPDATE trash SET state = 'held', claimed_by = NULL"
              " WHERE claimed_by = ?1"},
    // -- locks ----------------------------------------------------------------
    named_sql{"holder_of_lock",
              "SELECT j.id FROM locks l JOIN jobs j ON j.job_row = l.job_row"
              " WHERE l.resource = ?1 AND l.job_row <> ?2"
              " AND (l.mode = 'X' OR ?3 = 'X')"},
    named_sql{"take_lock",
              "INSERT INTO locks(resource, job_row, mode, acquired_at)"
              " VALUES (?, ?, ?, ?) ON CONFLICT(resource, job_row)"
              " DO UPDATE SET mode = max(mode, excluded.mode)"},
    named_sql{"release_locks", "DELETE FROM locks WHERE job_row = ?1"},
    // -- pools ----------------------------------------------------------------
    named_sql{"pause_pool",
              "INSERT INTO pool_pauses(pool, paused_at, reason, paused_by)"
              " VALUES (?, ?, ?, ?) ON CONFLICT(pool) DO NOTHING"},
    named_sql{"resume_pool", "DELETE FROM pool_pauses WHERE pool = ?1"},
    named_sql{"paused_pools",
              "SELECT pool, paused_at, reason, paused_by FROM pool_pauses"
              " ORDER BY pool"},
    // -- boots and recovery ---------------------------------------------------
    named_sql{"has_boots", "SELECT count(*) FROM sqlite_schema"
                           " WHERE type = 'table' AND name = 'boots'"},
    named_sql{"has_store", "SELECT count(*) FROM sqlite_schema"
                           " WHERE type = 'table' AND name = 'store'"},
    named_sql{"store_id", "SELECT id FROM store"},
    named_sql{"name_store", "INSERT INTO store(one, id) VALUES (1, ?1)"
                            " ON CONFLICT(one) DO NOTHING"},
    named_sql{"last_boot_was_clean",
              "SELECT clean FROM boots ORDER BY boot DESC LIMIT 1"},
    named_sql{"insert_boot",
              "INSERT INTO boots(started_at, kernel_boot_id, version)"
              " VALUES (?, ?, ?)"},
    named_sql{"boot_ends", "UPDATE boots SET ended_at = ?2"
                           " WHERE boot = ?1 AND ended_at IS NULL"},
    named_sql{"ended_boots", "SELECT b.boot FROM jobs j INDEXED BY jobs_live"
                             " JOIN boots b ON b.boot = j.boot"
                             " WHERE j.terminal = 0 AND j.job_row > 0"
                             " AND b.ended_at IS NOT NULL"},
    named_sql{"end_boot",
              "UPDATE boots SET ended_at = ?2, clean = 1 WHERE boot = ?1"},
    named_sql{"prune_boots", "DELETE FROM boots WHERE boot <"
                             " (SELECT max(boot) FROM boots) - 1000"},
    named_sql{"live_servers", "SELECT " ALULA_SERVER_COLUMNS " FROM servers"
                              " WHERE state <> 'deleted' ORDER BY server_row"},
    // A lower bound, so that the plan is a search of the small partial index.
    named_sql{"live_jobs",
              "SELECT " ALULA_JOB_COLUMNS " FROM jobs j INDEXED BY jobs_live"
              " WHERE j.terminal = 0 AND j.job_row > 0"
              " ORDER BY j.job_row"},
    named_sql{"last_job_row",
              "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"},
    named_sql{"last_event_seq",
              "SELECT seq FROM sqlite_sequence WHERE name = 'events'"},
    // -- pruning --------------------------------------------------------------
    named_sql{"expired_jobs",
              "SELECT j.job_row, j.id FROM jobs j"
              " WHERE j.expires_at IS NOT NULL AND j.expires_at <= ?1"
              " AND NOT EXISTS"
              " (SELECT 1 FROM servers s WHERE s.owner_job = j.job_row)"
              " AND NOT EXISTS"
              " (SELECT 1 FROM trash t WHERE t.deleted_by = j.job_row)"
              " AND NOT EXISTS"
              " (SELECT 1 FROM replaced r WHERE r.replaced_by = j.id)"
              " ORDER BY j.expires_at LIMIT ?2"},
    named_sql{"prune_keys", "DELETE FROM idempotency WHERE (principal, key) IN"
                            " (SELECT i.principal, i.key FROM idempotency i"
                            " WHERE i.expires_at <= ?1 AND NOT EXISTS"
                            " (SELECT 1 FROM jobs j WHERE j.job_row = i.job_row"
                            " AND j.terminal = 0) LIMIT ?2)"},
    named_sql{"first_event_seq", "SELECT min(seq) FROM events"},
    named_sql{"prune_events",
              "DELETE FROM events WHERE seq >= ?1 AND seq < ?1 + ?2"
              " AND (at < ?3 OR seq <= ?4)"},
    named_sql{"prune_servers",
              "DELETE FROM servers WHERE server_row IN"
              " (SELECT s.server_row FROM servers s"
              " WHERE s.deleted_at IS NOT NULL AND s.deleted_at <= ?1"
              " AND NOT EXISTS"
              " (SELECT 1 FROM jobs j WHERE j.server_row = s.server_row)"
              " AND NOT EXISTS"
              " (SELECT 1 FROM trash t WHERE t.server_row = s.server_row)"
              " LIMIT ?2)"},
};

consteval const named_sql& ledger_sql(std::string_view name) {
  return find_sql(ledger_statements, name);
}

} // namespace alula::storage
