#include "http/peer_meter.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;

namespace {

const peer_meter::clock::time_point start{std::chrono::seconds{100}};

} // namespace

// Turns, bounds and what is off are key_meter's (key_meter_test.cpp).

TEST_CASE("each IPv4 address is a peer of its own", "[http]") {
  peer_meter meter{1, 1};
  CHECK(meter.admits("10.0.0.1", start));
  CHECK_FALSE(meter.admits("10.0.0.1", start));
  CHECK(meter.admits("10.0.0.2", start));
  CHECK(meter.known() == 2);
  CHECK(meter.admits("10.0.0.1", start + std::chrono::seconds{1}));
  peer_meter off{0, 0};
  CHECK(off.admits("10.0.0.1", start));
  CHECK(off.admits("10.0.0.1", start));
}

TEST_CASE("loopback is not metered", "[http]") {
  peer_meter meter{1, 1};
  for (int i = 0; i < 100; ++i) {
    CHECK(meter.admits("127.0.0.1", start));
    CHECK(meter.admits("::1", start));
    CHECK(meter.admits("::ffff:127.0.0.1", start));
  }
  CHECK(meter.known() == 0);
}

TEST_CASE("an IPv6 network counts as one peer", "[http]") {
  const auto now = peer_meter::clock::now();
  peer_meter meter{1, 2};
  CHECK(meter.admits("2001:db8:1:2::1", now));
  CHECK(meter.admits("2001:db8:1:2:aaaa:bbbb:cccc:dddd", now));
  CHECK_FALSE(meter.admits("2001:db8:1:2::3", now));
  CHECK(meter.known() == 1);
  // The network beside it has a bucket of its own.
  CHECK(meter.admits("2001:db8:1:3::1", now));
  // A zone is no part of the address.
  CHECK(meter.admits("fe80::1%eth0", now));
  CHECK(meter.admits("fe80::2%eth1", now));
  CHECK_FALSE(meter.admits("fe80::3", now));
}

TEST_CASE("an IPv4 address inside an IPv6 one is that address", "[http]") {
  const auto now = peer_meter::clock::now();
  peer_meter meter{1, 1};
  CHECK(meter.admits("::ffff:192.0.2.1", now));
  CHECK_FALSE(meter.admits("192.0.2.1", now));
  CHECK(meter.admits("::ffff:192.0.2.2", now));
}
