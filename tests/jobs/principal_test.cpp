#include "jobs/access_records.hpp"
#include "jobs/principal.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>

using namespace alula::jobs;

namespace {

const server_id mine =
    *server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c000001");
const server_id other_server =
    *server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c000002");

principal of_role(access_role role, object_scope scope) {
  principal who;
  who.role = role;
  who.permissions = permissions_of(role);
  who.scope = std::move(scope);
  return who;
}

/// What each role may do to what it reaches.
const std::map<access_role, std::set<permission>> table{
    {access_role::viewer,
     {permission::known, permission::read_systems, permission::read_servers,
      permission::read_node}},
    {access_role::operate,
     {permission::known, permission::read_systems, permission::manage_systems,
      permission::read_servers, permission::manage_servers,
      permission::read_node}},
    {access_role::admin,
     {permission::known, permission::read_systems, permission::manage_systems,
      permission::destroy_systems, permission::read_servers,
      permission::manage_servers, permission::destroy_servers,
      permission::read_node, permission::manage_node,
      permission::manage_access}},
    {access_role::custom, {}}};

struct scope_row {
  std::string name;
  object_scope scope;
  std::set<std::string> reaches; ///< names of the objects below
};

const std::map<std::string, access_object> objects{
    {"node", access_object::of_node()},
    {"my server", access_object::of_server(mine)},
    {"another server", access_object::of_server(other_server)},
    {"my system", access_object::of_system("s1", "acme/north/shop")},
    {"a sibling's system", access_object::of_system("s2", "acme/northern")},
    {"a system of nobody", access_object::of_system("s3")}};

const std::vector<scope_row> scopes{
    {"everything",
     object_scope::all(),
     {"node", "my server", "another server", "my system", "a sibling's system",
      "a system of nobody"}},
    {"nothing", {}, {}},
    {"one server", {.servers = {mine.to_string()}}, {"my server"}},
    {"one system", {.systems = {"s1"}}, {"my system"}},
    {"an organisation", {.organisations = {"acme/north"}}, {"my system"}},
    {"the organisation itself",
     {.organisations = {"acme/north/shop"}},
     {"my system"}},
    {"the one above",
     {.organisations = {"acme"}},
     {"my system", "a sibling's system"}},
    {"the one below", {.organisations = {"acme/north/shop/till"}}, {}},
    {"an empty path", {.organisations = {""}}, {}},
    {"an empty id", {.servers = {""}, .systems = {""}}, {}}};

} // namespace

TEST_CASE("every role may do what its row says to what it reaches", "[jobs]") {
  for (const auto& [role, permissions] : table)
    for (const auto& row : scopes)
      for (const auto& [name, object] : objects)
        for (std::size_t i = 0; i < permission_count; ++i) {
          const auto needs = static_cast<permission>(i);
          CAPTURE(to_string(role), row.name, name, to_string(needs));
          const bool allowed =
              permissions.contains(needs)
              && (needs == permission::known || row.reaches.contains(name));
          const auto who = of_role(role, row.scope);
          CHECK(may(&who, needs, object)
                == (allowed ? verdict::allow : verdict::forbidden));
        }
}

TEST_CASE("nobody is unauthenticated whatever is asked", "[jobs]") {
  for (const auto& [name, object] : objects)
    for (std::size_t i = 0; i < permission_count; ++i)
      CHECK(may(principal_ptr{}, static_cast<permission>(i), object)
            == verdict::unauthenticated);
}

TEST_CASE("the Panel may do everything on its node", "[jobs]") {
  for (const auto& [name, object] : objects)
    for (std::size_t i = 0; i < permission_count; ++i)
      CHECK(may(panel_principal(), static_cast<permission>(i), object)
            == verdict::allow);
}

TEST_CASE("an appliance delivers backups of its own system alone", "[jobs]") {
  token_record key;
  key.kind = principal_kind::appliance;
  key.role = access_role::admin; // whatever stands there
  key.scope.systems = {"s1"};
  const auto who = principal_of(key);
  for (const auto& [name, object] : objects)
    for (std::size_t i = 0; i < permission_count; ++i) {
      const auto needs = static_cast<permission>(i);
      CAPTURE(name, to_string(needs));
      const bool allowed =
          needs == permission::deliver_backups && name == "my system";
      CHECK((may(&who, needs, object) == verdict::allow) == allowed);
    }
}

TEST_CASE("permissions and roles are read as they are written", "[jobs]") {
  for (std::size_t i = 0; i < permission_count; ++i) {
    const auto one = static_cast<permission>(i);
    CHECK(parse_permission(to_string(one)) == one);
  }
  CHECK_FALSE(parse_permission("read:everything"));
  CHECK(parse_access_role("operator") == access_role::operate);
  CHECK_FALSE(parse_access_role("custom"));
  CHECK_FALSE(parse_access_role(""));
}

TEST_CASE("a scope survives being written down", "[jobs]") {
  for (const auto& row : scopes)
    CHECK(scope_from_json(to_json(row.scope)) == row.scope);
}

TEST_CASE("a scope that cannot be read reaches nothing", "[jobs]") {
  for (const auto* text : {"", "[]", "{", "{\"all\":1}", "{\"servers\":\"x\"}"})
    CHECK(scope_from_json(text) == object_scope{});
}

TEST_CASE("a token is good until it expires or is revoked", "[jobs]") {
  token_record token;
  CHECK(token.is_good(1'000'000));
  token.expires_at = 500;
  CHECK(token.is_good(499));
  CHECK_FALSE(token.is_good(500));
  token.expires_at = 0;
  token.revoked_at = 1;
  CHECK_FALSE(token.is_good(2));
}
