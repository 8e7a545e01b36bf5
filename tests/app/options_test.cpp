#include "app/options.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace {

using namespace alula::app;
using verb = options::verb;

command_line parse(std::vector<const char*> words) {
  words.insert(words.begin(), "alula");
  return parse_options(static_cast<int>(words.size()), words.data());
}

} // namespace

TEST_CASE("serve takes a config, or a directory and a port", "[app]") {
  const auto with_config = parse({"serve", "--config", "/etc/x.yml"});
  REQUIRE(with_config.value);
  CHECK(with_config.value->what == verb::serve);
  CHECK(with_config.value->config == "/etc/x.yml");

  const auto bare = parse({"serve"});
  REQUIRE(bare.value);
  CHECK(bare.value->config.empty());
  CHECK_FALSE(bare.value->port);

  const auto with_data =
      parse({"serve", "--data", "/srv/a", "--port", "0", "--debug"});
  REQUIRE(with_data.value);
  CHECK(with_data.value->data == "/srv/a");
  CHECK(with_data.value->port == 0);
  CHECK(with_data.value->debug);
}

TEST_CASE("check-config takes one file, version nothing", "[app]") {
  const auto check = parse({"check-config", "config.yml"});
  REQUIRE(check.value);
  CHECK(check.value->what == verb::check_config);
  CHECK(check.value->config == "config.yml");
  CHECK_FALSE(check.value->as_json);
  const auto as_json = parse({"check-config", "config.yml", "--json"});
  REQUIRE(as_json.value);
  CHECK(as_json.value->as_json);
  REQUIRE(parse({"version"}).value);
  CHECK(parse({"version"}).value->what == verb::version);
}

TEST_CASE("mistakes on the command line leave with 64 and a word", "[app]") {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {},
           {"dance"},
           {"serve", "--colour"},
           {"serve", "--port", "65536"},
           {"serve", "--port", "x"},
           {"serve", "--config", "a", "--data", "b"},
           {"check-config"},
           {"check-config", "a", "b"},
           {"version", "now"}}) {
    const auto read = parse(words);
    CHECK_FALSE(read.value);
    CHECK(read.exit_code == 64);
    CHECK_FALSE(read.text.empty());
  }
}

TEST_CASE("--help prints all verbs and leaves with 0", "[app]") {
  const auto read = parse({"--help"});
  CHECK_FALSE(read.value);
  CHECK(read.exit_code == 0);
  for (auto word : {"serve", "check-config", "version"})
    CHECK_THAT(read.text, Catch::Contains(word));
}

TEST_CASE("configure takes what Wings' command takes", "[app]") {
  const auto full = parse({"configure", "--panel-url", "https://p", "--token",
                           "ptla_x", "--node", "3", "--config-path",
                           "/etc/c.yml", "--override", "--allow-insecure"});
  REQUIRE(full.value);
  CHECK(full.value->what == verb::configure);
  CHECK(full.value->panel_url == "https://p");
  CHECK(full.value->token == "ptla_x");
  CHECK(full.value->node == "3");
  CHECK(full.value->config == "/etc/c.yml");
  CHECK(full.value->override_config);
  CHECK(full.value->allow_insecure);

  const auto brief =
      parse({"configure", "-p", "https://p", "-t", "ptla_x", "-n", "3"});
  REQUIRE(brief.value);
  CHECK(brief.value->config == "/etc/pterodactyl/config.yml");
  CHECK_FALSE(brief.value->override_config);
  CHECK_FALSE(brief.value->allow_insecure);

  CHECK(parse({"configure", "-t", "x", "-n", "3"}).exit_code == 64);
  CHECK(
      parse({"configure", "-p", "https://p", "-t", "x", "-n", "../1"}).exit_code
      == 64);
}
