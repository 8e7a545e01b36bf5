/// `/api/servers/:server/backup/rotate` and `…/rotation`: which backups of a
/// server go by themselves, and by whose policy.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST …/backup/rotate {policy, dry_run}: 202 with the job; a dry run is 200
/// with what would go and why. Without a policy the one in force counts.
void rotate_backups(const api_ptr& api, const exchange_ptr& call);

/// GET …/backup/rotation: the policy in force, and whose it is.
void show_rotation(const api_ptr& api, const exchange_ptr& call);

/// PUT …/backup/rotation, the policy as the body: the server has one of its own
/// from then on; 200 as GET. With `?dry_run=true` nothing is set, and the
/// answer says what would go and why.
void set_rotation(const api_ptr& api, const exchange_ptr& call);

/// DELETE …/backup/rotation: the node's counts again; 204, also when it did.
void reset_rotation(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
