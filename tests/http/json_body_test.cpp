#include "http/json_body.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

json_body parsed(std::string_view text) {
  auto body = json_body::parse(text);
  REQUIRE(body);
  return std::move(body).value();
}

} // namespace

TEST_CASE("what is no JSON object is malformed", "[http]") {
  for (const auto* text : {"", "   ", "[]", "1", "\"a\"", "{", "{\"a\":}",
                           "{'a':1}", "{\"a\":1,}", "{\"a\":\"\xff\"}"}) {
    INFO(text);
    const auto body = json_body::parse(text);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == jobs::fault_code::malformed);
    CHECK_FALSE(body.error().what.empty());
  }
}

TEST_CASE("Wings' leniency is kept", "[http]") {
  SECTION("null is an empty object") {
    CHECK_FALSE(parsed("null").root().has("a"));
  }
  SECTION("what follows the first value is ignored") {
    CHECK(parsed("{\"a\":\"}x\"} trailing").root().text("a") == "}x");
    CHECK(parsed("{\"a\":\"\\\"}\"}{").root().text("a") == "\"}");
  }
  SECTION("keys match without regard to case, the exact one first") {
    CHECK(parsed("{\"UUID\":\"x\"}").root().text("uuid") == "x");
    CHECK(parsed("{\"UUID\":\"x\",\"uuid\":\"y\"}").root().text("uuid") == "y");
  }
  SECTION("unknown keys are ignored") {
    const auto body = parsed("{\"other\":1}");
    CHECK_FALSE(body.root().text("a"));
    CHECK(body.check());
  }
  SECTION("null stands for absent") {
    const auto body = parsed("{\"a\":null}");
    CHECK_FALSE(body.root().has("a"));
    CHECK_FALSE(body.root().text("a"));
    CHECK(body.check());
  }
}

TEST_CASE("nesting is bounded", "[http]") {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth), '[')
           + std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  CHECK(json_body::parse(nested(63)));
  CHECK_FALSE(json_body::parse(nested(64)));
  CHECK_FALSE(json_body::parse(nested(1'000'000)));
}

TEST_CASE("typed fields are read", "[http]") {
  const auto body = parsed(R"({"s":"x","b":true,"i":-5,"d":1.5,"u":7,
    "l":["a","b"],"o":{"k":"v"},"os":[{"n":1},{"n":2}],"e":"two"})");
  const auto& root = body.root();
  CHECK(root.text("s") == "x");
  CHECK(root.boolean("b") == true);
  CHECK(root.integer("i") == -5);
  CHECK(root.integer("u", 0, 10) == 7);
  CHECK(root.number("d") == 1.5);
  CHECK(root.texts("l") == std::vector<std::string>{"a", "b"});
  CHECK(root.object("o")->text("k") == "v");
  CHECK(root.objects("os")->at(1).integer("n") == 2);
  CHECK(root.one_of("e", {"one", "two"}) == "two");
  CHECK(root.raw("o") == "{\"k\":\"v\"}");
  CHECK(root.raw("absent").empty());
  CHECK(root.required_text("s") == "x");
  CHECK(body.check());
}

TEST_CASE("everything that is wrong is reported, with pointers", "[http]") {
  const auto body =
      parsed(R"({"s":1,"b":"yes","i":1.5,"big":18446744073709551615,
    "range":11,"l":["a",2],"o":{"a/b~c":5},"os":[{},3],"e":"three","long":"xxxx"})");
  const auto& root = body.root();
  CHECK_FALSE(root.text("s"));
  CHECK_FALSE(root.boolean("b"));
  CHECK_FALSE(root.integer("i"));
  CHECK_FALSE(root.integer("big"));
  CHECK_FALSE(root.integer("range", 0, 10));
  CHECK_FALSE(root.texts("l"));
  CHECK_FALSE(root.object("o")->text("a/b~c"));
  CHECK_FALSE(root.objects("os"));
  CHECK_FALSE(root.one_of("e", {"one", "two"}));
  CHECK_FALSE(root.text("long", 3));
  CHECK(root.required_text("missing").empty());
  root.reject("s", "is odd");
  const auto status = body.check();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == jobs::fault_code::validation);
  std::vector<std::string> pointers;
  for (const auto& field : status.error().fields)
    pointers.push_back(field.pointer);
  CHECK(pointers
        == std::vector<std::string>{"/s", "/b", "/i", "/big", "/range", "/l/1",
                                    "/o/a~1b~0c", "/os/1", "/e", "/long",
                                    "/missing", "/s"});
}

TEST_CASE("a required text must not be empty", "[http]") {
  const auto body = parsed("{\"reason\":\"\"}");
  CHECK(body.root().required_text("reason").empty());
  CHECK_FALSE(body.check());
}

TEST_CASE("errors are bounded", "[http]") {
  std::string text = "{\"l\":[0";
  for (int i = 0; i < 900; ++i)
    text += ",0";
  const auto body = parsed(text + "]}");
  CHECK_FALSE(body.root().texts("l"));
  CHECK(body.check().error().fields.size() == 100);
}
