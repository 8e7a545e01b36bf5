#include "jobs/container_status.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace alula::jobs {

namespace {

constexpr std::string_view of_container = "container:";

std::optional<process_state> state_in(const nlohmann::json& data,
                                      const char* name) {
  const auto word = data.find(name);
  if (word == data.end() || !word->is_string())
    return std::nullopt;
  for (const auto s : {process_state::offline, process_state::starting,
                       process_state::running, process_state::stopping})
    if (word->get_ref<const std::string&>() == to_string(s))
      return s;
  return std::nullopt;
}

} // namespace

tell_panel report_of(const container_status& what) {
  // Neither word holds anything that JSON would have to escape.
  return {.subject = std::string{of_container} + what.server.to_string(),
          .method = "POST",
          .path = "/servers/" + what.server.to_string() + "/container/status",
          .body = R"({"data":{"previous_state":")"
                  + std::string{to_string(what.before)} + R"(","new_state":")"
                  + std::string{to_string(what.now)} + R"("}})"};
}

std::optional<container_status> container_status_of(const report& what) {
  if (!is_container_status(what.subject))
    return std::nullopt;
  const auto server = server_id::parse(
      std::string_view{what.subject}.substr(of_container.size()));
  const auto body = nlohmann::json::parse(what.body, nullptr, false);
  const auto data = body.is_object() ? body.find("data") : body.end();
  if (!server || !body.is_object() || data == body.end() || !data->is_object())
    return std::nullopt;
  const auto before = state_in(*data, "previous_state");
  const auto now = state_in(*data, "new_state");
  if (!before || !now)
    return std::nullopt;
  return container_status{*server, *before, *now};
}

} // namespace alula::jobs
