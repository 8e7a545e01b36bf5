#include "jobs/measures.hpp"
#include "storage/sqlite.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

using namespace alula;
using namespace alula::storage;

namespace {

constexpr named_sql insert_row{"insert", "INSERT INTO t(a, b) VALUES (?, ?)"};
constexpr named_sql count{"count", "SELECT count(*) FROM t"};

std::string first_text(database& db, const char* sql) {
  auto answer = db.ask({"text", sql});
  return answer.next() ? answer.text(0) : "";
}

database open_with_table(const std::filesystem::path& file) {
  auto db = database::open(file, database::access::write);
  REQUIRE(db);
  REQUIRE(db->execute("CREATE TABLE t(a INTEGER UNIQUE, b TEXT) STRICT", "t"));
  return *std::move(db);
}

} // namespace

TEST_CASE("each commit's fsync is measured, and no reading") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  std::vector<double> seconds;
  jobs::set_measure_sink(
      [&](jobs::measure what, double value, std::string_view) {
        if (what == jobs::measure::ledger_fsync_seconds)
          seconds.push_back(value);
      });
  db.time_log_syncs();
  db.time_log_syncs(); // once is enough
  CHECK(db.run(insert_row, 1, "a"));
  CHECK(seconds.size() == 1);
  CHECK(db.run(insert_row, 2, "b"));
  CHECK(seconds.size() == 2);
  CHECK(db.integer(count).value() == 2);
  CHECK(seconds.size() == 2);
  {
    // Of a transaction only its end.
    auto together = transaction::begin(db);
    REQUIRE(together);
    CHECK(db.run(insert_row, 3, "c"));
    CHECK(db.run(insert_row, 4, "d"));
    CHECK(seconds.size() == 2);
    REQUIRE(together->commit());
  }
  CHECK(seconds.size() == 3);
  for (const auto one : seconds)
    CHECK((one > 0 && one < 60));
  CHECK(db.run_checkpoint(database::checkpoint::truncate));
  CHECK(db.run(insert_row, 5, "e"));
  CHECK(seconds.size() > 4);
  jobs::set_measure_sink(nullptr);
}

TEST_CASE("a writing connection loses nothing it has acknowledged") {
  temporary_place place;
  auto db = open_with_table(place / "sub" / "t.db");
  CHECK(first_text(db, "PRAGMA journal_mode") == "wal");
  CHECK(first_text(db, "PRAGMA synchronous") == "2");
  CHECK(first_text(db, "PRAGMA foreign_keys") == "1");
  CHECK(first_text(db, "PRAGMA wal_autocheckpoint") == "0");
  CHECK(first_text(db, "PRAGMA mmap_size") == "0");
}

TEST_CASE("a database is readable by its owner alone") {
  temporary_place place;
  const auto db = open_with_table(place / "t.db");
  struct ::stat found {};
  REQUIRE(::stat((place / "t.db").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  REQUIRE(::stat((place / "t.db-wal").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("a savepoint that is not kept is undone alone") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  auto whole = transaction::begin(db);
  REQUIRE(whole);
  REQUIRE(db.run(insert_row, 1, "kept"));
  {
    savepoint alone{db};
    REQUIRE(db.run(insert_row, 2, "undone"));
    const auto refused = db.run(insert_row, 1, "again");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::internal);
    CHECK(refused.error().where == "insert");
  }
  {
    savepoint alone{db};
    REQUIRE(db.run(insert_row, 3, "kept"));
    REQUIRE(alone.keep());
  }
  REQUIRE(whole->commit());
  CHECK(*db.integer(count) == 2);
}

TEST_CASE("a transaction that is not committed is rolled back") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  {
    auto whole = transaction::begin(db);
    REQUIRE(whole);
    REQUIRE(db.run(insert_row, 1, "gone"));
  }
  CHECK_FALSE(db.in_transaction());
  CHECK(*db.integer(count) == 0);
}

TEST_CASE("zero and empty become NULL where they stand for never") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  REQUIRE(db.run(insert_row, or_null{std::int64_t{0}}, or_null{""}));
  REQUIRE(db.run(insert_row, 0, ""));
  auto answer = db.ask({"all", "SELECT a, b FROM t ORDER BY rowid"});
  REQUIRE(answer.next());
  CHECK((answer.is_null(0) && answer.is_null(1)));
  REQUIRE(answer.next());
  CHECK_FALSE((answer.is_null(0) || answer.is_null(1)));
}

TEST_CASE("text keeps its zero bytes and its length") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  const std::string odd{"a\0b", 3};
  REQUIRE(db.run(insert_row, 1, odd));
  auto answer = db.ask({"b", "SELECT b FROM t"});
  REQUIRE(answer.next());
  CHECK(answer.text(0) == odd);
}

TEST_CASE("a reading connection cannot write") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  auto reader = database::open(place / "t.db", database::access::read);
  REQUIRE(reader);
  CHECK(*reader->integer(count) == 0);
  CHECK_FALSE(reader->run(insert_row, 1, "x"));
}

TEST_CASE("a reader that closes last does not checkpoint") {
  temporary_place place;
  const auto log = place / "t.db-wal";
  auto db = std::make_unique<database>(open_with_table(place / "t.db"));
  REQUIRE(db->run(insert_row, 1, "x"));
  // As a crash leaves it: a copy of the files while they are open.
  temporary_place crashed;
  for (const auto* name : {"t.db", "t.db-wal"})
    std::filesystem::copy_file(place / name, crashed / name);
  const auto size = std::filesystem::file_size(crashed / "t.db-wal");
  {
    auto reader = database::open(crashed / "t.db", database::access::read);
    REQUIRE(reader);
    CHECK(*reader->integer(count) == 1);
  }
  CHECK(std::filesystem::file_size(crashed / "t.db-wal") == size);
}

TEST_CASE("a checkpoint empties the log, unless a reader is in the way") {
  temporary_place place;
  auto db = open_with_table(place / "t.db");
  REQUIRE(db.run(insert_row, 1, "x"));
  CHECK(db.log_bytes() > 0);
  auto reader = database::open(place / "t.db", database::access::read);
  REQUIRE(reader);
  {
    const read_transaction one_state{*reader};
    REQUIRE(reader->integer(count));
    REQUIRE(db.run(insert_row, 2, "y"));
    const auto blocked = db.run_checkpoint(database::checkpoint::truncate);
    REQUIRE(blocked);
    CHECK_FALSE(*blocked);
  }
  CHECK(*db.run_checkpoint(database::checkpoint::truncate));
  CHECK(std::filesystem::file_size(place / "t.db-wal") == 0);
}

TEST_CASE("a damaged file is told from a sound one") {
  temporary_place place;
  const auto file = place / "t.db";
  {
    auto db = open_with_table(file);
    for (int i = 0; i < 500; ++i)
      REQUIRE(db.run(insert_row, i, std::string(200, 'x')));
    CHECK(*db.quick_check(std::chrono::seconds{10}));
    CHECK_FALSE(*db.quick_check(std::chrono::milliseconds{-1}));
  }
  {
    std::fstream raw{file, std::ios::in | std::ios::out | std::ios::binary};
    raw.seekp(3 * 4096 + 100);
    raw << std::string(2000, '\7');
  }
  auto db = database::open(file, database::access::write);
  REQUIRE(db);
  const auto checked = db->quick_check(std::chrono::seconds{10});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == jobs::fault_code::journal_unavailable);
}

TEST_CASE(
    "an index that is not of its table is found by the full check alone") {
  temporary_place place;
  const auto file = place / "t.db";
  {
    auto db = open_with_table(file);
    REQUIRE(db.execute("CREATE INDEX of_b ON t(b)", "index"));
    REQUIRE(db.run(insert_row, 1, "needle"));
    CHECK(*db.full_check(std::chrono::seconds{10}));
  }
  {
    std::fstream raw{file, std::ios::in | std::ios::out | std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{raw}, {}};
    const auto at = bytes.find("needle");
    REQUIRE(at != std::string::npos);
    raw.clear();
    raw.seekp(static_cast<std::streamoff>(at));
    raw << "noodle";
  }
  auto db = database::open(file, database::access::write);
  REQUIRE(db);
  CHECK(*db->quick_check(std::chrono::seconds{10}));
  const auto checked = db->full_check(std::chrono::seconds{10});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == jobs::fault_code::journal_unavailable);
}

TEST_CASE("a file that is no database is refused") {
  temporary_place place;
  std::ofstream{place / "t.db"} << std::string(5000, 'x');
  const auto db = database::open(place / "t.db", database::access::write);
  REQUIRE_FALSE(db);
  CHECK(db.error().code == jobs::fault_code::journal_unavailable);
}
