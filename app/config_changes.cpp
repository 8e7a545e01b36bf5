#include "app/config_changes.hpp"

#include "app/config_schema.hpp"

#include <algorithm>
#include <array>
#include <variant>

namespace alula::app {

namespace {

/// Keys of features alula does not have go nowhere, so nothing depends on them.
bool differs(const value_rule& rule, config& was, config& is) {
  return std::visit(
      [&](const auto& of) {
        if constexpr (requires { of.into_named(was) == of.into_named(is); })
          if (of.into_named && of.into_named(was) != of.into_named(is))
            return true;
        if constexpr (requires { of.into(was) == of.into(is); })
          return of.into && of.into(was) != of.into(is);
        else
          return false;
      },
      rule);
}

} // namespace

std::vector<std::string_view> changed_keys(config was, config is) {
  std::vector<std::string_view> out;
  for (const auto& key : known_keys())
    if (differs(key.rule, was, is))
      out.push_back(key.path);
  return out;
}

bool is_live(std::string_view key) {
  static constexpr std::array<std::string_view, 8> live{
      "debug",           "ignore_panel_config_updates",
      "token_id",        "token",
      "token_file",      "remote",
      "allowed_origins", "allow_cors_private_network"};
  return std::find(live.begin(), live.end(), key) != live.end();
}

} // namespace alula::app
