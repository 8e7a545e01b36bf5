#include "jobs/result.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <type_traits>
#include <utility>
#include <vector>

using namespace alula::jobs;

TEST_CASE("every fault code has a slug that leads back to it", "[jobs]") {
  for (int i = 0; i <= static_cast<int>(fault_code::internal); ++i) {
    const auto code = static_cast<fault_code>(i);
    CHECK(fault_code_from(slug(code)) == code);
    CHECK_FALSE(title(code).empty());
  }
}

TEST_CASE("an unknown slug is an internal error", "[jobs]") {
  CHECK(fault_code_from("from-the-future") == fault_code::internal);
}

TEST_CASE("a fault survives its way through the ledger", "[jobs]") {
  const fault f{.code = fault_code::server_locked,
                .what = "a \"quoted\" reason",
                .where = "/srv/volumes",
                .in_the_way = "0199c1de-0000-7000-8000-000000000000"};
  CHECK(fault_from_json(to_json(f)) == f);
}

TEST_CASE("a fault with bytes that are no UTF-8 can still be stored",
          "[jobs]") {
  const fault f{.code = fault_code::io_error, .what = "name \xff\xfe"};
  CHECK(fault_from_json(to_json(f)).code == fault_code::io_error);
}

TEST_CASE("a damaged stored fault keeps its text", "[jobs]") {
  CHECK(fault_from_json("not json").what == "not json");
}

TEST_CASE("a full disk is told apart from a broken one", "[jobs]") {
  CHECK(system_fault(ENOSPC, "write", "/x").code
        == fault_code::insufficient_storage);
  CHECK(system_fault(EDQUOT, "write", "/x").code
        == fault_code::insufficient_storage);
  CHECK(system_fault(EIO, "fsync", "/x").code == fault_code::io_error);
  CHECK(system_fault(EIO, "fsync", "/x").what.starts_with("fsync failed: "));
  CHECK(system_fault(EIO, "fsync", "/x").where == "/x");
}

TEST_CASE("what is taken out of a temporary does not dangle", "[jobs]") {
  using numbers = std::vector<int>;
  using held = result<numbers>;
  static_assert(
      std::is_same_v<decltype(std::declval<held>().value()), numbers>);
  static_assert(std::is_same_v<decltype(*std::declval<held>()), numbers>);
  static_assert(std::is_same_v<decltype(std::declval<held>().error()), fault>);
  static_assert(
      std::is_same_v<decltype(std::declval<status>().error()), fault>);
  static_assert(
      std::is_same_v<decltype(std::declval<held&>().value()), numbers&>);
  const auto make = [] { return held{numbers{1, 2, 3}}; };
  int sum = 0;
  for (const auto& n : make().value())
    sum += n;
  for (const auto& n : *make())
    sum += n;
  CHECK(sum == 12);
}
