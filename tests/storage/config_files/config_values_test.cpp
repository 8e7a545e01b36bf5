#include "storage/config_files/config_values.hpp"
#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

namespace {

const node_values node{{"docker.network.interface", "172.18.0.1"},
                       {"system.timezone", "Europe/Oslo"}};

std::string resolved(std::string_view text) {
  std::vector<std::string> notes;
  auto made = resolve_lookups(text, node, notes);
  CHECK(notes.empty());
  return made;
}

std::string made_of(const std::string& current, const std::string& pattern,
                    const std::string& text) {
  const auto made = value_for(put_if("k", "regex:" + pattern, text), current);
  return made ? made->text : "(stays)";
}

} // namespace

TEST_CASE("values of the node are put in", "[config-files]") {
  CHECK(resolved("{{config.docker.network.interface}}:25565")
        == "172.18.0.1:25565");
  CHECK(resolved("{{ config.docker.network.interface }}") == "172.18.0.1");
  CHECK(resolved("a {{config.system.timezone}} b "
                 "{{config.docker.network.interface}}")
        == "a Europe/Oslo b 172.18.0.1");
  CHECK(resolved("{{config.docker.Network.Interface}}") == "172.18.0.1");
}

TEST_CASE("placeholders of others stay", "[config-files]") {
  CHECK(resolved("{{server.build.default.port}} {{x}} {{config}}")
        == "{{server.build.default.port}} {{x}} {{config}}");
}

TEST_CASE("a value the node does not give away stays a placeholder",
          "[config-files]") {
  std::vector<std::string> notes;
  CHECK(resolve_lookups("a {{config.token}} b", node, notes)
        == "a {{config.token}} b");
  CHECK(notes
        == std::vector<std::string>{
            "The node has no value of the name config.token."});
}

TEST_CASE("a value that is not there is never the one asked for",
          "[config-files]") {
  CHECK(value_for(put("k", "x"), std::nullopt));
  CHECK_FALSE(value_for(put_if("k", "y", "x"), std::nullopt));
  CHECK_FALSE(value_for(put_if("k", "regex:.*", "x"), std::nullopt));
}

TEST_CASE("every match of a pattern is replaced", "[config-files]") {
  CHECK(made_of("a-b-c", "-", "+") == "a+b+c");
  CHECK(made_of("localhost:80", "^(127\\.0\\.0\\.1|localhost)(:\\d+)?$",
                "10.0.0.1$2")
        == "10.0.0.1:80");
  CHECK(made_of("example.org", "^localhost$", "x") == "(stays)");
  CHECK(made_of("abc", "x*", "-") == "-a-b-c-");
}

TEST_CASE("groups of a pattern are put in as Go does", "[config-files]") {
  CHECK(made_of("ab", "(a)(b)", "$2$1") == "ba");
  CHECK(made_of("ab", "(a)(b)", "${1}x$$") == "ax$");
  CHECK(made_of("ab", "(a)(b)", "$1x") == ""); // the group named "1x"
  CHECK(made_of("ab", "(?P<first>a)b", "$first!${first}") == "a!a");
  CHECK(made_of("ab", "ab", "$9|$|${|$ x") == "|$|${|$ x");
}

TEST_CASE("a broken or costly pattern replaces nothing", "[config-files]") {
  CHECK(made_of("a", "(", "x") == "(stays)");
  CHECK(made_of(std::string(50'000, 'a'), "(a*)*b", "x") == "(stays)");
  CHECK(made_of(std::string(50'000, 'a'), "a", std::string(100, 'b'))
        == "(stays)");
}

TEST_CASE("a pattern is no pattern without its mark", "[config-files]") {
  CHECK(value_for(put_if("k", "a.c", "x"), "a.c"));
  CHECK_FALSE(value_for(put_if("k", "a.c", "x"), "abc"));
}

} // namespace alula::storage
