/// The systems backups API for appliances (docs/systems.md): upload, list,
/// download, delete, by Basic auth. An appliance never names its system; its
/// credential does.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// The head alone decides whether the body is wanted; then it goes past the
/// door's memory, into a job (jobs/kinds/receive_system_backup.cpp).
void receive_own_backup(const api_ptr& api, const exchange_ptr& call);
void list_own_backups(const api_ptr& api, const exchange_ptr& call);
void send_own_backup(const api_ptr& api, const exchange_ptr& call);
void delete_own_backup(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
