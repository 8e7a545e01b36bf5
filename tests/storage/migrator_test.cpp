#include "storage/migrator.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <set>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

namespace {

const std::string sum_a(64, 'a');
const std::string sum_b(64, 'b');
const std::string sum_c(64, 'c');

const std::string first_sql =
    "CREATE TABLE schema_migrations(version INTEGER PRIMARY KEY, name TEXT,"
    " applied_at INTEGER, checksum TEXT) STRICT;"
    "CREATE TABLE t(a INTEGER) STRICT; INSERT INTO t VALUES (1);";

const std::array<migration, 3> known{
    migration{1, "first", sum_a, first_sql},
    migration{2, "second", sum_b, "ALTER TABLE t ADD COLUMN b INTEGER;"},
    migration{3, "third", sum_c, "CREATE TABLE u(a INTEGER); SELECT broken;"}};

std::span<const migration> up_to(std::size_t version) {
  return std::span{known}.first(version);
}

database open(const std::filesystem::path& file) {
  return database::open(file, database::access::write).value();
}

std::int64_t number(database& db, const char* sql) {
  return db.integer({"number", sql}).value();
}

} // namespace

TEST_CASE("migrations run once, in order, and are remembered") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(1), 7));
  REQUIRE(migrate(db, up_to(2), 8));
  REQUIRE(migrate(db, up_to(2), 9));
  CHECK(number(db, "SELECT count(*) FROM schema_migrations") == 2);
  CHECK(number(db, "SELECT applied_at FROM schema_migrations WHERE version = 2")
        == 8);
  CHECK(number(db, "SELECT count(b) FROM t") == 0);
}

TEST_CASE("a new ledger is not copied") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(2), 1));
  CHECK_FALSE(std::filesystem::exists(place / "alula.db.before-1"));
  CHECK_FALSE(std::filesystem::exists(place / "alula.db.before-2"));
}

TEST_CASE("an existing ledger is copied before it is migrated") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(1), 1));
  REQUIRE(db.execute("INSERT INTO t VALUES (2)", "test"));
  REQUIRE(migrate(db, up_to(2), 2));
  CHECK_FALSE(std::filesystem::exists(place / "alula.db.before-2.part"));
  auto copy = open(place / "alula.db.before-2");
  CHECK(number(copy, "SELECT count(*) FROM t") == 2);
  CHECK(number(copy, "SELECT count(*) FROM schema_migrations") == 1);
}

TEST_CASE("an up-to-date ledger is not copied") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(1), 1));
  REQUIRE(migrate(db, up_to(1), 2));
  CHECK_FALSE(std::filesystem::exists(place / "alula.db.before-1"));
}

TEST_CASE("a ledger of a newer release is refused and says what to do") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(2), 1));
  const auto refused = migrate(db, up_to(1), 2);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == jobs::fault_code::journal_unavailable);
  CHECK_THAT(refused.error().what, Contains("schema version 2"));
  CHECK_THAT(refused.error().what, Contains("newer alula"));
  CHECK_THAT(refused.error().what, Contains("alula.db.before-2"));
}

TEST_CASE("a migration whose text has changed is refused") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(1), 1));
  const std::array changed{migration{1, "first", sum_b, first_sql}};
  const auto refused = migrate(db, changed, 2);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("migration 1 (first)"));
  CHECK_THAT(refused.error().what, Contains(sum_a));
}

TEST_CASE("a database of something else is refused") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(db.execute("CREATE TABLE notes(a)", "test"));
  const auto refused = migrate(db, up_to(1), 1);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("something else"));
}

TEST_CASE("a migration that fails leaves nothing of itself") {
  temporary_place place;
  auto db = open(place / "alula.db");
  REQUIRE(migrate(db, up_to(2), 1));
  REQUIRE_FALSE(migrate(db, up_to(3), 2));
  CHECK(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'") == 0);
  CHECK(number(db, "SELECT max(version) FROM schema_migrations") == 2);
}

TEST_CASE("the embedded migrations are numbered from 1 and checksummed") {
  const auto all = embedded_migrations();
  REQUIRE_FALSE(all.empty());
  std::set<std::string_view> sums;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].version == static_cast<int>(i) + 1);
    CHECK(all[i].checksum.size() == 64);
    sums.insert(all[i].checksum);
  }
  CHECK(sums.size() == all.size());
  CHECK_THAT(std::string{all[0].sql}, Contains("CREATE TABLE jobs("));
}
