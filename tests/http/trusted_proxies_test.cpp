#include "http/trusted_proxies.hpp"

#include <catch2/catch.hpp>

using alula::http::trusted_proxies;

TEST_CASE("without trusted proxies the peer is who it is", "[http]") {
  CHECK(trusted_proxies{}.client_of("192.0.2.1", "198.51.100.7")
        == "192.0.2.1");
}

TEST_CASE("a trusted proxy tells who its client is", "[http]") {
  const trusted_proxies proxies{{"10.0.0.0/8", "fd00::/8", "::1"}};
  CHECK(proxies.client_of("10.1.2.3", "198.51.100.7") == "198.51.100.7");
  CHECK(proxies.client_of("::ffff:10.1.2.3", "198.51.100.7") == "198.51.100.7");
  CHECK(proxies.client_of("fd00::5", " 2001:db8::1 ") == "2001:db8::1");
  CHECK(proxies.client_of("::1", "198.51.100.7") == "198.51.100.7");
  CHECK(proxies.client_of("11.0.0.1", "198.51.100.7") == "11.0.0.1");
}

TEST_CASE("what a client wrote before its proxy did is not believed",
          "[http]") {
  const trusted_proxies proxies{{"10.0.0.0/8"}};
  CHECK(proxies.client_of("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2")
        == "198.51.100.7");
  CHECK(proxies.client_of("10.0.0.1", "198.51.100.7, nonsense") == "10.0.0.1");
  CHECK(proxies.client_of("10.0.0.1", std::nullopt) == "10.0.0.1");
  CHECK(proxies.client_of("10.0.0.1", ",,") == "10.0.0.1");
}

TEST_CASE("a network ends where its bits say", "[http]") {
  const trusted_proxies proxies{{"192.0.2.128/25", "198.51.100.0/33", "x/8"}};
  CHECK(proxies.client_of("192.0.2.127", "203.0.113.1") == "192.0.2.127");
  CHECK(proxies.client_of("192.0.2.200", "203.0.113.1") == "203.0.113.1");
  CHECK(proxies.client_of("198.51.100.1", "203.0.113.1") == "198.51.100.1");
}
