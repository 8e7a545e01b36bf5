/// What differs between the configuration in force and the file read again.
#pragma once

#include "app/config.hpp"

#include <string_view>
#include <vector>

namespace alula::app {

/// The keys of the file, in the order of the table, whose values differ.
std::vector<std::string_view> changed_keys(config was, config is);

/// The key is taken over by a running node; any other needs a restart.
bool is_live(std::string_view key);

} // namespace alula::app
