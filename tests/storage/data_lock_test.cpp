#include "storage/data_lock.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

using namespace alula;
using namespace alula::storage;

TEST_CASE("a data directory is locked once and by name") {
  temporary_place place;
  const auto dir = place / "data";
  {
    const auto first = data_lock::acquire(dir);
    REQUIRE(first);
    const auto second = data_lock::acquire(dir);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == jobs::fault_code::journal_unavailable);
    CHECK_THAT(second.error().what,
               Catch::Contains("process " + std::to_string(::getpid())));
  }
  CHECK(data_lock::acquire(dir));
}

TEST_CASE("a lock outlives being moved") {
  temporary_place place;
  auto first = data_lock::acquire(place.path());
  REQUIRE(first);
  const auto moved = *std::move(first);
  CHECK_FALSE(data_lock::acquire(place.path()));
}

TEST_CASE("two directories have two locks") {
  temporary_place place;
  const auto a = data_lock::acquire(place / "a");
  CHECK(a);
  CHECK(data_lock::acquire(place / "b"));
}
