#include "http/transfer_places.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <vector>

using alula::http::transfer_places;
using alula::jobs::fault_code;

TEST_CASE("a quarter of all places may be those of one server", "[http]") {
  const auto all = std::make_shared<transfer_places>(8);
  std::vector<std::shared_ptr<void>> held;
  for (int i = 0; i < 2; ++i)
    held.push_back(all->take("greedy").value());
  const auto refused = all->take("greedy");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::rate_limited);
  CHECK(
      refused.error().what
      == "as many transfers of this server or system are under way as one may "
         "have: 2 of the node's 8");
  CHECK(all->take("another"));
  held.pop_back();
  CHECK(all->take("greedy"));
}

TEST_CASE("no more transfers are under way than there are places", "[http]") {
  const auto all = std::make_shared<transfer_places>(2);
  const auto first = all->take("a").value();
  const auto second = all->take("b").value();
  const auto refused = all->take("c");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what
        == "as many transfers are under way as this node has at a time: 2");
}

TEST_CASE("a place is free when its last copy has gone", "[http]") {
  const auto all = std::make_shared<transfer_places>(1);
  auto place = all->take("a").value();
  auto copy = place;
  place.reset();
  CHECK_FALSE(all->take("b"));
  copy.reset();
  CHECK(all->take("b"));
}
