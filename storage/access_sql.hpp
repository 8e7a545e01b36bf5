/// Statements of the ledger's writer and readers about tokens and the audit.
#pragma once

#include "storage/sql_table.hpp"

#define ALULA_TOKEN_COLUMNS                                                    \
  " id, kind, subject, name, role, scope, hash, created_by, created_at,"       \
  " expires_at, revoked_at, used_at"
#define ALULA_AUDIT_COLUMNS                                                    \
  " audit_row, at, principal, name, method, path, server, job, status,"        \
  " request_id, remote, system"
// ?1 below this row · ?2 limit
#define ALULA_AUDIT_PAGE " ORDER BY audit_row DESC LIMIT ?2"

namespace alula::storage {

inline constexpr std::array access_statements{
    // -- written --------------------------------------------------------------
    named_sql{"insert_token",
              "INSERT INTO principals(id, kind, subject, name, role, scope,"
              " hash, created_by, created_at, expires_at)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    named_sql{"revoke_token", "UPDATE principals SET revoked_at = ?2"
                              " WHERE id = ?1 AND revoked_at IS NULL"},
    named_sql{"use_token", "UPDATE principals SET used_at = ?2"
                           " WHERE id = ?1 AND coalesce(used_at, 0) < ?2"},
    named_sql{"insert_audit",
              "INSERT INTO audit(at, principal, name, method, path, server,"
              " job, status, request_id, remote, system)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    // -- read -----------------------------------------------------------------
    named_sql{"tokens", "SELECT" ALULA_TOKEN_COLUMNS
                        " FROM principals ORDER BY created_at, id"},
    named_sql{"audit", "SELECT" ALULA_AUDIT_COLUMNS
                       " FROM audit WHERE audit_row < ?1" ALULA_AUDIT_PAGE},
    // ?3 principal · ?4 server, or NULL · ?5 system, or NULL
    named_sql{"audit_of_principal",
              "SELECT" ALULA_AUDIT_COLUMNS
              " FROM audit INDEXED BY audit_by_principal"
              " WHERE principal = ?3 AND audit_row < ?1"
              " AND (?4 IS NULL OR server = ?4)"
              " AND (?5 IS NULL OR system = ?5)" ALULA_AUDIT_PAGE},
    // ?3 system · ?4 server, or NULL
    named_sql{"audit_of_system",
              "SELECT" ALULA_AUDIT_COLUMNS
              " FROM audit INDEXED BY audit_by_system"
              " WHERE system = ?3 AND audit_row < ?1"
              " AND (?4 IS NULL OR server = ?4)" ALULA_AUDIT_PAGE},
    // ?3 server
    named_sql{"audit_of_server",
              "SELECT" ALULA_AUDIT_COLUMNS
              " FROM audit INDEXED BY audit_by_server"
              " WHERE server = ?3 AND audit_row < ?1" ALULA_AUDIT_PAGE},
    // -- pruning --------------------------------------------------------------
    named_sql{"prune_audit", "DELETE FROM audit WHERE audit_row IN"
                             " (SELECT audit_row FROM audit"
                             " INDEXED BY audit_by_age WHERE at <= ?1"
                             " ORDER BY at LIMIT ?2)"},
    named_sql{"prune_principals",
              "DELETE FROM principals WHERE id IN (SELECT id FROM principals"
              " WHERE coalesce(revoked_at, expires_at) <= ?1 LIMIT ?2)"},
};

consteval const named_sql& access_sql(std::string_view name) {
  return find_sql(access_statements, name);
}

} // namespace alula::storage
