/// A ledger file that a test writes into with SQL, past the code.
#pragma once

#include "storage/migrator.hpp"
#include "storage/sqlite.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace alula::storage {

/// A new ledger file of some version.
class sql_file {
public:
  explicit sql_file(std::size_t version = embedded_migrations().size()) {
    // Nothing here is about losing power.
    must("PRAGMA synchronous = OFF");
    migrate_to(version);
  }

  void migrate_to(std::size_t version) {
    REQUIRE(migrate(db_, embedded_migrations().first(version), 1));
  }
  void must(const std::string& sql) {
    if (const auto done = db_.execute(sql, "test"); !done)
      FAIL(sql << ": " << done.error().what);
  }
  /// Why it was refused; empty when it was not.
  std::string refusal(const std::string& sql) {
    const auto done = db_.execute(sql, "test");
    return done ? "" : done.error().what;
  }
  std::int64_t integer(const std::string& sql) {
    return db_.integer({"test", sql}).value();
  }
  std::string text(const std::string& sql) {
    auto answer = db_.ask({"test", sql});
    return answer.next() ? answer.text(0) : "";
  }
  database& db() { return db_; }
  const temporary_place& place() const { return place_; }

private:
  temporary_place place_;
  database db_ =
      database::open(place_ / "alula.db", database::access::write).value();
};

inline std::string sample_uuid(int number) {
  return "'8d3fb5e2-5c47-4f0a-9b1e-0000000000" + std::to_string(10 + number)
         + "'";
}

/// A new ledger file: boots 1 and 2, an active server 1, and job 1 of it with
/// the steps "first" and "second", queued.
class schema : public sql_file {
public:
  schema() {
    must("INSERT INTO boots(started_at, kernel_boot_id, version)"
         " VALUES (1, 'k', 'v'), (2, 'k', 'v')");
    must("INSERT INTO servers(uuid, state, suspended, config, created_at,"
         " updated_at) VALUES ("
         + uuid(1) + ", 'active', 0, '{}', 1, 1)");
    add_job(1, "server:1");
    must("INSERT INTO job_steps(job_row, seq, name, class, state) VALUES"
         " (1, 0, 'first', 'compensatable', 'pending'),"
         " (1, 1, 'second', 'pivot', 'pending')");
  }

  static std::string uuid(int number) { return sample_uuid(number); }
  std::string job_values(int row, const std::string& lane,
                         const std::string& state = "'queued', 1") const {
    const bool node = lane == "node";
    return "INSERT INTO jobs(job_row, id, kind, plan_version, server_row,"
           " server, lane, pool, priority, state, version, input,"
           " max_attempts, run_at, created_at) VALUES ("
           + std::to_string(row) + ", " + uuid(row) + ", 'sample', 1, "
           + (node ? "NULL, NULL" : "1, " + uuid(1)) + ", '" + lane
           + "', 'pool', 2, " + state + ", '{}', 20, 1, 1)";
  }
  void add_job(int row, const std::string& lane) {
    must(job_values(row, lane));
  }

  /// Sets columns of a job, with the version that has to follow.
  static std::string update(int row, const std::string& set) {
    return "UPDATE jobs SET version = version + 1, " + set
           + " WHERE job_row = " + std::to_string(row);
  }
  void run(int row) { must(update(row, "state = 'running', boot = 2")); }
  void finish_steps(int row) {
    const auto of = " WHERE job_row = " + std::to_string(row);
    for (const auto* seq : {"0", "1"}) {
      const auto one = of + " AND seq = " + seq;
      must("UPDATE job_steps SET state = 'started', started_at = 1" + one);
      must("UPDATE job_steps SET state = 'done', finished_at = 1" + one);
    }
  }
  /// Server 1 is being deleted by job 1.
  void leave() {
    must("UPDATE servers SET state = 'deleting', suspended = 1,"
         " owner_job = 1 WHERE server_row = 1");
  }
  void succeed(int row) {
    run(row);
    finish_steps(row);
    must(update(row, "state = 'succeeded', boot = NULL, finished_at = 3"));
  }
};

} // namespace alula::storage
