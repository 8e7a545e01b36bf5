/// Statements of the ledger's writer and readers about archives on other
/// machines and transfers.
#pragma once

#include "storage/backup_sql.hpp"
#include "storage/sql_table.hpp"

namespace alula::storage {

inline constexpr std::array place_statements{
    // -- written --------------------------------------------------------------
    named_sql{"record_place",
              "INSERT INTO backup_places(backup, place, key, etag, size,"
              " stored_at) SELECT b.uuid, ?2, ?3, ?4, ?5, ?6 FROM backups b"
              " WHERE b.uuid = ?1 AND b.state = 'ready'"
              " ON CONFLICT(backup, place) DO UPDATE SET key = excluded.key,"
              " etag = excluded.etag, size = excluded.size,"
              " stored_at = excluded.stored_at, asked_at = 0, missed_at = 0"},
    // A job sends to that key, or what lies there is to be removed.
    named_sql{"key_is_taken",
              "SELECT 1 FROM remains WHERE store = ?1 AND key = ?2"
              " UNION ALL SELECT 1 FROM transfers"
              " WHERE place = ?1 AND key = ?2 LIMIT 1"},
    named_sql{"insert_found_copy",
              "INSERT INTO backups(uuid, server, state, size, sha1, sha256,"
              " content_bytes, files, is_local, created_at, completed_at)"
              " VALUES (?1, ?2, 'ready', ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8)"
              " ON CONFLICT(uuid) DO NOTHING"},
    // One that was just put on record is the same.
    named_sql{"record_found_copy",
              "INSERT INTO backup_places(backup, place, key, etag, size,"
              " stored_at) SELECT b.uuid, ?2, ?3, ?4, b.size, ?8"
              " FROM backups b WHERE b.uuid = ?1 AND b.state = 'ready'"
              " AND b.size = ?5 AND coalesce(b.sha256 = ?7, b.sha1 = ?6, ?9)"
              " ON CONFLICT(backup, place) DO NOTHING"},
    named_sql{"lost_lies_elsewhere",
              "UPDATE backups SET is_local = 0, lost_at = NULL"
              " WHERE uuid = ?1 AND lost_at IS NOT NULL"},
    named_sql{"panel_has_backup",
              "UPDATE backup_places SET asked_at = ?2, missed_at = 0"
              " WHERE backup = ?1 AND place = 'panel'"},
    named_sql{"panel_misses_backup",
              "UPDATE backup_places SET asked_at = ?2,"
              " missed_at = CASE missed_at WHEN 0 THEN ?2 ELSE missed_at END"
              " WHERE backup = ?1 AND place = 'panel'"},
    named_sql{"panel_was_asked", "UPDATE backup_places SET asked_at = ?2"
                                 " WHERE backup = ?1 AND place = 'panel'"},
    named_sql{"forget_place", "DELETE FROM backup_places"
                              " WHERE backup = ?1 AND place = ?2"},
    named_sql{"has_place",
              "SELECT 1 FROM backup_places WHERE backup = ?1 LIMIT 1"},
    // While it was here the damage was that of the archive here.
    named_sql{"set_local",
              "UPDATE backups SET is_local = ?2, is_scratch = ?3,"
              " damage = CASE WHEN is_local = 1 AND lost_at IS NULL AND ?2 = 0"
              " THEN NULL ELSE damage END, lost_at = NULL WHERE uuid = ?1"},
    named_sql{"keep_transfer",
              "INSERT INTO transfers(job, place, key, upload, links, part_size,"
              " size, etag, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON CONFLICT(job) DO UPDATE SET place = excluded.place,"
              " key = excluded.key, upload = excluded.upload,"
              " links = excluded.links, part_size = excluded.part_size,"
              " size = excluded.size, etag = excluded.etag,"
              " expires_at = excluded.expires_at"},
    // Whoever sends to a key answers for what lies there.
    named_sql{"take_over_remains", "DELETE FROM remains"
                                   " WHERE store = ?1 AND key = ?2"},
    named_sql{"drop_transfer_parts", "DELETE FROM transfer_parts"
                                     " WHERE job = ?1"},
    named_sql{"keep_transfer_part",
              "INSERT INTO transfer_parts(job, number, size, etag)"
              " SELECT t.job, ?3, ?4, ?5 FROM transfers t"
              " WHERE t.job = ?1 AND t.upload = ?2"
              " ON CONFLICT(job, number) DO UPDATE SET size = excluded.size,"
              " etag = excluded.etag"},
    named_sql{"drop_transfer", "DELETE FROM transfers WHERE job = ?1"},
    // Keys end in "<backup>.tar.gz". What is a place of the backup is no rest.
    named_sql{"leave_transfer",
              "INSERT INTO remains(store, key, upload, left_at)"
              " SELECT t.place, t.key, t.upload, ?2 FROM transfers t"
              " WHERE t.job = ?1 AND t.key <> '' AND NOT EXISTS"
              " (SELECT 1 FROM backup_places p"
              " WHERE p.backup = substr(t.key, -43, 36) AND p.place = t.place)"
              " ON CONFLICT DO NOTHING"},
    named_sql{"leave_remains",
              "INSERT INTO remains(store, key, upload, left_at)"
              " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"},
    named_sql{"forget_remains", "DELETE FROM remains WHERE remains_row = ?1"},
    // -- read -----------------------------------------------------------------
    named_sql{"transfer_of_job",
              "SELECT place, key, upload, links, part_size, size, etag,"
              " expires_at FROM transfers WHERE job = ?1"},
    named_sql{"parts_of_transfer",
              "SELECT number, size, etag FROM transfer_parts WHERE job = ?1"
              " ORDER BY number"},
    named_sql{"remains", "SELECT remains_row, store, key, upload, left_at"
                         " FROM remains ORDER BY remains_row LIMIT ?1"},
    named_sql{"settled_scratch", ALULA_SELECT_BACKUPS
              " WHERE b.is_scratch = 1 AND b.is_local = 1"
              " AND b.state = 'ready' AND EXISTS (SELECT 1 FROM backup_places p"
              " WHERE p.backup = b.uuid)"
              " AND (b.told_at IS NOT NULL OR NOT EXISTS ("
              "SELECT 1 FROM backup_places p"
              " WHERE p.backup = b.uuid AND p.place = 'panel'))"
              " ORDER BY b.backup_row LIMIT ?1"},
};

consteval const named_sql& place_sql(std::string_view name) {
  return find_sql(place_statements, name);
}

} // namespace alula::storage
