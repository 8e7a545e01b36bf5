/// Statements of the ledger's writer and readers about reports for the Panel.
#pragma once

#include "storage/sql_table.hpp"

/// What was delivered has no error, unless the Panel had nothing it was about.
#define ALULA_REPORT_STATE                                                     \
  " CASE WHEN state = 'delivered' AND error IS NOT NULL THEN 'moot'"           \
  " ELSE state END"
#define ALULA_REPORT_COLUMNS                                                   \
  " report, subject, job, server, method, path, body," ALULA_REPORT_STATE ","  \
  " tries, status, error, created_at, next_at, tried_at, ended_at"
/// The states of containers, as is_container_status() says.
#define ALULA_CONTAINER_STATUS " subject GLOB 'container:*'"
#define ALULA_NO_CONTAINER_STATUS " subject NOT GLOB 'container:*'"
/// The dead ones that say the same and are not told again.
#define ALULA_DEAD_ALIKE                                                       \
  " d.subject = ?1 AND d.method = ?4 AND d.path = ?5 AND d.body = ?6"          \
  " AND d.state = 'dead' AND d.repeated_as IS NULL"
#define ALULA_SELECT_REPORTS "SELECT" ALULA_REPORT_COLUMNS " FROM outbox"

namespace alula::storage {

inline constexpr std::array outbox_statements{
    // -- written --------------------------------------------------------------
    named_sql{"insert_report",
              "INSERT INTO outbox(subject, job, server, method, path, body,"
              " state, created_at, next_at) SELECT ?1,"
              " coalesce(?2, (SELECT d.job FROM outbox d WHERE" ALULA_DEAD_ALIKE
              " ORDER BY d.report DESC LIMIT 1)),"
              " coalesce(?3, (SELECT d.server FROM outbox d"
              " WHERE" ALULA_DEAD_ALIKE " ORDER BY d.report DESC LIMIT 1)),"
              " ?4, ?5, ?6,"
              " CASE WHEN EXISTS (SELECT 1 FROM outbox o"
              " WHERE o.subject = ?1 AND o.state = 'waiting')"
              " THEN 'behind' ELSE 'waiting' END, ?7, ?7"},
    named_sql{"repeat_reports",
              "UPDATE outbox AS d SET repeated_as = ?2"
              " WHERE d.report < ?2 AND d.report > ?3 AND" ALULA_DEAD_ALIKE},
    named_sql{"waiting_report", "SELECT report FROM outbox"
                                " WHERE subject = ?1 AND state = 'waiting'"},
    named_sql{"drop_ended_reports", "DELETE FROM outbox WHERE subject = ?1"
                                    " AND ended_at IS NOT NULL"},
    named_sql{"delay_report",
              "UPDATE outbox SET tries = tries + 1, tried_at = ?2,"
              " next_at = ?3, status = ?4, error = ?5"
              " WHERE report = ?1 AND state = 'waiting'"},
    named_sql{"end_report",
              "UPDATE outbox SET state = ?3, tries = tries + 1, tried_at = ?2,"
              " ended_at = ?2, status = ?4, error = ?5"
              " WHERE report = ?1 AND state = 'waiting'"},
    named_sql{"job_of_report",
              "SELECT o.subject, o.path, o.created_at, j.job_row, o.job,"
              " o.server, j.kind, j.version FROM outbox o"
              " LEFT JOIN jobs j ON j.id = o.job WHERE o.report = ?1"},
    // Only what is told of the row as it is: the report of an earlier try to
    // make the backup says nothing about it.
    named_sql{"backup_is_told",
              "UPDATE backups SET told_at = ?2 WHERE uuid = ?1"
              " AND state <> 'creating' AND completed_at <= ?3"},
    named_sql{"prune_reports",
              "DELETE FROM outbox WHERE report IN"
              " (SELECT report FROM outbox WHERE ended_at IS NOT NULL"
              " AND ended_at <= ?1 AND (state = 'delivered' OR ended_at <= ?2)"
              " LIMIT ?3)"},
    // -- read -----------------------------------------------------------------
    named_sql{"due_reports", ALULA_SELECT_REPORTS
              " WHERE state = 'waiting' AND next_at <= ?1"
              " AND" ALULA_NO_CONTAINER_STATUS " ORDER BY next_at LIMIT ?2"},
    named_sql{"due_statuses", ALULA_SELECT_REPORTS
              " INDEXED BY outbox_one_waiting WHERE state = 'waiting'"
              " AND" ALULA_CONTAINER_STATUS " AND next_at <= ?1 LIMIT ?2"},
    named_sql{"statuses", ALULA_SELECT_REPORTS " WHERE" ALULA_CONTAINER_STATUS},
    named_sql{"next_report_at", "SELECT next_at FROM outbox"
                                " WHERE state = 'waiting' AND next_at > ?1"
                                " ORDER BY next_at LIMIT 1"},
    named_sql{"open_reports",
              ALULA_SELECT_REPORTS " WHERE ended_at IS NULL AND report > ?1"
                                   " ORDER BY report LIMIT ?2"},
    named_sql{"dead_reports",
              ALULA_SELECT_REPORTS " WHERE state = 'dead'"
                                   " AND repeated_as IS NULL AND report > ?1"
                                   " ORDER BY report LIMIT ?2"},
    named_sql{"unsettled_reports", ALULA_SELECT_REPORTS
              " WHERE state <> 'delivered'"
              " AND repeated_as IS NULL AND report > ?1"
              " AND" ALULA_NO_CONTAINER_STATUS " ORDER BY report LIMIT ?2"},
    named_sql{"all_reports", ALULA_SELECT_REPORTS
              " WHERE report > ?1 ORDER BY report LIMIT ?2"},
    named_sql{"oldest_open_report",
              "SELECT created_at FROM outbox INDEXED BY outbox_open"
              " WHERE ended_at IS NULL AND report > 0"
              " AND" ALULA_NO_CONTAINER_STATUS " ORDER BY report LIMIT 1"},
    // A state of a container is behind nobody.
    named_sql{"count_open_reports",
              "SELECT (SELECT count(*) FROM outbox INDEXED BY outbox_open"
              " WHERE ended_at IS NULL AND report > 0)"
              " - (SELECT count(*) FROM outbox INDEXED BY outbox_one_waiting"
              " WHERE state = 'waiting' AND" ALULA_CONTAINER_STATUS ")"},
    named_sql{"count_dead_reports", "SELECT count(*) FROM outbox INDEXED BY"
                                    " outbox_dead WHERE state = 'dead'"
                                    " AND repeated_as IS NULL"
                                    " AND report > 0"},
};

consteval const named_sql& outbox_sql(std::string_view name) {
  return find_sql(outbox_statements, name);
}

} // namespace alula::storage
