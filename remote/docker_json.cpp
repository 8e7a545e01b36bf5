#include "remote/docker_json.hpp"

#include <nlohmann/json.hpp>

namespace alula::remote {

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string{};
}

} // namespace alula::remote
