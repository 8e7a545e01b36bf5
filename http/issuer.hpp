/// JSON Web Tokens of somebody else's issuer, as credentials (RFC 7519, 7515,
/// 7517): which it may have signed, and what they make of whoever brings them.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/principal.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace alula::http {

struct issuer_settings {
  std::string issuer;   ///< `iss` is exactly this
  std::string audience; ///< `aud` is this or has it
  /// How far its clock and ours may be apart.
  std::chrono::seconds leeway{60};
  /// Key of HS256; at least 32 bytes (RFC 7518, 3.2). Empty: no HS256 unless
  /// the key set has keys for it.
  std::string secret = {};
};

/// Any thread; never blocks.
class issuer {
public:
  /// Fault validation: no issuer or audience, or a short secret.
  static jobs::result<std::shared_ptr<issuer>> make(issuer_settings settings,
                                                    const jobs::clock& clock);

  /// Takes a JWK set in place of the one before: RSA keys of at least 2,048
  /// bits for RS256, octet keys of at least 32 bytes for HS256; others are
  /// left out. At most 100. With a fault (malformed: not such a set, or nothing
  /// in it is of use) the keys of before stay.
  jobs::status take_keys(std::string_view jwks);

  /// Null unless the signature holds under a key that is for the algorithm the
  /// token names (HS256 or RS256, never "none"; an RSA key never checks an
  /// HMAC), `iss` and `aud` are ours, `sub` is there, and now is between `nbf`
  /// and `exp`, which must be there. Nothing of the claims is looked at before.
  ///
  /// Claims: `role`, or lists of permissions (`permissions`, and in `user`
  /// `user_permissions` and `org_permissions`); `servers`, `systems`,
  /// `organisations`, or `all: true`; in `user` `organization_id`, and
  /// `org_role` "owner" for everything. Without a role or a permission it is
  /// somebody who may nothing; with a `token_type` other than "access", nobody.
  jobs::principal_ptr find(std::string_view token) const;

  /// The token names a key (`kid`) that is not in the set: there may be a newer
  /// set. False for what is no token for RS256 or HS256.
  bool lacks_key_of(std::string_view token) const;

private:
  struct key_set;
  issuer(issuer_settings settings, const jobs::clock& clock);
  std::shared_ptr<const key_set> keys() const;

  const issuer_settings settings_;
  const jobs::clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const key_set> keys_;
};

} // namespace alula::http
