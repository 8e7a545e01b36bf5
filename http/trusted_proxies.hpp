/// Who is behind a reverse proxy: the client's address out of
/// X-Forwarded-For, as far as those who wrote it are trusted.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// Addresses and networks ("10.0.0.0/8", "fd00::/8", "192.0.2.7") whose
/// X-Forwarded-For is believed; what cannot be read trusts nobody. Immutable.
class trusted_proxies {
public:
  explicit trusted_proxies(const std::vector<std::string>& networks = {});

  /// `peer` itself unless it is trusted. Else the last address of `forwarded`
  /// that is not a trusted one: everything before it may be the client's own
  /// invention. A word that is no address ends the search.
  std::string client_of(const std::string& peer,
                        std::optional<std::string_view> forwarded) const;

private:
  using address = std::array<unsigned char, 16>; ///< IPv4 mapped into IPv6
  struct network {
    address base;
    int bits;
  };

  static std::optional<address> parse(std::string_view text);
  bool trusts(const address& who) const;

  std::vector<network> networks_;
};

} // namespace alula::http
