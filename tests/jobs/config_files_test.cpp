#include "jobs/config_files.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace alula::jobs {

namespace {

using type = config_value::type;

config_value only_value(const std::string& replacement) {
  const auto plan = read_config_plan(
      R"([{"file":"a","parser":"json","replace":[{"match":"k",)" + replacement
      + "}]}]");
  REQUIRE(plan.files.size() == 1);
  REQUIRE(plan.files[0].replacements.size() == 1);
  CHECK(plan.notes.empty());
  return plan.files[0].replacements[0].with;
}

} // namespace

TEST_CASE("a list of configuration files is read", "[config-files]") {
  const auto plan = read_config_plan(
      R"([{"parser":"properties","file":"server.properties","replace":[
           {"match":"server-port","replace_with":"25565"},
           {"match":"motd","if_value":"old","replace_with":"new"}]}])");
  REQUIRE(plan.files.size() == 1);
  const auto& file = plan.files[0];
  CHECK(file.parser == "properties");
  CHECK(file.path == "server.properties");
  REQUIRE(file.replacements.size() == 2);
  CHECK(file.replacements[0].match == "server-port");
  CHECK(file.replacements[0].if_value.empty());
  CHECK(file.replacements[1].if_value == "old");
  CHECK(file.replacements[1].with == config_value{type::text, "new"});
}

TEST_CASE("values keep the type the Panel gave them", "[config-files]") {
  CHECK(only_value(R"("replace_with":"25565")")
        == config_value{type::text, "25565"});
  CHECK(only_value(R"("replace_with":25565)")
        == config_value{type::number, "25565"});
  CHECK(only_value(R"("replace_with":0.5)")
        == config_value{type::number, "0.5"});
  CHECK(only_value(R"("replace_with":true)")
        == config_value{type::boolean, "true"});
  CHECK(only_value(R"("replace_with":null)") == config_value{type::null, ""});
}

TEST_CASE("escaped characters of a value are resolved", "[config-files]") {
  CHECK(only_value(R"("replace_with":"\u00a7aHi \"you\"")").text
        == "§aHi \"you\"");
}

TEST_CASE("old eggs say value instead of replace_with", "[config-files]") {
  CHECK(only_value(R"("value":"x")").text == "x");
}

TEST_CASE("a broken replacement harms no other", "[config-files]") {
  const auto plan = read_config_plan(
      R"([{"file":"a","parser":"json","replace":[
           {"match":"list","replace_with":[1]},{"replace_with":"x"},7,
           {"match":"none"},{"match":"","replace_with":"x"},
           {"match":"good","replace_with":"x"}]}])");
  REQUIRE(plan.files.size() == 1);
  REQUIRE(plan.files[0].replacements.size() == 1);
  CHECK(plan.files[0].replacements[0].match == "good");
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].find("5 of the replacements for a") == 0);
}

TEST_CASE("a broken list of replacements is an empty one", "[config-files]") {
  const auto plan =
      read_config_plan(R"([{"file":"a","parser":"json","replace":"?"}])");
  REQUIRE(plan.files.size() == 1);
  CHECK(plan.files[0].replacements.empty());
  CHECK(plan.notes.size() == 1);
}

TEST_CASE("a broken file harms no other", "[config-files]") {
  const auto plan = read_config_plan(
      R"([{"parser":"json","replace":[]},{"file":1,"parser":"x","replace":[]},
          3,{"file":"a","parser":"json"},
          {"file":"b","parser":"json","replace":[]}])");
  REQUIRE(plan.files.size() == 1);
  CHECK(plan.files[0].path == "b");
  CHECK(plan.notes.size() == 4);
}

TEST_CASE("no list of configuration files is no failure", "[config-files]") {
  CHECK(read_config_plan("null").notes.empty());
  CHECK(read_config_plan("[]").notes.empty());
  CHECK(read_config_plan("{}").notes.size() == 1);
  CHECK(read_config_plan("no JSON").notes.size() == 1);
  CHECK(read_config_plan("").notes.size() == 1);
}

TEST_CASE("more files than anybody needs are left out", "[config-files]") {
  std::string list = "[";
  for (int i = 0; i < 150; ++i)
    list += R"({"file":"a","parser":"json","replace":[]},)";
  list.back() = ']';
  const auto plan = read_config_plan(list);
  CHECK(plan.files.size() == 100);
  CHECK(plan.notes.size() == 1);
}

} // namespace alula::jobs
