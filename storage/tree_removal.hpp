/// Removes a whole directory tree below one descriptor, however deep, wide or
/// hostile it is. The tree is its own cursor: a removal that was interrupted
/// goes on where it was by being started again.
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <functional>
#include <stop_token>
#include <string>

namespace alula::storage {

/// Removes `name` and everything below it; missing is success. Never follows a
/// link and never leaves the file system or the mount of `parent`: what is
/// mounted inside stays, and is a failure. Uses at most 40 descriptors and,
/// per level of depth, memory for one batch of directory names. What could not
/// be removed is counted, the first of it is the fault, the rest is removed
/// all the same. `tell` is called at least every 4,096 entries and at least
/// four times a second while entries go; the token is looked at every 256.
/// `entries_total` is counted first and stays 0 when that takes longer than two
/// seconds. The caller syncs `parent`.
jobs::result<jobs::volumes::purge_progress> remove_tree(
    const directory& parent, const std::string& name,
    const std::stop_token& stop,
    const std::function<void(const jobs::volumes::purge_progress&)>& tell);

} // namespace alula::storage
