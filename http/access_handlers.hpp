/// `/api/tokens` and `/api/audit`.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /api/tokens: all of them, without their secrets.
void list_tokens(const api_ptr& api, const exchange_ptr& call);
/// POST /api/tokens: 201 with the secret, which is shown this once.
void create_token(const api_ptr& api, const exchange_ptr& call);
/// DELETE /api/tokens/:token: 204, also when it was revoked before. Its event
/// streams end.
void revoke_token(const api_ptr& api, const exchange_ptr& call);
/// GET /api/tokens/self: who asks, and what that may do.
void show_principal(const api_ptr& api, const exchange_ptr& call);
/// GET /api/audit?principal=&server=&system=: the newest first, page by page.
void list_audit(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
