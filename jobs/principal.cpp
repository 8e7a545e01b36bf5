#include "jobs/principal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace alula::jobs {

namespace {

constexpr std::array<std::string_view, permission_count> permission_names{
    "read:systems",    "manage:systems", "destroy:systems",
    "deliver:backups", "read:servers",   "manage:servers",
    "destroy:servers", "read:node",      "manage:node",
    "manage:access",   "known"};

constexpr std::array<std::string_view, 5> kind_names{
    "panel", "token", "appliance", "jwt", "page"};

constexpr std::array<std::string_view, 4> role_names{"viewer", "operator",
                                                     "admin", "custom"};

/// The value whose name stands at the same place; nothing for another text.
template<class Value, std::size_t Count>
std::optional<Value> parse_name(const std::array<std::string_view, Count>& in,
                                std::string_view text) {
  const auto found = std::find(in.begin(), in.end(), text);
  if (found == in.end())
    return std::nullopt;
  return static_cast<Value>(found - in.begin());
}

template<class Value, std::size_t Count>
std::string_view name_of(const std::array<std::string_view, Count>& in,
                         Value value) {
  const auto at = static_cast<std::size_t>(value);
  return at < Count ? in[at] : std::string_view{};
}

bool has_word(const std::vector<std::string>& in, std::string_view word) {
  return !word.empty() && std::find(in.begin(), in.end(), word) != in.end();
}

/// `path` is `above` or somewhere below it.
bool is_within(std::string_view path, std::string_view above) {
  return !above.empty() && path.starts_with(above)
         && (path.size() == above.size() || path[above.size()] == '/');
}

} // namespace

std::string_view to_string(permission p) {
  return name_of(permission_names, p);
}

std::optional<permission> parse_permission(std::string_view text) {
  return parse_name<permission>(permission_names, text);
}

std::string_view to_string(principal_kind k) {
  return name_of(kind_names, k);
}

std::optional<principal_kind> parse_principal_kind(std::string_view text) {
  return parse_name<principal_kind>(kind_names, text);
}

std::string_view to_string(access_role r) {
  return name_of(role_names, r);
}

std::optional<access_role> parse_access_role(std::string_view text) {
  const auto role = parse_name<access_role>(role_names, text);
  return role == access_role::custom ? std::nullopt : role;
}

permission_set permissions_of(access_role r) {
  using enum permission;
  switch (r) {
  case access_role::viewer:
    return {known, read_systems, read_servers, read_node};
  case access_role::operate:
    return {known,        read_systems,   manage_systems,
            read_servers, manage_servers, read_node};
  case access_role::admin: {
    // Everything but what is an appliance's alone.
    return {known,        read_systems,   manage_systems,  destroy_systems,
            read_servers, manage_servers, destroy_servers, read_node,
            manage_node,  manage_access};
  }
  case access_role::custom:
    break;
  }
  return {};
}

access_object access_object::of_server(const server_id& server) {
  return {kinds::server, server.to_string(), {}};
}

access_object access_object::of_system(std::string id,
                                       std::string organisation) {
  return {kinds::system, std::move(id), std::move(organisation)};
}

bool is_about_systems(std::string_view kind) {
  return kind.starts_with("system.");
}

access_object subject_of(std::string_view kind, const server_id& server,
                         std::string_view input) {
  if (!server.empty())
    return access_object::of_server(server);
  if (!is_about_systems(kind))
    return access_object::of_node();
  const auto read = nlohmann::json::parse(input, nullptr, false);
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const auto found = read.is_object() ? read.find(name) : read.end();
    if (!read.is_object() || found == read.end() || !found->is_string())
      return std::nullopt;
    return found->get<std::string>();
  };
  auto id = text("system");
  auto organisation = text("organization");
  // Nobody knows whose it was: who has a system of that id now need not be the
  // one.
  if (!id || id->empty() || !organisation)
    return access_object::of_node();
  return access_object::of_system(*std::move(id), *std::move(organisation));
}

bool object_scope::covers(const access_object& what) const {
  if (everything)
    return true;
  switch (what.kind) {
  case access_object::kinds::node:
    return false;
  case access_object::kinds::server:
    if (has_word(servers, what.id))
      return true;
    break;
  case access_object::kinds::system:
    if (has_word(systems, what.id))
      return true;
    break;
  }
  return std::any_of(organisations.begin(), organisations.end(),
                     [&](const std::string& above) {
                       return is_within(what.organisation, above);
                     });
}

principal_ptr panel_principal() {
  static const auto panel = std::make_shared<const principal>(
      principal{"node", principal_kind::panel, "Panel", access_role::admin,
                permission_set::every(), object_scope::all()});
  return panel;
}

verdict may(const principal* who, permission needs, const access_object& what) {
  if (!who)
    return verdict::unauthenticated;
  if (!who->has(needs))
    return verdict::forbidden;
  if (needs == permission::known || who->scope.covers(what))
    return verdict::allow;
  return verdict::forbidden;
}

} // namespace alula::jobs
