/// Statements of the ledger's writer and readers about systems and their
/// backups.
#pragma once

#include "storage/sql_table.hpp"

namespace alula::storage {

#define ALULA_SELECT_SYSTEMS                                                   \
  "SELECT id, organization, name, created_at, suspended_at, destroyed_at"      \
  " FROM systems"
#define ALULA_SELECT_SYSTEM_BACKUPS                                            \
  "SELECT id, system, state, filename, mimetype, size, sha256, uploader,"      \
  " uploaded_at, owner FROM system_backups"

inline constexpr std::array system_statements{
    // -- written --------------------------------------------------------------
    named_sql{"put_system",
              "INSERT INTO systems(id, organization, name, created_at,"
              " suspended_at) VALUES (?1, ?2, ?3, ?4, ?5)"
              " ON CONFLICT(id) DO UPDATE SET"
              " organization = excluded.organization, name = excluded.name,"
              " suspended_at = CASE WHEN excluded.suspended_at IS NULL"
              " THEN NULL ELSE coalesce(suspended_at, excluded.suspended_at)"
              " END WHERE destroyed_at IS NULL"},
    named_sql{"begin_system_upload",
              "INSERT INTO system_backups(id, system, state, filename,"
              " mimetype, size, sha256, uploader, uploaded_at, owner)"
              " VALUES (?1, ?2, 'uploading', ?3, ?4, ?5, '', ?6, ?7, ?8)"},
    named_sql{"store_system_backup",
              "UPDATE system_backups SET state = 'stored', size = ?3,"
              " sha256 = ?4, owner = ''"
              " WHERE id = ?1 AND owner = ?2 AND state = 'uploading'"},
    named_sql{"forget_system_upload",
              "DELETE FROM system_backups"
              " WHERE id = ?1 AND owner = ?2 AND state = 'uploading'"},
    named_sql{"begin_system_backup_delete",
              "UPDATE system_backups SET state = 'deleting', owner = ?2"
              " WHERE id = ?1 AND state = 'stored' AND (?3 = '' OR EXISTS"
              " (SELECT 1 FROM systems s WHERE s.id = system_backups.system"
              " AND s.organization = ?3))"},
    named_sql{"forget_system_backup",
              "DELETE FROM system_backups"
              " WHERE id = ?1 AND owner = ?2 AND state = 'deleting'"},
    named_sql{"begin_system_destroy", "UPDATE systems SET destroyed_at = ?2"
                                      " WHERE id = ?1 AND destroyed_at IS NULL"
                                      " AND (?3 = '' OR organization = ?3)"},
    named_sql{"take_system_backups",
              "UPDATE system_backups SET state = 'deleting', owner = ?2"
              " WHERE system = ?1 AND state = 'stored'"},
    named_sql{"forget_system", "DELETE FROM systems"
                               " WHERE id = ?1 AND destroyed_at IS NOT NULL"},
    named_sql{"drop_system_uploads",
              "DELETE FROM system_backups"
              " WHERE owner = ?1 AND owner <> '' AND state = 'uploading'"},
    named_sql{"release_system_backups",
              "UPDATE system_backups SET state = 'stored', owner = ''"
              " WHERE owner = ?1 AND owner <> '' AND state = 'deleting'"},
    // -- read -----------------------------------------------------------------
    named_sql{"organization_of_system",
              "SELECT organization, suspended_at, destroyed_at FROM systems"
              " WHERE id = ?1"},
    named_sql{"bytes_of_organization",
              "SELECT coalesce(sum(b.size), 0) FROM systems s"
              " JOIN system_backups b ON b.system = s.id"
              " WHERE s.organization = ?1 AND b.state <> 'deleting'"},
    named_sql{"system_backup_state",
              "SELECT state, system FROM system_backups WHERE id = ?1"},
    named_sql{"has_system_backup",
              "SELECT id FROM system_backups WHERE system = ?1 LIMIT 1"},
    named_sql{"system_by_id", ALULA_SELECT_SYSTEMS " WHERE id = ?1"},
    named_sql{"systems",
              "SELECT s.id, s.organization, s.name, s.created_at,"
              " s.suspended_at, s.destroyed_at, count(b.id),"
              " coalesce(sum(b.size), 0), coalesce(max(b.uploaded_at), 0)"
              " FROM systems s LEFT JOIN system_backups b"
              " ON b.system = s.id AND b.state = 'stored'"
              " WHERE s.id > ?1 GROUP BY s.id ORDER BY s.id LIMIT ?2"},
    named_sql{"system_uploads", ALULA_SELECT_SYSTEM_BACKUPS
              " WHERE owner <> '' AND state = 'uploading' LIMIT ?1"},
    named_sql{"system_backup_by_id",
              ALULA_SELECT_SYSTEM_BACKUPS " WHERE id = ?1"},
    named_sql{"backups_of_system", ALULA_SELECT_SYSTEM_BACKUPS
              " WHERE system = ?1 ORDER BY id DESC"},
};

consteval const named_sql& system_sql(std::string_view name) {
  return find_sql(system_statements, name);
}

} // namespace alula::storage
