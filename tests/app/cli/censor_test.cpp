#include "app/cli/censor.hpp"

#include <catch2/catch.hpp>

namespace alula::app::cli {

TEST_CASE("a secret that was named is hidden wherever it stands", "[app]") {
  censor black;
  black.hide("hunter22");
  CHECK(black.read("hunter22 said hunter22!") == "(hidden) said (hidden)!\n");
  CHECK(black.read("in\nhunter22\nlines") == "in\n(hidden)\nlines\n");
}

TEST_CASE("a secret of a letter or two does not black out words", "[app]") {
  censor black;
  black.hide("a");
  black.hide("");
  CHECK(black.read("a cat") == "a cat\n");
}

TEST_CASE("values of keys that are named like secrets are hidden", "[app]") {
  const censor black;
  CHECK(black.read("token: abc def\nport: 8080\n")
        == "token: (hidden)\nport: 8080\n");
  CHECK(black.read("  - secret_key: 'x'") == "  - secret_key: (hidden)\n");
  CHECK(black.read("\"API_Token\" : \"x\",") == "\"API_Token\" : (hidden)\n");
  CHECK(black.read("a: {secret_key: abc, region: eu, password: \"d, e\"}")
        == "a: {secret_key: (hidden), region: eu, password: (hidden)}\n");
}

TEST_CASE("bearers, signed links and passwords of URLs are hidden", "[app]") {
  const censor black;
  CHECK(black.read("Authorization: Bearer abc.def")
        == "Authorization: Bearer (hidden)\n");
  CHECK(black.read("GET /download?token=abc&x=1")
        == "GET /download?token=(hidden)&x=1\n");
  CHECK(black.read("https://b/o?X-Amz-Signature=ab12&X-Amz-Date=7")
        == "https://b/o?X-Amz-Signature=(hidden)&X-Amz-Date=7\n");
  CHECK(black.read("https://me:word@host/") == "https://me:(hidden)@host/\n");
}

TEST_CASE("a byte that is no text does not end a secret", "[app]") {
  const censor black;
  CHECK(black.read("token: ab\xff\x01zz") == "token: (hidden)\n");
  CHECK(black.read("?token=ab\xffzz&") == "?token=(hidden)&\n");
}

TEST_CASE("a line of many megabytes is read like any other", "[app]") {
  const censor black;
  const std::string long_word(std::size_t{8} << 20, 'a');
  CHECK(black.read(long_word) == long_word + '\n');
  CHECK(black.read("token: " + long_word) == "token: (hidden)\n");
  CHECK(black.read("://" + long_word + " Bearer x")
        == "://" + long_word + " Bearer (hidden)\n");
  // What made a search that goes back take for ever.
  std::string commas;
  for (int i = 0; i < 1 << 20; ++i)
    commas += ", token";
  CHECK(black.read(commas) == commas + '\n');
}

} // namespace alula::app::cli
