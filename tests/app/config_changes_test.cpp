#include "app/config_changes.hpp"
#include "app/config_schema.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula::app;

TEST_CASE("every key that fills a field is seen to change", "[app]") {
  const config standard;
  for (const auto& key : known_keys()) {
    INFO(key.path);
    config other;
    bool has_field = false;
    std::visit(
        [&](const auto& rule) {
          if constexpr (requires { rule.into(other); }) {
            if (!rule.into)
              return;
            has_field = true;
            auto& field = rule.into(other);
            using held = std::remove_reference_t<decltype(field)>;
            if constexpr (std::is_same_v<held, bool>)
              field = !field;
            else if constexpr (std::is_arithmetic_v<held>)
              ++field;
            else if constexpr (std::is_same_v<held, std::chrono::milliseconds>)
              field += std::chrono::milliseconds{1};
            else if constexpr (std::is_same_v<held, std::vector<std::string>>)
              field.emplace_back("more");
            else
              field = "other";
          }
        },
        key.rule);
    const auto seen = changed_keys(standard, other);
    if (has_field)
      CHECK(seen == std::vector{key.path});
    else
      CHECK(seen.empty());
  }
}

TEST_CASE("what a running node takes over is live", "[app]") {
  CHECK(is_live("token"));
  CHECK(is_live("token_file"));
  CHECK(is_live("allowed_origins"));
  CHECK_FALSE(is_live("uuid")); // alerts keep the name they began with
  CHECK_FALSE(is_live("api.port"));
  CHECK_FALSE(is_live("jobs.pools.purge"));
  // A name in the list that no key has would be a mistake.
  int live = 0;
  for (const auto& key : known_keys())
    live += is_live(key.path) ? 1 : 0;
  CHECK(live == 8);
}
