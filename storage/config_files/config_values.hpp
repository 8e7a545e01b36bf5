/// Which value is to be put in, whatever the format.
#pragma once

#include "jobs/config_files.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace alula::storage {

/// What a replacement makes of a value: nothing when the value stays. A value
/// that is not there cannot be the one that `if_value` asks for.
std::optional<jobs::config_value>
value_for(const jobs::config_replacement& wanted,
          std::optional<std::string_view> current);

/// Values of the node by their dotted name in its configuration,
/// "docker.network.interface".
using node_values = std::map<std::string, std::string, std::less<>>;

/// Puts the node's values in for "{{config.docker.network.interface}}"; every
/// other placeholder is the Panel's (wings-protocol 3.4). Names are understood
/// in camel case too. A name the node does not know stays, and is a note.
std::string resolve_lookups(std::string_view text, const node_values& node,
                            std::vector<std::string>& notes);

/// "0", "-7", "25565", of what fits into 64 bits; not "007", "+1", "1.0".
bool is_plain_integer(std::string_view text);

/// A number as JSON spells it.
bool is_json_number(std::string_view text);

} // namespace alula::storage
