/// Writes down every change that is asked for through the door.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <string>

namespace alula::http {

/// Who asks without credentials of the node's own: with a token that the Panel
/// has signed.
struct audit_author {
  std::string principal; ///< "panel:<what the token is for>"
  std::string name;      ///< for people
  std::string server;    ///< its uuid
};

/// For handlers of open routes, once they know whose token it is: the exchange,
/// with such a row for its answer.
exchange_ptr audited(const api_ptr& api, const exchange_ptr& call,
                     audit_author by);

/// The handler, with a row in the audit for each answer it gives to somebody
/// known: who, what, about which object, the answer, the request. The row is
/// with the ledger before the answer leaves; the answer does not wait for it.
/// What is not served (501) changes nothing and is not written down.
handler audited(const api_ptr& api, handler run);

} // namespace alula::http
