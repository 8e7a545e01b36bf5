/// Members of what dockerd says.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace alula::remote {

/// Empty for a member that is not there, or is no text.
std::string text_at(const nlohmann::json& object, const char* key);

} // namespace alula::remote
