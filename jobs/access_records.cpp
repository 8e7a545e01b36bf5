#include "jobs/access_records.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::jobs {

namespace {

using json = nlohmann::json;

std::vector<std::string> words_in(const json& object, const char* name) {
  std::vector<std::string> words;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array())
    return words;
  for (const auto& one : *found)
    if (one.is_string())
      words.push_back(one.get<std::string>());
  return words;
}

} // namespace

principal principal_of(const token_record& token) {
  principal who;
  who.kind = token.kind;
  who.name = token.name;
  who.scope = token.scope;
  who.expires_at = token.expires_at;
  if (token.kind == principal_kind::appliance) {
    // It brings and fetches its own system's backups, and nothing else.
    who.id = "appliance:" + token.id;
    who.role = access_role::custom;
    who.permissions = {permission::deliver_backups};
  } else {
    who.id = "token:" + token.id;
    who.role = token.role;
    who.permissions = permissions_of(token.role);
  }
  return who;
}

std::string to_json(const object_scope& scope) {
  if (scope.everything)
    return R"({"all":true})";
  return json{{"servers", scope.servers},
              {"systems", scope.systems},
              {"organisations", scope.organisations}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

object_scope scope_from_json(std::string_view text) {
  object_scope scope;
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object())
    return scope;
  const auto all = object.find("all");
  scope.everything =
      all != object.end() && all->is_boolean() && all->get<bool>();
  scope.servers = words_in(object, "servers");
  scope.systems = words_in(object, "systems");
  scope.organisations = words_in(object, "organisations");
  return scope;
}

} // namespace alula::jobs
