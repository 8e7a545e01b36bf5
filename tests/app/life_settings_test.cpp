#include "app/life_settings.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

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

TEST_CASE("the zone of a machine is what its localtime links to", "[app]") {
  const alula::tests::temporary_directory place;
  const auto link = place.path() / "localtime";
  CHECK(zone_of_link(link).empty());
  std::filesystem::create_symlink("../usr/share/zoneinfo/Europe/Berlin", link);
  CHECK(zone_of_link(link) == "Europe/Berlin");
  std::filesystem::remove(link);
  std::filesystem::create_symlink("/somewhere/else", link);
  CHECK(zone_of_link(link).empty());
}
