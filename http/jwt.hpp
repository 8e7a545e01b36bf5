/// The JSON Web Tokens a Panel signs with the node's token: read strictly, and
/// denied by age or by name (wings-protocol 4).
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace alula::http {

/// The claims we rely on; a Panel sends more (wings-protocol 4.1). An absent
/// or null claim is empty or 0.
struct token_claims {
  std::string jti;
  std::string subject; ///< `sub`: of a transfer, the server's uuid
  std::string user_uuid;
  std::string server_uuid;
  std::string backup_uuid; ///< of a download link
  std::string unique_id;   ///< of a link that works once
  std::vector<std::string> permissions;
  jobs::time_ms issued_at = 0;
  jobs::time_ms expires_at = 0;
  jobs::time_ms not_before = 0;
};

/// RFC 4648, section 5, without padding and with nothing in the spare bits, so
/// that one value has one spelling. Nothing for anything else.
std::optional<std::string> decode_base64url(std::string_view text);

/// Checks the shape and the HMAC-SHA-256 of a compact JWS (RFC 7515, 7519)
/// under `key` and reads its claims; nothing of it is parsed before the
/// signature holds. Times are not judged here, see `is_expired`.
///
/// Stricter than Wings, which looks at the signature only: `alg` must be
/// HS256, `crit` is refused, base64url must be canonical, claims must have
/// their types. A fraction of a second in a time is accepted, PHP makes them.
/// Fault: unauthorized, with a sentence; always with an empty key.
jobs::result<token_claims> read_token(std::string_view token,
                                      std::string_view key);

/// Past its last second. No leeway, and a token without `exp` is expired
/// (wings-protocol 4.2).
bool is_expired(const token_claims& claims, jobs::time_ms now);

/// Before `nbf`, which a Panel sets five minutes back, with a leeway of one
/// minute for its clock; Wings does not look.
bool is_early(const token_claims& claims, jobs::time_ms now);

/// An explicit entry, or `*` for all names but those that start with "admin"
/// (wings-protocol 5.4).
bool has_permission(const token_claims& claims, std::string_view name);

/// Which tokens are refused although their signature holds
/// (wings-protocol 4.4). Any thread.
///
/// Bounded, unlike Wings' list: a name is kept for `keep`, and a token older
/// than that is denied by its age, which tells a Panel's page to fetch a new
/// one (they live ten minutes). With `most` names in the list the oldest makes
/// room, and every token issued up to that moment is denied with it.
class deny_list {
public:
  explicit deny_list(jobs::time_ms started,
                     std::chrono::milliseconds keep = std::chrono::hours{1},
                     std::size_t most = 100'000);

  /// Denies the tokens with this `jti` that were issued up to `now`.
  void deny(const std::string& jti, jobs::time_ms now);

  /// Denies the tokens of this user that were issued up to `now`: for one
  /// server, or for all of them when `server` is empty.
  void deny_user(std::string_view user, std::string_view server,
                 jobs::time_ms now);

  /// True when `iat` is missing, not after the start of the process, older
  /// than `keep`, or not after a denial of its `jti` or user. A token of the
  /// same second is denied too: `iat` is rounded down.
  bool is_denied(const token_claims& claims, jobs::time_ms now) const;

  std::size_t size() const;

private:
  void forget_oldest();
  bool is_named(const std::string& name, jobs::time_ms issued) const;

  mutable std::mutex mutex_;
  const std::int64_t keep_;
  const std::size_t most_;
  jobs::time_ms floor_; ///< tokens issued up to here are denied
  std::unordered_map<std::string, jobs::time_ms> denied_;
  std::deque<std::pair<jobs::time_ms, std::string>> order_; ///< oldest first
};

} // namespace alula::http
