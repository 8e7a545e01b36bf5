/// What the front door may ask about tokens and the audit.
#pragma once

#include "jobs/access_records.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace alula::jobs {

/// An immutable picture of the tokens; a new one after each change.
using token_list = std::shared_ptr<const std::vector<token_record>>;

/// Every method returns at once, from any thread; a callback comes exactly
/// once, from a thread of the desk or the ledger, and must not block.
class access_desk {
public:
  virtual ~access_desk() = default;

  /// From memory, never null; those that are on disk, apart from `used_at`.
  virtual token_list tokens() const = 0;

  /// As on disk, `used_at` too.
  virtual void
  list(std::function<void(result<std::vector<token_record>>)> done) = 0;

  /// On disk, and in tokens(), when it is answered.
  virtual void keep(token_record what, std::function<void(status)> done) = 0;

  /// The token as it was revoked: good for nobody when it is answered. Twice:
  /// the first time stands. Fault token_not_found.
  virtual void revoke(std::string id,
                      std::function<void(result<token_record>)> done) = 0;

  /// Best effort, not more often than once a minute and token, please.
  virtual void note_use(std::string id, time_ms at) = 0;

  /// Written behind the change it tells of; nobody waits for it.
  virtual void record(audit_record what) = 0;

  virtual void list_audit(audit_filter filter, std::int64_t before,
                          std::size_t limit,
                          std::function<void(result<audit_page>)> done) = 0;
};

} // namespace alula::jobs
