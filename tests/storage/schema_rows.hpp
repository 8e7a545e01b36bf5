/// A row of each table that the schema would take, for tests of one value in
/// it.
#pragma once

#include "tests/storage/schema_place.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::storage {

/// An INSERT that would be taken, but for one value.
struct row_draft {
  std::string table;
  std::vector<std::pair<std::string, std::string>> columns;

  std::string with(const std::string& column, const std::string& value) const {
    std::string names, values;
    for (const auto& [name, usual] : columns) {
      const auto* comma = names.empty() ? "" : ", ";
      names += comma + name;
      values += comma + (name == column ? value : usual);
    }
    return "INSERT INTO " + table + "(" + names + ") VALUES (" + values + ")";
  }
};

inline const row_draft server_draft{"servers",
                                    {{"uuid", schema::uuid(5)},
                                     {"state", "'active'"},
                                     {"suspended", "0"},
                                     {"was_suspended", "0"},
                                     {"transferring", "0"},
                                     {"container_id", "NULL"},
                                     {"config", "'{}'"},
                                     {"created_at", "1"},
                                     {"updated_at", "1"}}};
inline const row_draft job_draft{"jobs",
                                 {{"job_row", "5"},
                                  {"id", schema::uuid(5)},
                                  {"kind", "'sample'"},
                                  {"plan_version", "1"},
                                  {"server_row", "1"},
                                  {"server", schema::uuid(1)},
                                  {"lane", "'server:1'"},
                                  {"pool", "'p'"},
                                  {"priority", "2"},
                                  {"state", "'queued'"},
                                  {"version", "1"},
                                  {"dedup_key", "NULL"},
                                  {"input", "'{}'"},
                                  {"max_attempts", "1"},
                                  {"past_pivot", "0"},
                                  {"retry_of", "NULL"},
                                  {"run_at", "1"},
                                  {"created_at", "1"},
                                  {"answer_after", "-1"}}};
inline const row_draft step_draft{"job_steps",
                                  {{"job_row", "1"},
                                   {"seq", "2"},
                                   {"name", "'third'"},
                                   {"class", "'retriable'"},
                                   {"state", "'pending'"},
                                   {"attempt", "0"},
                                   {"crashes", "0"},
                                   {"error", "NULL"}}};
inline const row_draft progress_draft{"job_progress",
                                      {{"job_row", "1"},
                                       {"done", "1"},
                                       {"total", "1"},
                                       {"unit", "''"},
                                       {"message", "''"},
                                       {"rate", "0.5"},
                                       {"updated_at", "1"}}};
inline const row_draft event_draft{"events",
                                   {{"job_row", "1"},
                                    {"type", "'t'"},
                                    {"job_version", "1"},
                                    {"at", "1"},
                                    {"data", "'{}'"}}};
inline const row_draft key_draft{"idempotency",
                                 {{"principal", "'p'"},
                                  {"key", "'k'"},
                                  {"fingerprint", "'f'"},
                                  {"job_row", "1"},
                                  {"created_at", "1"},
                                  {"expires_at", "1"}}};
inline const row_draft trash_draft{"trash",
                                   {{"deleted_by", "1"},
                                    {"server_row", "1"},
                                    {"name", "'entry'"},
                                    {"state", "'held'"},
                                    {"detached_at", "1"},
                                    {"purge_after", "1"}}};
inline const row_draft lock_draft{"locks",
                                  {{"resource", "'a'"},
                                   {"job_row", "1"},
                                   {"mode", "'S'"},
                                   {"acquired_at", "1"}}};

} // namespace alula::storage
