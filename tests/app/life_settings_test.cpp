#include "app/life_settings.hpp"

#include <catch2/catch.hpp>

using namespace alula::app;

TEST_CASE("consoles are cut alike whatever `throttles.enabled` says", "[app]") {
  for (const auto* word : {"true", "false"}) {
    const auto report =
        parse_config(std::string{"token: secret\nthrottles: {enabled: "} + word
                     + ", lines: 7, line_reset_interval: 250}\n");
    REQUIRE(report.is_usable());
    const auto told = process_settings_of(report.value);
    CHECK(told.throttle_lines == 7);
    CHECK(told.throttle_interval == std::chrono::milliseconds{250});
  }
}
