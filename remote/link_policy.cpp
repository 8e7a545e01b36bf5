#include "remote/link_policy.hpp"

#include "jobs/ascii.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

namespace alula::remote {

namespace {

using ip_bytes = std::array<std::uint8_t, 16>;

struct network {
  const char* text;
  int bits;
};

// IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what
// came after), multicast included.
constexpr std::array closed_v4{
    network{"0.0.0.0", 8},      network{"10.0.0.0", 8},
    network{"100.64.0.0", 10},  network{"127.0.0.0", 8},
    network{"169.254.0.0", 16}, network{"172.16.0.0", 12},
    network{"192.0.0.0", 24},   network{"192.0.2.0", 24},
    network{"192.88.99.0", 24}, network{"192.168.0.0", 16},
    network{"198.18.0.0", 15},  network{"198.51.100.0", 24},
    network{"203.0.113.0", 24}, network{"224.0.0.0", 4},
    network{"240.0.0.0", 4},
};
/// Of 2000::/3, outside of which nothing is public.
constexpr std::array closed_v6{
    network{"2001::", 23},
    network{"2001:db8::", 32},
    network{"3fff::", 20},
    network{"5f00::", 16},
};

/// Of the same registries, what is no neighbour either.
constexpr std::array never_node_v4{
    network{"0.0.0.0", 8},
    network{"169.254.0.0", 16},
    network{"224.0.0.0", 4},
    network{"240.0.0.0", 4},
};
constexpr std::array never_node_v6{
    network{"::", 128}, network{"fe80::", 10}, network{"ff00::", 8},
    network{"fd00:ec2::254", 128}, // a cloud's metadata, by IPv6
};

/// IPv4 as ::ffff:a.b.c.d.
std::optional<ip_bytes> parse_ip(const std::string& text) {
  ip_bytes out{};
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &four, 4);
    return out;
  }
  if (inet_pton(AF_INET6, text.c_str(), out.data()) == 1)
    return out;
  return std::nullopt;
}

bool is_four(const ip_bytes& ip) {
  return std::all_of(ip.begin(), ip.begin() + 10,
                     [](std::uint8_t b) { return b == 0; })
         && ip[10] == 0xff && ip[11] == 0xff;
}

bool is_in(const ip_bytes& ip, const ip_bytes& base, int bits) {
  for (int bit = 0; bit < bits; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if ((ip[byte] & mask) != (base[byte] & mask))
      return false;
  }
  return true;
}

bool is_in(const ip_bytes& ip, const network& net) {
  const auto base = *parse_ip(net.text);
  return is_in(ip, base, net.bits + (is_four(base) ? 96 : 0));
}

template<class Networks>
bool is_in_any(const ip_bytes& ip, const Networks& all) {
  return std::ranges::any_of(
      all, [&](const network& net) { return is_in(ip, net); });
}

ip_bytes four_at(const ip_bytes& ip, std::size_t at) {
  ip_bytes out{};
  out[10] = out[11] = 0xff;
  std::copy_n(ip.begin() + static_cast<std::ptrdiff_t>(at), 4,
              out.begin() + 12);
  return out;
}

/// Where what goes to the address arrives: at an IPv4 one that it stands for.
ip_bytes behind(const ip_bytes& ip) {
  if (is_in(ip, network{"64:ff9b::", 96})) // NAT64
    return four_at(ip, 12);
  if (is_in(ip, network{"2002::", 16})) // 6to4
    return four_at(ip, 2);
  return ip;
}

bool is_public(const ip_bytes& address) {
  const auto ip = behind(address);
  if (is_four(ip))
    return !is_in_any(ip, closed_v4);
  return is_in(ip, network{"2000::", 3}) && !is_in_any(ip, closed_v6);
}

bool is_node(const ip_bytes& address) {
  const auto ip = behind(address);
  return is_four(ip) ? !is_in_any(ip, never_node_v4)
                     : !is_in_any(ip, never_node_v6);
}

bool is_allowed(const ip_bytes& ip, const link_allowance& allowed) {
  return std::ranges::any_of(allowed, [&](const std::string& one) {
    const auto slash = one.find('/');
    const auto base = parse_ip(one.substr(0, slash));
    if (!base)
      return false;
    const int whole = is_four(*base) ? 32 : 128;
    const int bits =
        slash == std::string::npos
            ? whole
            : std::clamp(std::atoi(one.c_str() + slash + 1), 0, whole);
    return is_in(ip, *base, bits + 128 - whole);
  });
}

std::string plain_host(std::string_view text) {
  auto host = jobs::lowered(text);
  while (host.ends_with('.'))
    host.pop_back();
  return host;
}

bool is_allowed_name(std::string_view host, const link_allowance& allowed) {
  return std::ranges::any_of(
      allowed, [&](const std::string& one) { return plain_host(one) == host; });
}

jobs::fault refused(std::string why) {
  return {.code = jobs::fault_code::link_refused, .what = std::move(why)};
}

struct url_end {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using parsed_url = std::unique_ptr<CURLU, url_end>;

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK)
    return {};
  std::string out{text};
  curl_free(text);
  return out;
}

/// What a URL says of where it leads.
struct read_url {
  link_parts parts;
  std::optional<ip_bytes> ip; ///< the host, when it is written as an address
};

/// `name` is what people call it: "download_url".
jobs::result<read_url> read_link(const std::string& url,
                                 const std::string& name) {
  const auto no_host = [&] {
    return refused("the " + name + " names no host");
  };
  const bool has_odd_bytes = std::ranges::any_of(url, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\';
  });
  const parsed_url parsed{curl_url()};
  if (has_odd_bytes
      || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return refused("the " + name + " is no URL");
  link_parts out{part(parsed.get(), CURLUPART_SCHEME),
                 part(parsed.get(), CURLUPART_HOST)};
  if (out.scheme != "http" && out.scheme != "https")
    return refused("the " + name + " is neither http nor https");
  // libcurl takes "http:/a" and "http:///a" for "http://a".
  const auto after = url.substr(out.scheme.size());
  if (!after.starts_with("://") || after.starts_with(":///"))
    return no_host();
  if (!part(parsed.get(), CURLUPART_USER).empty()
      || !part(parsed.get(), CURLUPART_PASSWORD).empty())
    return refused("the " + name + " has a user name in it");
  // A zone; anywhere else it is half of a name that is allowed.
  if (!out.host.starts_with('[') && out.host.find('%') != std::string::npos)
    return no_host();
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  out.host = plain_host(out.host.substr(0, out.host.find('%')));
  if (out.host.empty())
    return no_host();
  // The resolver takes what inet_aton takes: 2130706433, 0x7f.1, 0177.0.0.1.
  in_addr four{};
  auto ip = parse_ip(out.host);
  if (!ip && inet_aton(out.host.c_str(), &four) != 0) {
    ip.emplace();
    (*ip)[10] = (*ip)[11] = 0xff;
    std::memcpy(ip->data() + 12, &four, 4);
  }
  return read_url{std::move(out), ip};
}

std::optional<ip_bytes> ip_of(const sockaddr& address) {
  ip_bytes ip{};
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    ip[10] = ip[11] = 0xff;
    std::memcpy(ip.data() + 12, &four.sin_addr, 4);
    return ip;
  }
  if (address.sa_family != AF_INET6)
    return std::nullopt;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  std::memcpy(ip.data(), &six.sin6_addr, 16);
  return ip;
}

} // namespace

jobs::result<link_parts> check_link(const std::string& url,
                                    const link_allowance& allowed) {
  auto read = read_link(url, "download_url");
  if (!read)
    return std::move(read).error();
  const auto& [out, ip] = *read;
  const bool is_local_name =
      out.host == "localhost" || out.host.ends_with(".localhost");
  const bool is_closed =
      ip ? !is_public(*ip) && !is_allowed(*ip, allowed) : is_local_name;
  if (is_closed && !is_allowed_name(out.host, allowed))
    return refused("the download_url leads into a private network, to "
                   + out.host);
  return out;
}

jobs::result<link_parts> check_node_url(const std::string& url) {
  auto read = read_link(url, "url of the transfer");
  if (!read)
    return std::move(read).error();
  if (read->ip && !is_node(*read->ip))
    return refused("no node can be at " + read->parts.host);
  return read->parts;
}

bool may_be_node(const sockaddr& address) {
  const auto ip = ip_of(address);
  return ip && is_node(*ip);
}

std::string resolve_link(const std::string& from, const std::string& location) {
  const parsed_url parsed{curl_url()};
  if (curl_url_set(parsed.get(), CURLUPART_URL, from.c_str(), 0) != CURLUE_OK
      || curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), 0)
             != CURLUE_OK)
    return {};
  return part(parsed.get(), CURLUPART_URL);
}

bool may_connect(const sockaddr& address, std::string_view host,
                 const link_allowance& allowed) {
  if (is_allowed_name(host, allowed))
    return true;
  const auto ip = ip_of(address);
  return ip && (is_public(*ip) || is_allowed(*ip, allowed));
}

} // namespace alula::remote
