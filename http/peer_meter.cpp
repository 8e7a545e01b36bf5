#include "http/peer_meter.hpp"

#include <arpa/inet.h>
#include <array>

namespace alula::http {

namespace {

constexpr std::size_t network_size = 8; // bytes of a /64

/// A host is given a /64 at least and can take any address of it, so that is
/// what counts. IPv4 as text, also when it is mapped into IPv6.
std::string peer_of(const std::string& address) {
  in6_addr v6{};
  const auto bare = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET6, bare.c_str(), &v6) != 1)
    return address;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::array<char, INET_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size());
  }
  return {reinterpret_cast<const char*>(v6.s6_addr), network_size};
}

} // namespace

bool is_loopback(std::string_view address) {
  return address.substr(0, 4) == "127." || address == "::1"
         || address.substr(0, 11) == "::ffff:127.";
}

bool peer_meter::admits(const std::string& address, clock::time_point now) {
  if (meter_.is_off() || is_loopback(address))
    return true;
  return meter_.admits(peer_of(address), now);
}

} // namespace alula::http
