/// Statements of the ledger's writer and readers about backups, restores,
/// tokens and schedules.
#pragma once

#include "storage/sql_table.hpp"

#define ALULA_BACKUP_COLUMNS                                                   \
  " b.backup_row, b.uuid, b.server, b.state, j.id, b.size, b.sha1, b.sha256,"  \
  " b.content_bytes, b.files, b.has_manifest, b.pinned, b.created_at,"         \
  " b.completed_at, b.verified_at, b.damage, b.lost_at, b.told_at,"            \
  " (SELECT CASE WHEN o.state = 'delivered' AND o.error IS NOT NULL"           \
  " THEN 'moot' ELSE o.state END"                                              \
  " FROM outbox o WHERE o.subject = 'backup:' || b.uuid"                       \
  " ORDER BY o.report DESC LIMIT 1),"                                          \
  " EXISTS (SELECT 1 FROM servers s WHERE s.uuid = b.server"                   \
  " AND s.state <> 'deleted'),"                                                \
  " b.is_local, b.is_scratch,"                                                 \
  " (SELECT json_group_array(json_array(p.place, p.key, p.etag, p.size,"       \
  " p.stored_at, p.asked_at, p.missed_at)) FROM backup_places p WHERE "        \
  "p.backup = b.uuid)"
#define ALULA_SELECT_BACKUPS                                                   \
  "SELECT" ALULA_BACKUP_COLUMNS                                                \
  " FROM backups b LEFT JOIN jobs j ON j.job_row = b.owner_job"
#define ALULA_REPLACED_COLUMNS                                                 \
  " replaced_by, server, server_row, name, merged, claimed_by IS NOT NULL,"    \
  " replaced_at, keep_until"

namespace alula::storage {

inline constexpr std::array backup_statements{
    // -- written --------------------------------------------------------------
    named_sql{"backup_state",
              "SELECT b.state, b.server, j.id, b.owner_job, b.pinned"
              " FROM backups b LEFT JOIN jobs j ON j.job_row = b.owner_job"
              " WHERE b.uuid = ?1"},
    named_sql{"insert_backup",
              "INSERT INTO backups(uuid, server, state, owner_job, created_at)"
              " VALUES (?, ?, 'creating', ?, ?)"},
    named_sql{"publish_backup",
              "UPDATE backups SET state = 'ready', owner_job = NULL, size = ?3,"
              " sha1 = ?4, sha256 = ?5, content_bytes = ?6, files = ?7,"
              " completed_at = ?8, is_local = ?9, is_scratch = ?10,"
              " has_manifest = ?11"
              " WHERE uuid = ?1 AND owner_job = ?2 AND state = 'creating'"},
    named_sql{"discard_backup", "DELETE FROM backups WHERE uuid = ?1"
                                " AND owner_job = ?2 AND state = 'creating'"},
    named_sql{"insert_found",
              "INSERT INTO backups(uuid, server, state, size, sha1, sha256,"
              " content_bytes, files, has_manifest, created_at, completed_at)"
              " VALUES (?1, ?2, 'ready', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)"},
    named_sql{"backup_is_back",
              "UPDATE backups SET lost_at = NULL, has_manifest = ?2,"
              " is_local = 1"
              " WHERE uuid = ?1 AND state = 'ready'"},
    // Of an archive that nobody has read to its end yet. What was found wrong
    // with it was so with what lay there before; a copy elsewhere is of that.
    named_sql{"renew_found", "UPDATE backups SET size = ?2, completed_at = ?3,"
                             " verified_at = NULL, damage = NULL"
                             " WHERE uuid = ?1 AND state = 'ready'"
                             " AND sha1 IS NULL AND sha256 IS NULL"
                             " AND (size <> ?2 OR completed_at <> ?3)"
                             " AND NOT EXISTS (SELECT 1 FROM backup_places p"
                             " WHERE p.backup = ?1)"},
    // What was not known of it; what is known stays. Facts of an archive of
    // another size are of another one: it was still being written when its size
    // was taken. A checksum is taken only where the other one does not speak of
    // other bytes: only the stronger of two is compared.
    named_sql{"fill_facts", "UPDATE backups SET"
                            " sha1 = CASE WHEN sha256 IS NULL OR sha256 = ?3"
                            " THEN coalesce(sha1, ?2) ELSE sha1 END,"
                            " sha256 = CASE WHEN sha1 IS NULL OR sha1 = ?2"
                            " THEN coalesce(sha256, ?3) ELSE sha256 END,"
                            " content_bytes = coalesce(content_bytes, ?4),"
                            " files = coalesce(files, ?5)"
                            " WHERE uuid = ?1 AND state = 'ready'"
                            " AND size = ?6"},
    named_sql{"backup_is_lost",
              "UPDATE backups SET lost_at = coalesce(lost_at, ?2)"
              " WHERE uuid = ?1 AND state = 'ready'"},
    named_sql{"claim_backup", "UPDATE backups SET server = ?2"
                              " WHERE uuid = ?1 AND server IS NULL"},
    named_sql{"reader_of_backup",
              "SELECT j.id FROM locks l JOIN jobs j ON j.job_row = l.job_row"
              " WHERE l.resource = 'backup:' || ?1 AND l.job_row <> ?2"},
    named_sql{"begin_backup_delete",
              "UPDATE backups SET state = 'deleting', owner_job = ?2"
              " WHERE uuid = ?1 AND state = 'ready'"},
    named_sql{"forget_backup", "DELETE FROM backups WHERE uuid = ?1"
                               " AND owner_job = ?2 AND state = 'deleting'"},
    named_sql{"record_verification",
              "UPDATE backups SET verified_at = ?2, damage = ?3"
              " WHERE uuid = ?1 AND state = 'ready'"},
    named_sql{"record_manifest", "UPDATE backups SET has_manifest = 1"
                                 " WHERE uuid = ?1 AND state = 'ready'"},
    named_sql{"pin_backup", "UPDATE backups SET pinned = ?2"
                            " WHERE uuid = ?1 AND state = 'ready'"},
    // What a job leaves when it ends: a backup it was making never was, one it
    // has not deleted after all stays, as lost when nothing of it is anywhere.
    named_sql{"drop_unfinished_backups",
              "DELETE FROM backups WHERE owner_job = ?1"
              " AND state = 'creating'"},
    named_sql{"release_backups",
              "UPDATE backups SET state = 'ready', owner_job = NULL,"
              " lost_at = CASE WHEN is_local = 0 AND NOT EXISTS (SELECT 1"
              " FROM backup_places p WHERE p.backup = backups.uuid)"
              " THEN coalesce(lost_at, ?2) ELSE lost_at END"
              " WHERE owner_job = ?1 AND state = 'deleting'"},
    // -- restores -------------------------------------------------------------
    named_sql{"begin_restore",
              "UPDATE servers SET state = 'restoring', owner_job = ?2,"
              " updated_at = ?3 WHERE server_row = ?1 AND state = 'active'"},
    named_sql{"end_restore",
              "UPDATE servers SET state = 'active', owner_job = NULL,"
              " updated_at = ?3 WHERE server_row = ?1 AND owner_job = ?2"
              " AND state = 'restoring'"},
    named_sql{"keep_replaced",
              "INSERT INTO replaced(replaced_by, server, server_row, name,"
              " merged, replaced_at, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?)"
              " ON CONFLICT(replaced_by) DO NOTHING"},
    // 0: due, and never taken back; an undo is right only against the files as
    // its restore left them (decision 30).
    named_sql{"one_replaced",
              "UPDATE replaced SET keep_until = 0 WHERE server_row = ?1"
              " AND replaced_by <> ?2 AND keep_until > 0"},
    named_sql{"claim_of_replaced",
              "SELECT r.claimed_by, j.id, r.server_row, r.keep_until"
              " FROM replaced r"
              " LEFT JOIN jobs j ON j.job_row = r.claimed_by"
              " WHERE r.replaced_by = ?1"},
    named_sql{"claim_replaced",
              "UPDATE replaced SET claimed_by = ?2"
              " WHERE replaced_by = ?1 AND claimed_by IS NULL"},
    named_sql{"release_replaced",
              "UPDATE replaced SET claimed_by = NULL"
              " WHERE replaced_by = ?1 AND claimed_by = ?2"},
    named_sql{"spoil_replaced",
              "UPDATE replaced SET claimed_by = NULL, keep_until = 0"
              " WHERE replaced_by = ?1 AND claimed_by = ?2"},
    named_sql{"forget_replaced", "DELETE FROM replaced WHERE replaced_by = ?1"
                                 " AND claimed_by = ?2"},
    named_sql{"release_all_replaced", "UPDATE replaced SET claimed_by = NULL"
                                      " WHERE claimed_by = ?1"},
    // A deleted server's replaced trees are of no use to anybody.
    named_sql{"expire_replaced", "UPDATE replaced SET keep_until = ?2"
                                 " WHERE server_row = ?1 AND keep_until > ?2"},
    // -- tokens, schedules ----------------------------------------------------
    named_sql{"burn_token", "INSERT INTO burnt_tokens(id, expires_at)"
                            " VALUES (?, ?) ON CONFLICT(id) DO NOTHING"},
    named_sql{"prune_tokens", "DELETE FROM burnt_tokens WHERE id IN"
                              " (SELECT id FROM burnt_tokens"
                              " WHERE expires_at <= ?1 LIMIT ?2)"},
    named_sql{"set_schedule",
              "INSERT INTO schedules(name, next_at) VALUES (?, ?)"
              " ON CONFLICT(name) DO UPDATE SET next_at = excluded.next_at"},
    // -- read -----------------------------------------------------------------
    named_sql{"backup_by_uuid", ALULA_SELECT_BACKUPS " WHERE b.uuid = ?1"},
    // ?1 below this row · ?2 limit · ?3 state or NULL · ?4 server
    named_sql{"backups_of_server",
              ALULA_SELECT_BACKUPS " WHERE b.server = ?4 AND b.backup_row < ?1"
                                   " AND (?3 IS NULL OR b.state = ?3)"
                                   " ORDER BY b.backup_row DESC LIMIT ?2"},
    named_sql{"all_backups", ALULA_SELECT_BACKUPS
              " WHERE b.backup_row < ?1 AND (?3 IS NULL OR b.state = ?3)"
              " ORDER BY b.backup_row DESC LIMIT ?2"},
    named_sql{"orphaned_backups", ALULA_SELECT_BACKUPS
              " WHERE b.backup_row < ?1 AND (?3 IS NULL OR b.state = ?3)"
              " AND NOT EXISTS (SELECT 1 FROM servers s"
              " WHERE s.uuid = b.server AND s.state <> 'deleted')"
              " ORDER BY b.backup_row DESC LIMIT ?2"},
    named_sql{"replaced_by", "SELECT" ALULA_REPLACED_COLUMNS " FROM replaced"
                             " WHERE replaced_by = ?1"},
    named_sql{"due_replaced", "SELECT" ALULA_REPLACED_COLUMNS " FROM replaced"
                              " WHERE keep_until <= ?1 AND claimed_by IS NULL"
                              " ORDER BY keep_until LIMIT ?2"},
    named_sql{"schedules", "SELECT name, next_at FROM schedules ORDER BY name"},
};

consteval const named_sql& backup_sql(std::string_view name) {
  return find_sql(backup_statements, name);
}

} // namespace alula::storage
