/// The systems backups API for people and programs (docs/systems.md): list,
/// link, delete. The order in which a request is checked is part of it.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

void list_system_backups(const api_ptr& api, const exchange_ptr& call);
/// Answers with a link; see download_system_backup.
void link_system_backup(const api_ptr& api, const exchange_ptr& call);
void delete_system_backup(const api_ptr& api, const exchange_ptr& call);

/// `GET /download/system-backup`, by the link alone.
void download_system_backup(const api_ptr& api, const exchange_ptr& call);

// -- the systems themselves: ours, the contract has none ---------------------

void list_systems(const api_ptr& api, const exchange_ptr& call);
void show_system_record(const api_ptr& api, const exchange_ptr& call);
void put_system(const api_ptr& api, const exchange_ptr& call);
void destroy_system(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
