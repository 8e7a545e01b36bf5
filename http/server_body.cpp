#include "http/server_body.hpp"

#include "http/json_body.hpp"
#include "http/server_shape.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using json = nlohmann::json;

/// Version 4 and variant 8, 9, a or b, as Wings wants it (wings-protocol 2.3).
std::optional<jobs::server_id> parse_v4(std::string_view text) {
  const auto id = jobs::server_id::parse(text);
  constexpr std::string_view variants = "89ab";
  if (!id || text[14] != '4'
      || variants.find(text[19]) == std::string_view::npos)
    return std::nullopt;
  return id;
}

/// The member held against its shape; nothing when it is absent.
std::optional<json> read_part(const json_object& root, std::string_view name,
                              std::span<const member> members,
                              std::vector<jobs::field_error>& errors) {
  if (!root.has(name))
    return std::nullopt;
  return conform(json::parse(root.raw(name)), members, "/" + std::string{name},
                 errors);
}

void check_uuids(const json_object& root, const std::string& uuid,
                 const std::optional<json>& settings, bool has_panel) {
  const bool valid = parse_v4(uuid).has_value();
  if (!uuid.empty() && !valid)
    root.reject("uuid", "must be a lower-case UUID of version 4");
  if (!settings && has_panel)
    return;
  if (!settings) {
    root.reject("settings", "is required: this node has no Panel to ask for "
                            "the server's configuration");
    return;
  }
  const auto inner = settings->find("uuid");
  if (valid && inner != settings->end() && inner->is_string() && *inner != uuid)
    root.object("settings")->reject("uuid", "must equal /uuid");
}

} // namespace

jobs::result<server_body> read_server_body(std::string_view text,
                                           bool has_panel) {
  auto body = json_body::parse(text);
  if (!body)
    return std::move(body).error();
  const auto& root = body->root();
  std::vector<jobs::field_error> errors;
  const auto uuid = root.required_text("uuid");
  const auto start = root.boolean("start_on_completion");
  auto settings = read_part(root, "settings", settings_shape(), errors);
  auto process =
      read_part(root, "process_configuration", process_shape(), errors);
  check_uuids(root, uuid, settings, has_panel);

  auto checked = body->check();
  if (!checked || !errors.empty()) {
    auto why = checked ? jobs::fault{.code = jobs::fault_code::validation,
                                     .what = "a field of the server is wrong"}
                       : std::move(checked).error();
    why.fields.insert(why.fields.end(), errors.begin(), errors.end());
    return why;
  }
  json canonical{{"uuid", uuid},
                 {"start_on_completion", start.value_or(false)}};
  const bool of_panel = !settings;
  if (settings)
    canonical["settings"] = *std::move(settings);
  if (process)
    canonical["process_configuration"] = *std::move(process);
  return server_body{.uuid = *parse_v4(uuid),
                     .canonical = canonical.dump(),
                     .of_panel = of_panel,
                     .start_on_completion = start.value_or(false)};
}

} // namespace alula::http
