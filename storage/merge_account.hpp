/// What a merge has done, read from what it has kept.
#pragma once

#include "jobs/ports.hpp"
#include "storage/file_system.hpp"

#include <functional>
#include <stop_token>
#include <string>

namespace alula::storage {

/// Of the entry of that name in the trash and the list beside it (tree_aside);
/// zeros when there is neither. Follows no link and leaves no mount. Faults:
/// io_error, interrupted.
jobs::result<jobs::volumes::merge_account> read_merge_account(
    const directory& trash, const std::string& entry,
    const std::stop_token& stop,
    const std::function<void(const jobs::volumes::merge_account&)>& tell);

} // namespace alula::storage
