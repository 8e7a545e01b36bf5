#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

using type = jobs::config_value::type;

TEST_CASE("JSON keeps the order of its keys and its indentation",
          "[config-files]") {
  CHECK(edited("json",
               "{\n  \"name\": \"old\",\n  \"max_players\": 0,\n"
               "  \"visibility\": {\n    \"public\": true,\n"
               "    \"lan\": true\n  },\n  \"tags\": []\n}",
               {put("name", "New"), put("visibility.public", "false"),
                put("max_players", "20")})
        == "{\n  \"name\": \"New\",\n  \"max_players\": 20,\n"
           "  \"visibility\": {\n    \"public\": false,\n"
           "    \"lan\": true\n  },\n  \"tags\": []\n}");
}

TEST_CASE("JSON that says it already is left byte for byte", "[config-files]") {
  const std::string text = "{ \"a\" :1, \"b\": [1,  2] }";
  CHECK(edited("json", text, {put("a", "1"), put("b[1]", "2")}) == text);
}

TEST_CASE("JSON on one line stays on one line", "[config-files]") {
  CHECK(edited("json", "{\"a\":1,\"b\":[1,2]}", {put("a", "2")})
        == "{\"a\":2,\"b\":[1,2]}");
}

TEST_CASE("JSON is indented by tabs where it was", "[config-files]") {
  CHECK(edited("json", "{\r\n\t\"a\": 1\r\n}\r\n", {put("a", "2")})
        == "{\r\n\t\"a\": 2\r\n}\r\n");
}

TEST_CASE("an empty JSON file becomes an object", "[config-files]") {
  CHECK(edited("json", "", {put("server.port", "25565")})
        == "{\n    \"server\": {\n        \"port\": 25565\n    }\n}\n");
  CHECK(edited("json", "\n", {put("a", "b")}) == "{\n    \"a\": \"b\"\n}\n");
  CHECK(edited("json", "{}", {put("a", "b")}) == "{\n    \"a\": \"b\"\n}");
}

TEST_CASE("a text of digits becomes a number", "[config-files]") {
  CHECK(edited("json", "{\"a\":\"x\",\"b\":1.5,\"c\":null}",
               {put("a", "-12"), put("b", "2.5"), put("c", "3")})
        == "{\"a\":-12,\"b\":2.5,\"c\":3}");
}

TEST_CASE("digits that are no number stay a string", "[config-files]") {
  CHECK(edited("json", "{\"pin\":1}", {put("pin", "007")})
        == "{\"pin\":\"007\"}");
  CHECK(edited("json", "{\"id\":\"x\"}", {put("id", "99999999999999999999")})
        == "{\"id\":\"99999999999999999999\"}");
  CHECK(edited("json", "{\"v\":\"1.19\"}", {put("v", "1.20")})
        == "{\"v\":\"1.20\"}");
}

TEST_CASE("a string of digits stays a string", "[config-files]") {
  CHECK(edited("json", "{\"password\":\"\",\"port\":\"1\"}",
               {put("password", "12345"), put("port", "2")})
        == "{\"password\":\"12345\",\"port\":\"2\"}");
}

TEST_CASE("a boolean stays a boolean", "[config-files]") {
  CHECK(edited("json", "{\"a\":true,\"b\":\"x\"}",
               {put("a", "false"), put("b", "true")})
        == "{\"a\":false,\"b\":\"true\"}");
}

TEST_CASE("values that the Panel typed keep their type", "[config-files]") {
  CHECK(edited("json", "{\"a\":1,\"b\":1,\"c\":1,\"d\":\"1\"}",
               {put_typed("a", {type::boolean, "true"}),
                put_typed("b", {type::number, "0.5"}),
                put_typed("c", {type::null, ""}),
                put_typed("d", {type::number, "7"})})
        == "{\"a\":true,\"b\":0.5,\"c\":null,\"d\":7}");
}

TEST_CASE("large and precise numbers of a JSON file survive",
          "[config-files]") {
  CHECK(edited("json",
               "{\"seed\":-8913466909937400889,\"f\":1e10,\"g\":0.10,\"a\":1}",
               {put("a", "2")})
        == "{\"seed\":-8913466909937400889,\"f\":1e10,\"g\":0.10,\"a\":2}");
}

TEST_CASE("every child is changed by a star", "[config-files]") {
  CHECK(edited("json",
               "{\"s\":{\"a\":{\"x\":1},\"b\":{},\"c\":null,\"d\":\"e\"}}",
               {put("s.*.x", "2")})
        == "{\"s\":{\"a\":{\"x\":2},\"b\":{\"x\":2},\"c\":null,\"d\":\"e\"}}");
  CHECK(edited("json", "{\"s\":[{\"x\":[{\"y\":1}]},{\"x\":[{\"y\":2}]}]}",
               {put("s.*.x.*.y", "3")})
        == "{\"s\":[{\"x\":[{\"y\":3}]},{\"x\":[{\"y\":3}]}]}");
}

TEST_CASE("nothing is made for a star to find", "[config-files]") {
  CHECK(edited("json", "{\"a\":null}",
               {put("servers.*.x", "1"), put("a.b.*.c", "1")})
        == "{\"a\":null}");
}

TEST_CASE("elements of lists are counted from 0", "[config-files]") {
  const std::string text = "{\"l\":[{\"p\":1},{\"p\":2}]}";
  CHECK(edited("json", text, {put("l[1].p", "3")})
        == "{\"l\":[{\"p\":1},{\"p\":3}]}");
  CHECK(edited("json", text, {put("l.0.p", "3")})
        == "{\"l\":[{\"p\":3},{\"p\":2}]}");
  CHECK(edited("json", "{\"l\":[[1,2]]}", {put("l[0][1]", "3")})
        == "{\"l\":[[1,3]]}");
}

TEST_CASE("the first element of a missing list is made", "[config-files]") {
  CHECK(edited("json", "{\"a\":1}", {put("l[0].p", "3"), put("m[0]", "x")})
        == "{\"a\":1,\"l\":[{\"p\":3}],\"m\":[\"x\"]}");
}

TEST_CASE("no other element of a list is made", "[config-files]") {
  const std::string text = "{\"l\":[1]}";
  CHECK(edited("json", text, {put("l[1]", "3")}) == text);
  CHECK(notes("json", text, {put("l[1]", "3")}).size() == 1);
  CHECK(edited("json", "{}", {put("a.l[1].x", "3")}) == "{}");
}

TEST_CASE("a key with dots is written with ~1", "[config-files]") {
  CHECK(edited("json", "{\"controller.http_port\":1}",
               {put("controller~1http_port", "2")})
        == "{\"controller.http_port\":2}");
  CHECK(edited("json", "{\"x\":1}", {put("a~1b~0c", "2")})
        == "{\"x\":1,\"a.b~c\":2}");
}

TEST_CASE("a key with dots that is there is found", "[config-files]") {
  CHECK(edited("json", "{\"server.port\":1}", {put("server.port", "2")})
        == "{\"server.port\":2}");
}

TEST_CASE("a path through a scalar harms no other", "[config-files]") {
  const config_replacements wanted{put("a.b", "2"), put("c", "3")};
  CHECK(edited("json", "{\"a\":1,\"c\":1}", wanted) == "{\"a\":1,\"c\":3}");
  CHECK(notes("json", "{\"a\":1,\"c\":1}", wanted)
        == std::vector<std::string>{"a.b leads through what has no keys."});
}

TEST_CASE("JSON is replaced only if it is the value asked for",
          "[config-files]") {
  const config_replacements wanted{put_if("a", "1", "2"), put_if("n", "1", "2"),
                                   put_if("s.*.t", "x", "y")};
  CHECK(
      edited("json", "{\"a\":1,\"s\":[{\"t\":\"x\"},{\"t\":\"z\"},{}]}", wanted)
      == "{\"a\":2,\"s\":[{\"t\":\"y\"},{\"t\":\"z\"},{}]}");
}

TEST_CASE("what is no JSON is left as it is", "[config-files]") {
  CHECK(refusal("json", "{\"a\":1,}", {put("a", "2")})
        == "It is not JSON from byte 8 on.");
  refusal("json", "// comment\n{}", {put("a", "2")});
  refusal("json", "{\"a\":\"\xFF\"}", {put("a", "2")});
  refusal("json", "{\"a\":1} x", {put("a", "2")});
}

TEST_CASE("JSON that is nested too deep is left as it is", "[config-files]") {
  CHECK(refusal("json", std::string(1'000'000, '['), {put("a", "2")})
        == "It is nested too deep.");
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += "{\"a\":";
  refusal("json", text + "1" + std::string(300, '}'), {put("a", "2")});
}

TEST_CASE("JSON of a million values is left as it is", "[config-files]") {
  std::string text = "[0";
  for (int i = 0; i < 1'000'000; ++i)
    text += ",0";
  CHECK(refusal("json", text + "]", {put("a", "2")})
        == "It has too many values.");
}

TEST_CASE("a path deeper than any file is no crash", "[config-files]") {
  std::string match = "a";
  for (int i = 0; i < 100'000; ++i)
    match += ".a";
  CHECK(edited("json", "{}", {put(match, "2")}) == "{}");
}

TEST_CASE("a star that would blow a file up is stopped", "[config-files]") {
  std::string text = "{\"s\":[{}";
  for (int i = 0; i < 20'000; ++i)
    text += ",{}";
  text += "]}";
  config_replacements wanted;
  for (int i = 0; i < 100; ++i)
    wanted.push_back(put("s.*.key" + std::to_string(i), "value"));
  const auto made = edit_config("json", text, wanted);
  CHECK((!made || made->text.size() <= max_config_bytes));
}

} // namespace alula::storage
