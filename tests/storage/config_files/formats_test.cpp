#include "tests/storage/config_files/edits.hpp"

#include <array>
#include <random>

namespace alula::storage {

namespace {

constexpr std::array parsers{"file", "properties", "ini",
                             "json", "yaml",       "xml"};

} // namespace

TEST_CASE("an unknown parser leaves the file", "[config-files]") {
  CHECK(refusal("toml", "a = 1", {put("a", "2")})
        == "There is no parser of the name that the egg gives.");
}

TEST_CASE("a file larger than 4 MiB is left", "[config-files]") {
  const std::string text(max_config_bytes + 1, ' ');
  for (const auto* parser : parsers)
    CHECK(refusal(parser, text, {put("a", "2")}) == "It is larger than 4 MiB.");
}

TEST_CASE("a file with NUL bytes is left", "[config-files]") {
  for (const auto* parser : parsers)
    refusal(parser, std::string_view{"a=1\0b=2", 7}, {put("a", "2")});
}

TEST_CASE("without replacements no file changes", "[config-files]") {
  CHECK(edited("json", "{ }\n\n", {}) == "{ }\n\n");
  CHECK(edited("yaml", "a:   1  # x\n", {}) == "a:   1  # x\n");
  CHECK(edited("xml", "<a  x = '1' />", {}) == "<a  x = '1' />");
  CHECK(edited("ini", "[a ]\n x=1", {}) == "[a ]\n x=1");
  CHECK(edited("properties", "a : 1\\\n 2", {}) == "a : 1\\\n 2");
}

TEST_CASE("whatever a file says, a parser ends and means it",
          "[config-files]") {
  // Random files of the characters that mean something to the formats.
  const std::string alphabet = "aab1:=-#\"'{}[],&*!|>%@`~?\\/<$. \t\r\n\n\xC3";
  std::mt19937 random{20'261'129};
  const config_replacements wanted{put("a", "1"), put("a.b", "x y"),
                                   put("b[0].a", "2"), put("*.b", "3"),
                                   put_if("a", "regex:.", "$0#")};
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (auto size = random() % 60; size > 0; --size)
      text += alphabet[random() % alphabet.size()];
    for (const auto* parser : parsers) {
      const auto once = edit_config(parser, text, wanted);
      CAPTURE(parser, text);
      if (once)
        CHECK(edit_config(parser, once->text, {}));
    }
  }
}

} // namespace alula::storage
