#include "http/router.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;
using outcome = router::outcome;

namespace {

const handler nothing = [](const exchange_ptr&) {};

router make_router() {
  return router{{{"GET", "/", access::open, nothing},
                 {"GET", "/api/jobs", access::bearer, nothing},
                 {"GET", "/api/jobs/summary", access::bearer, nothing},
                 {"GET", "/api/jobs/:id", access::bearer, nothing},
                 {"DELETE", "/api/jobs/:job", access::bearer, nothing},
                 {"POST", "/api/jobs/:id/cancel", access::bearer, nothing},
                 {"GET", "/api/servers/:server/ws", access::open, nothing}}};
}

} // namespace

TEST_CASE("a path is matched segment by segment", "[http]") {
  const auto routes = make_router();
  CHECK(routes.find("GET", "/").result == outcome::found);
  CHECK(routes.find("GET", "/api/jobs").result == outcome::found);
  CHECK(routes.find("GET", "/api/jobs/").result == outcome::not_found);
  CHECK(routes.find("GET", "/api/job").result == outcome::not_found);
  CHECK(routes.find("GET", "/api/jobsx").result == outcome::not_found);
  CHECK(routes.find("GET", "/API/jobs").result == outcome::not_found);
  CHECK(routes.find("GET", "//api/jobs").result == outcome::not_found);
  CHECK(routes.find("GET", "/api/jobs/a/b").result == outcome::not_found);
  CHECK(routes.find("GET", "").result == outcome::not_found);
  CHECK(routes.find("GET", "*").result == outcome::not_found);
  CHECK(routes.find("GET", "/%61pi/jobs").result == outcome::not_found);
}

TEST_CASE("a literal segment is preferred to a parameter", "[http]") {
  const auto routes = make_router();
  CHECK(routes.find("GET", "/api/jobs/summary").hit->pattern
        == "/api/jobs/summary");
  CHECK(routes.find("GET", "/api/jobs/summary2").hit->pattern
        == "/api/jobs/:id");
  // The parameter still takes what the literal does not serve.
  const auto found = routes.find("DELETE", "/api/jobs/summary");
  REQUIRE(found.result == outcome::found);
  CHECK(found.params.at(0).second == "summary");
}

TEST_CASE("parameters are decoded and named by their route", "[http]") {
  const auto routes = make_router();
  auto found = routes.find("GET", "/api/jobs/a%20b+c");
  REQUIRE(found.params.size() == 1);
  CHECK(found.params[0].first == "id");
  CHECK(found.params[0].second == "a b+c");
  found = routes.find("DELETE", "/api/jobs/x");
  CHECK(found.params.at(0).first == "job");
}

TEST_CASE("an encoded slash splits nothing", "[http]") {
  const auto routes = make_router();
  const auto found = routes.find("GET", "/api/jobs/a%2Fcancel");
  REQUIRE(found.result == outcome::found);
  CHECK(found.params.at(0).second == "a/cancel");
}

TEST_CASE("a broken escape in a parameter is malformed", "[http]") {
  CHECK(make_router().find("GET", "/api/jobs/%zz").result
        == outcome::malformed);
}

TEST_CASE("a wrong method names the right ones", "[http]") {
  const auto routes = make_router();
  auto found = routes.find("PATCH", "/api/jobs/1");
  CHECK(found.result == outcome::method_not_allowed);
  CHECK(found.allow == "DELETE, GET, OPTIONS");
  // HEAD is found only where it is routed.
  CHECK(routes.find("HEAD", "/api/jobs").result == outcome::method_not_allowed);
  // Both the literal and the parameter fit the path.
  found = routes.find("PUT", "/api/jobs/summary");
  CHECK(found.allow == "DELETE, GET, OPTIONS");
}

TEST_CASE("an empty segment is no parameter", "[http]") {
  CHECK(make_router().find("GET", "/api/servers//ws").result
        == outcome::not_found);
}

TEST_CASE("a path of many segments is refused at once", "[http]") {
  std::string path;
  for (int i = 0; i < 100'000; ++i)
    path += "/api";
  CHECK(make_router().find("GET", path).result == outcome::not_found);
}
