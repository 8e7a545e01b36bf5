#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

TEST_CASE("a line that begins with the match is replaced as a whole",
          "[config-files]") {
  CHECK(edited("file", "hostname \"old\"\nmaxplayers 12\n// hostname\n",
               {put("hostname", "hostname \"new\"")})
        == "hostname \"new\"\nmaxplayers 12\n// hostname\n");
}

TEST_CASE("every line that begins with the match is replaced",
          "[config-files]") {
  CHECK(edited("file", "port 1\nx\nport 2", {put("port", "port 3")})
        == "port 3\nx\nport 3");
}

TEST_CASE("of several matches the longest counts", "[config-files]") {
  const config_replacements wanted{put("sv_port", "sv_port 1"),
                                   put("sv_port_steam", "sv_port_steam 2")};
  CHECK(edited("file", "sv_port 9\nsv_port_steam 9\n", wanted)
        == "sv_port 1\nsv_port_steam 2\n");
}

TEST_CASE("a line that only contains the match is left", "[config-files]") {
  CHECK(edited("file", " port 1\n", {put("port", "port 3")}) == " port 1\n");
}

TEST_CASE("line ends of a plain file are kept", "[config-files]") {
  CHECK(edited("file", "a 1\r\nb 1\r\n", {put("a", "a 2")})
        == "a 2\r\nb 1\r\n");
}

TEST_CASE("nothing is added to a plain file", "[config-files]") {
  CHECK(edited("file", "", {put("port", "port 3")}).empty());
}

TEST_CASE("a line longer than 64 KiB does not end a plain file",
          "[config-files]") {
  const std::string text = std::string(100'000, 'x') + "\nport 1\n";
  CHECK(edited("file", text, {put("port", "port 2")})
        == std::string(100'000, 'x') + "\nport 2\n");
}

TEST_CASE("a plain file need not be UTF-8", "[config-files]") {
  CHECK(edited("file", "motd caf\xE9\nport 1\n", {put("port", "port 2")})
        == "motd caf\xE9\nport 2\n");
}

TEST_CASE("a plain file does not grow without limit", "[config-files]") {
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text += "a\n";
  CHECK(refusal("file", text, {put("a", std::string(60'000, 'a'))})
        == "It would become larger than 4 MiB.");
}

} // namespace alula::storage
