/// What the ledger keeps about access: API tokens, appliance keys, and what was
/// changed through the door by whom.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/principal.hpp"
#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// A credential of this node: an API token or an appliance's key. The secret is
/// shown once, to whoever made it, and is not here.
struct token_record {
  std::string id; ///< the public part, 20 lower-case hexadecimal digits
  principal_kind kind = principal_kind::token; ///< token or appliance
  std::string subject; ///< of an appliance: the user of its Basic credentials
  std::string name;    ///< for people, at most 200 bytes
  access_role role = access_role::viewer; ///< an appliance has none
  object_scope scope = {};
  std::string hash; ///< SHA-256 of the whole secret, 64 hexadecimal digits
  std::string created_by; ///< id of a principal
  time_ms created_at = 0;
  time_ms expires_at = 0; ///< 0: never
  time_ms revoked_at = 0; ///< 0: it stands
  time_ms used_at = 0;    ///< a minute late at most; 0: never

  bool is_good(time_ms now) const {
    return revoked_at == 0 && (expires_at == 0 || now < expires_at);
  }
  friend bool operator==(const token_record&, const token_record&) = default;
};

/// Whoever brings the secret of `token`.
principal principal_of(const token_record& token);

/// {"all":true} or {"servers":[…],"systems":[…],"organisations":[…]}.
std::string to_json(const object_scope& scope);
/// Nothing in reach for a text that is no such object.
object_scope scope_from_json(std::string_view text);

/// One change that somebody asked for through the door, and what came of it.
struct audit_record {
  std::int64_t row = 0;  ///< the order
  time_ms at = 0;        ///< when it was answered
  std::string principal; ///< its id
  std::string name;      ///< as it was called then
  std::string method;    ///< of the request
  std::string path;      ///< of the request, cut at 1,000 bytes
  std::string server;    ///< in the path, or of the job in it; or empty
  std::string job;       ///< that it started or joined, or empty
  int status = 0;        ///< of the answer
  std::string request_id;
  std::string remote;      ///< the peer's address
  std::string system = {}; ///< it was about, 255 bytes at most, or empty
  friend bool operator==(const audit_record&, const audit_record&) = default;
};

struct audit_filter {
  std::string principal;   ///< empty: any
  std::string server;      ///< empty: any
  std::string system = {}; ///< empty: any
};

/// Newest first.
struct audit_page {
  std::vector<audit_record> items;
  std::int64_t next_before = 0; ///< 0: no more
};

// -- changes, with an amend only ----------------------------------------------

/// Fault internal when the id or the hash is taken.
struct keep_token {
  token_record what;
};

/// Nothing happens when there is none, or it is revoked already.
struct revoke_token {
  std::string id;
  time_ms at = 0;
};

/// It was used. Nothing happens when a later use is on record.
struct note_token_use {
  std::string id;
  time_ms at = 0;
};

struct keep_audit {
  audit_record what; ///< its row is given by the ledger
};

/// A part of jobs::queries.
class access_records {
public:
  virtual ~access_records() = default;
  /// All that are not pruned, revoked ones too, oldest first.
  virtual result<std::vector<token_record>> list_tokens() = 0;
  /// Strictly below `before` (0: from the newest).
  virtual result<audit_page> list_audit(const audit_filter& filter,
                                        std::int64_t before,
                                        std::size_t limit) = 0;
};

} // namespace alula::jobs
