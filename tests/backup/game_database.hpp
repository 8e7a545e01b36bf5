/// Databases as games have them, and backups of them.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/extractor.hpp"
#include "backup/file_io.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace alula::backup {

/// One connection, as a game has it.
class connection {
public:
  explicit connection(const std::filesystem::path& file) {
    sqlite3* opened = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &opened) == SQLITE_OK);
    db_.reset(opened);
    sqlite3_busy_timeout(opened, 20'000);
  }
  bool run(const std::string& sql) {
    return sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr)
           == SQLITE_OK;
  }
  std::string text(const std::string& sql) {
    std::string out;
    const auto read = [](void* into, int, char** values, char**) {
      *static_cast<std::string*>(into) += values[0] ? values[0] : "NULL";
      return 0;
    };
    if (sqlite3_exec(db_.get(), sql.c_str(), read, &out, nullptr) != SQLITE_OK)
      return sqlite3_errmsg(db_.get());
    return out;
  }

private:
  struct closer {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  std::unique_ptr<sqlite3, closer> db_;
};

/// Every transaction changes all rows, far apart in the file, to one number.
inline void make_world(connection& db, const std::string& mode,
                       int rows = 400) {
  REQUIRE(db.run("PRAGMA journal_mode=" + mode));
  REQUIRE(db.run("PRAGMA synchronous=OFF"));
  REQUIRE(db.run("CREATE TABLE blocks(id INTEGER PRIMARY KEY, turn INTEGER,"
                 " data BLOB)"));
  REQUIRE(db.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                 " FROM n WHERE i < "
                 + std::to_string(rows)
                 + ") INSERT INTO blocks"
                   " SELECT i, 0, randomblob(20000) FROM n"));
}

inline jobs::result<file_descriptor> spool_in(const scratch_tree& place) {
  auto spool = open_beneath(place.fd.get(), ".", O_RDWR | O_TMPFILE, 0600);
  if (!spool.is_open())
    return jobs::system_fault(errno, "open", "a spool");
  return spool;
}

inline file_descriptor new_archive_in(const scratch_tree& place) {
  return open_beneath(place.fd.get(), "a.tar.gz", O_RDWR | O_CREAT | O_EXCL,
                      0600);
}

inline jobs::result<archive_summary>
back_up(const scratch_tree& from, int archive,
        const archive_settings& settings = {}) {
  return write_archive(
      from.fd.get(), ignore_rules{}, settings, {},
      [&](byte_view part) { return write_all(archive, part, "the archive"); });
}

/// Into "back" of the other.
inline void unpack(int archive, const scratch_tree& to) {
  std::filesystem::create_directory(to.root / "back");
  const file_descriptor back{
      ::open((to.root / "back").c_str(), O_RDONLY | O_DIRECTORY)};
  REQUIRE(extract_archive(archive, back.get(), {}, {}));
}

inline void back_up_and_unpack(const scratch_tree& from, const scratch_tree& to,
                               std::vector<archive_note>& notes,
                               const archive_settings& settings = {}) {
  const auto file = new_archive_in(to);
  auto made = back_up(from, file.get(), settings);
  REQUIRE(made);
  notes = std::move(made->notes);
  unpack(file.get(), to);
}

} // namespace alula::backup
