#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

namespace {

constexpr const char* of_minecraft = R"(#Minecraft server properties
#Sat Nov 28 20:00:00 UTC 2026
enable-jmx-monitoring=false
rcon.port=25575
motd=A Minecraft Server
query.port=25565
# of the owner: do not touch
level-name=world
generator-settings={"layers"\:[{"block"\:"air","height"\:1}]}
server-ip=
server-port=25565
resource-pack=
)";

} // namespace

TEST_CASE("only the values of server.properties change", "[config-files]") {
  const auto text =
      edited("properties", of_minecraft,
             {put("server-ip", "0.0.0.0"), put("server-port", "25570"),
              put("query.port", "25570")});
  std::string expected = of_minecraft;
  const auto swap = [&](const std::string& was, const std::string& is) {
    expected.replace(expected.find(was), was.size(), is);
  };
  swap("server-ip=", "server-ip=0.0.0.0");
  swap("server-port=25565", "server-port=25570");
  swap("query.port=25565", "query.port=25570");
  CHECK(text == expected);
}

TEST_CASE("a property that says it already is left byte for byte",
          "[config-files]") {
  const std::string text = "server-port : 25565  \nmotd=\\u00A7aHi";
  CHECK(edited("properties", text, {put("motd", "§aHi")}) == text);
}

TEST_CASE("a missing property comes at the end", "[config-files]") {
  CHECK(edited("properties", "a=1", {put("b", "2")}) == "a=1\nb=2\n");
  CHECK(edited("properties", "", {put("server-port", "25565")})
        == "server-port=25565\n");
  CHECK(edited("properties", "a=1\r\n", {put("b c:d", "2")})
        == "a=1\r\nb\\ c\\:d=2\r\n");
}

TEST_CASE("characters beyond ASCII are escaped as Java reads them",
          "[config-files]") {
  CHECK(edited("properties", "motd=x\n", {put("motd", "§aHällo 😀")})
        == "motd=\\u00a7aH\\u00e4llo \\ud83d\\ude00\n");
}

TEST_CASE("backslashes and line breaks of a value are escaped",
          "[config-files]") {
  CHECK(edited("properties", "a=x\n", {put("a", "C:\\n\n  \tend ")})
        == "a=C:\\\\n\\n  \\tend \n");
  CHECK(edited("properties", "a=x\n", {put("a", " blank")}) == "a=\\ blank\n");
}

TEST_CASE("quotes of a value are kept as they are", "[config-files]") {
  CHECK(edited("properties", "a=x\n", {put("a", "\"say \"hi\"\"")})
        == "a=\"say \"hi\"\"\n");
}

TEST_CASE("placeholders in a value are not expanded", "[config-files]") {
  CHECK(edited("properties", "a=${b}\nb=${a}\n", {put("c", "${a}")})
        == "a=${b}\nb=${a}\nc=${a}\n");
}

TEST_CASE("a value over several lines is replaced with all of them",
          "[config-files]") {
  CHECK(edited("properties", "a=one,\\\n  two\nb=3\n", {put("a", "1")})
        == "a=1\nb=3\n");
}

TEST_CASE("keys are read through their escapes", "[config-files]") {
  CHECK(edited("properties", "a\\ b\\:c = 1\n", {put("a b:c", "2")})
        == "a\\ b\\:c = 2\n");
}

TEST_CASE("a property is separated as before", "[config-files]") {
  CHECK(edited("properties", "  a : 1\nb\t2\nc\n",
               {put("a", "x"), put("b", "y"), put("c", "z")})
        == "  a : x\nb\t=y\nc=z\n");
}

TEST_CASE("a property that is there twice says the same twice",
          "[config-files]") {
  CHECK(edited("properties", "a=1\na=2\n", {put("a", "3")}) == "a=3\na=3\n");
}

TEST_CASE("a property is replaced only if it has the value asked for",
          "[config-files]") {
  const config_replacements wanted{
      put_if("motd", "A Minecraft Server", "Welcome"),
      put_if("missing", "x", "y")};
  CHECK(edited("properties", "motd=A Minecraft Server\n", wanted)
        == "motd=Welcome\n");
  CHECK(edited("properties", "motd=Mine\n", wanted) == "motd=Mine\n");
}

TEST_CASE("a property is replaced by what of it matches", "[config-files]") {
  CHECK(edited("properties", "url=http://localhost:80/x\n",
               {put_if("url", "regex:localhost:(\\d+)", "10.0.0.1:$1")})
        == "url=http://10.0.0.1:80/x\n");
}

TEST_CASE("commented properties are no properties", "[config-files]") {
  CHECK(edited("properties", "#a=1\n!a=2\n\n", {put("a", "3")})
        == "#a=1\n!a=2\n\na=3\n");
}

TEST_CASE("broken escapes of properties harm nobody", "[config-files]") {
  const std::string text = "a=\\u12\nb=\\ud83d\nc=";
  CHECK(edited("properties", text + "\\", {put("x", "1")}) == text + "\nx=1\n");
}

} // namespace alula::storage
