#include "http/json_values.hpp"

#include "http/timestamps.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

using json = nlohmann::ordered_json;

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json time_or_null(jobs::time_ms at) {
  return at == 0 ? json(nullptr) : json(to_rfc3339(at));
}

json text_or_null(std::string_view text) {
  return text.empty() ? json(nullptr) : json(text);
}

} // namespace alula::http
