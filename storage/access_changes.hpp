/// Tokens that are made, used and revoked, and the audit. Runs inside the
/// transaction of the amend the change came with.
#pragma once

#include "jobs/access_records.hpp"
#include "storage/sqlite.hpp"

namespace alula::storage {

class access_changes {
public:
  explicit access_changes(database& on) : on_(on) {}

  jobs::status change(const jobs::keep_token& what);
  jobs::status change(const jobs::revoke_token& what);
  jobs::status change(const jobs::note_token_use& what);
  jobs::status change(const jobs::keep_audit& what);

private:
  database& on_;
};

} // namespace alula::storage
