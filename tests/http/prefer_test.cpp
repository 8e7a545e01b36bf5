#include "http/prefer.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;
using namespace std::chrono_literals;

namespace {

preferences read(header_list headers) {
  request req;
  req.headers = std::move(headers);
  return read_preferences(req);
}

} // namespace

TEST_CASE("a request without Prefer prefers nothing", "[http]") {
  const auto p = read({{"Accept", "*/*"}});
  CHECK_FALSE(p.respond_async);
  CHECK_FALSE(p.wait);
  CHECK(p.body == return_preference::none);
  CHECK(p.applied().empty());
}

TEST_CASE("preferences may share a header or have one each", "[http]") {
  const auto headers = GENERATE(
      header_list{{"Prefer", "respond-async, wait=5, return=representation"}},
      header_list{{"prefer", "respond-async"},
                  {"PREFER", "wait=5"},
                  {"Prefer", "return=representation"}},
      header_list{
          {"Prefer",
           " Respond-Async ;x=1,WAIT = 5 , Return=\"representation\""}});
  const auto p = read(headers);
  CHECK(p.respond_async);
  CHECK(p.wait == 5s);
  CHECK(p.body == return_preference::representation);
  CHECK(p.applied() == "respond-async, wait=5, return=representation");
}

TEST_CASE("a wait is capped at ten seconds and says so", "[http]") {
  const auto text =
      GENERATE("wait=11", "wait=3600", "wait=99999999999999999999999999");
  const auto p = read({{"Prefer", text}});
  CHECK(p.wait == max_write_wait);
  CHECK(p.applied() == "wait=10");
}

TEST_CASE("of two preferences alike the first one counts", "[http]") {
  const auto p = read({{"Prefer", "wait=2, wait=9, return=minimal"},
                       {"Prefer", "return=representation"}});
  CHECK(p.wait == 2s);
  CHECK(p.body == return_preference::minimal);
  CHECK(p.applied() == "wait=2, return=minimal");
}

TEST_CASE("what is unknown or does not parse is not preferred", "[http]") {
  const auto text =
      GENERATE("wait", "wait=", "wait=-1", "wait=1.5", "wait=soon", "wait=5s",
               "return=all", "return", "handling=lenient", "", ",,;=");
  CHECK(read({{"Prefer", text}}).applied().empty());
}
