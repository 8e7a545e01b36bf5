#include "app/with_advice.hpp"

#include <catch2/catch.hpp>

namespace {

using alula::app::with_advice;
using alula::jobs::fault;
using alula::jobs::fault_code;

fault told(std::string what) {
  return {.code = fault_code::io_error, .what = std::move(what)};
}

} // namespace

TEST_CASE("an advice is a sentence after the fault's own", "[app]") {
  const auto said = with_advice(told("no such file"), "See system.data.");
  CHECK(said.what == "no such file. See system.data.");
  CHECK(said.code == fault_code::io_error);
}

TEST_CASE("a fault that ends in a full stop gets no second one", "[app]") {
  CHECK(with_advice(told("No such file."), "See it.").what
        == "No such file. See it.");
}

TEST_CASE("what failed is told before why it did", "[app]") {
  CHECK(with_advice(told("no key"), "The tokens cannot be read", "Look.").what
        == "The tokens cannot be read: no key. Look.");
}
