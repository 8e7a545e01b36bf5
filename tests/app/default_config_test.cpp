// packaging/config.yml: what the package starts a node with.
#include "app/config.hpp"
#include "app/defaults.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace alula::app {

namespace {

std::string text_of_default() {
  std::ifstream in{std::string{doubles::places::tests_app}
                   + "/../../packaging/config.yml"};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void check_accepted(const config_report& report) {
  for (const auto& problem : report.problems)
    UNSCOPED_INFO(describe("config.yml", problem));
  CHECK(report.problems.empty());
}

} // namespace

TEST_CASE("the default config is accepted without a word", "[app]") {
  const auto report = parse_config(text_of_default());
  REQUIRE_FALSE(report.lines.empty());
  check_accepted(report);
}

TEST_CASE("the default config makes the node that none makes", "[app]") {
  const auto with = parse_config(text_of_default()).value;
  const tests::temporary_directory place;
  const auto without = embedded_defaults(place.path());
  REQUIRE(without);
  const auto& other = without->value;
  const auto moved = [&](const std::filesystem::path& of_other) {
    return std::filesystem::path{"/var/lib/alula"}
           / std::filesystem::relative(of_other, place.path());
  };
  CHECK(with.api.host == other.api.host);
  CHECK(with.api.port == other.api.port);
  CHECK(with.allowed_origins == other.allowed_origins);
  CHECK(with.remote == other.remote);
  CHECK(with.token.empty()); // nobody else's
  CHECK(with.token_file == moved(without->token_file));
  CHECK(with.system.root_directory == "/var/lib/alula");
  CHECK(with.system.data == moved(other.system.data));
  CHECK(with.system.log_directory == moved(other.system.log_directory));
  CHECK(with.system.tmp_directory == moved(other.system.tmp_directory));
}

TEST_CASE("each setting that the default config has in a comment is accepted",
          "[app]") {
  const auto text = text_of_default();
  const std::regex setting{"^( *)#( *)(?=[a-z_]+:)"};
  std::string all;
  std::size_t found = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    const auto line = text.substr(at, end - at);
    // A sentence has a blank behind its #, and no colon behind its first word.
    found += std::regex_search(line, setting) ? 1 : 0;
    all += std::regex_replace(line, setting, "$1$2") + '\n';
    at = end + 1;
  }
  CHECK(found > 20);
  const tests::temporary_directory certificates;
  for (const auto* name : {"fullchain.pem", "privkey.pem"})
    std::ofstream{certificates.path() / name} << "there\n";
  all = std::regex_replace(all, std::regex{"/etc/alula(?=/[a-z]+\\.pem)"},
                           certificates.path().string());
  const auto report = parse_config(all);
  check_accepted(report);
  CHECK(report.value.stores.bucket.contains("offsite"));
}

} // namespace alula::app
