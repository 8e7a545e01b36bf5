#include "http/trusted_proxies.hpp"

#include "jobs/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace alula::http {

namespace {

constexpr int all_bits = 128;
constexpr int mapped_bits = 96; // ::ffff:0:0/96, RFC 4291, 2.5.5.2

} // namespace

std::optional<trusted_proxies::address>
trusted_proxies::parse(std::string_view text) {
  const std::string bare{text.substr(0, text.find('%'))};
  address out{};
  if (inet_pton(AF_INET6, bare.c_str(), out.data()) == 1)
    return out;
  in_addr v4{};
  if (inet_pton(AF_INET, bare.c_str(), &v4) != 1)
    return std::nullopt;
  out[10] = out[11] = 0xff;
  std::memcpy(out.data() + 12, &v4, sizeof v4);
  return out;
}

trusted_proxies::trusted_proxies(const std::vector<std::string>& networks) {
  for (const std::string_view text : networks) {
    const auto slash = text.find('/');
    const auto base = parse(text.substr(0, slash));
    if (!base)
      continue;
    int bits = all_bits;
    if (slash != text.npos) {
      const auto digits = text.substr(slash + 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      if (error != std::errc{} || end != digits.data() + digits.size())
        continue;
      if (text.substr(0, slash).find(':') == text.npos)
        bits += mapped_bits;
      if (bits < 0 || bits > all_bits)
        continue;
    }
    networks_.push_back({*base, bits});
  }
}

bool trusted_proxies::trusts(const address& who) const {
  return std::ranges::any_of(networks_, [&](const network& net) {
    const auto whole = static_cast<std::size_t>(net.bits / 8);
    if (std::memcmp(who.data(), net.base.data(), whole) != 0)
      return false;
    const int rest = net.bits % 8;
    return rest == 0 || (who[whole] ^ net.base[whole]) >> (8 - rest) == 0;
  });
}

std::string
trusted_proxies::client_of(const std::string& peer,
                           std::optional<std::string_view> forwarded) const {
  auto client = peer;
  auto rest = forwarded.value_or(std::string_view{});
  for (auto who = parse(client); who && trusts(*who) && !rest.empty();) {
    const auto comma = rest.rfind(',');
    const auto word =
        jobs::trimmed(comma == rest.npos ? rest : rest.substr(comma + 1));
    rest = comma == rest.npos ? std::string_view{} : rest.substr(0, comma);
    who = parse(word);
    if (who)
      client = word;
  }
  return client;
}

} // namespace alula::http
