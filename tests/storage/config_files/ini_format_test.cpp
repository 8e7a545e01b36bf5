#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

TEST_CASE("a key of a section of an ini file is replaced", "[config-files]") {
  CHECK(edited("ini",
               "; ARK\n[ServerSettings]\nRCONEnabled=True\n"
               "ServerPassword=\n\n[SessionSettings]\nSessionName=old\n"
               "Port=7777\n[/Script/Engine.GameSession]\nMaxPlayers=70\n",
               {put("SessionSettings.SessionName", "New Name"),
                put("[/Script/Engine.GameSession].MaxPlayers", "10"),
                put("ServerSettings.ServerPassword", "a#b")})
        == "; ARK\n[ServerSettings]\nRCONEnabled=True\n"
           "ServerPassword=a#b\n\n[SessionSettings]\nSessionName=New Name\n"
           "Port=7777\n[/Script/Engine.GameSession]\nMaxPlayers=10\n");
}

TEST_CASE("repeated keys and unknown lines of an ini file stay",
          "[config-files]") {
  const std::string text =
      "[/Script/ShooterGame.ShooterGameMode]\n"
      "ConfigOverrideItemMaxQuantity=(ItemClassString=\"A\")\n"
      "ConfigOverrideItemMaxQuantity=(ItemClassString=\"B\")\n"
      "!RemovedThing\n+Paths=a\n+Paths=b\nMatingIntervalMultiplier=1.0\n";
  auto expected = text;
  expected.replace(expected.find("=1.0"), 4, "=0.5");
  CHECK(edited("ini", text,
               {put("[/Script/ShooterGame.ShooterGameMode]."
                    "MatingIntervalMultiplier",
                    "0.5")})
        == expected);
}

TEST_CASE("a key may have dots behind its section", "[config-files]") {
  CHECK(edited("ini", "[SystemSettings]\nnet.AllowEncryption=true\n",
               {put("[SystemSettings].net.AllowEncryption", "false")})
        == "[SystemSettings]\nnet.AllowEncryption=false\n");
  CHECK(edited("ini", "[a]\nk[0]=1\n", {put("a.k[0]", "2")})
        == "[a]\nk[0]=2\n");
}

TEST_CASE("a key without a section is one before the first section",
          "[config-files]") {
  CHECK(edited("ini", "port = 1\n\n[other]\nport = 2\n", {put("port", "3")})
        == "port = 3\n\n[other]\nport = 2\n");
  CHECK(edited("ini", "[other]\nport=2\n", {put("port", "3")})
        == "port=3\n[other]\nport=2\n");
}

TEST_CASE("missing keys and sections of an ini file are made",
          "[config-files]") {
  CHECK(edited("ini", "", {put("Host Settings.ServerName", "x")})
        == "[Host Settings]\nServerName = x\n");
  CHECK(edited("ini", "[a]\nx=1\n\n[b]\ny=2\n",
               {put("a.z", "3"), put("c.w", "4")})
        == "[a]\nx=1\nz=3\n\n[b]\ny=2\n\n[c]\nw=4\n");
}

TEST_CASE("line ends of an ini file are kept", "[config-files]") {
  CHECK(edited("ini", "[a]\r\nx = 1\r\n", {put("a.x", "2"), put("a.y", "3")})
        == "[a]\r\nx = 2\r\ny = 3\r\n");
}

TEST_CASE("comments and quotes of an ini file are kept", "[config-files]") {
  CHECK(edited("ini",
               "[a]\nx = 1 ; one\ny = \"old\"\nz = 'old' # why\n;x = 3\n",
               {put("a.x", "2"), put("a.y", "new"), put("a.z", "new")})
        == "[a]\nx = 2 ; one\ny = \"new\"\nz = 'new' # why\n;x = 3\n");
  CHECK(edited("ini", "[a]\nx = ; nothing\n", {put("a.x", "2")})
        == "[a]\nx = 2 ; nothing\n");
}

TEST_CASE("an ini value that becomes empty takes no comment for its value",
          "[config-files]") {
  CHECK(edited("ini", "[a]\nx = 1 ; why\ny = 1 # why\n",
               {put("a.x", ""), put("a.y", "")})
        == "[a]\nx =  ; why\ny = \n");
}

TEST_CASE("an ini value that looks like a comment is quoted",
          "[config-files]") {
  CHECK(edited("ini", "[a]\nx=1\n", {put("a.x", "abc #1")})
        == "[a]\nx=\"abc #1\"\n");
  CHECK(edited("ini", "[a]\ncolour=#ffffff\n", {put("a.colour", "#000000")})
        == "[a]\ncolour=#000000\n");
}

TEST_CASE("a list in quotes is no quoted ini value", "[config-files]") {
  CHECK(edited("ini", "[a]\nx=\"b\",\"c\"\n", {put("a.x", "d")})
        == "[a]\nx=d\n");
}

TEST_CASE("an ini value with a line break is refused", "[config-files]") {
  const config_replacements wanted{put("a.x", "1\n[b]\ny=2")};
  CHECK(edited("ini", "[a]\nx=1\n", wanted) == "[a]\nx=1\n");
  CHECK(notes("ini", "[a]\nx=1\n", wanted).size() == 1);
}

TEST_CASE("an ini value is replaced only if it is the one asked for",
          "[config-files]") {
  const config_replacements wanted{put_if("a.x", "old", "new")};
  CHECK(edited("ini", "[a]\nx=old\n", wanted) == "[a]\nx=new\n");
  CHECK(edited("ini", "[a]\nx=mine\n", wanted) == "[a]\nx=mine\n");
  CHECK(edited("ini", "[a]\n", wanted) == "[a]\n");
}

TEST_CASE("the last line of an ini file need not end", "[config-files]") {
  CHECK(edited("ini", "[a]\nx=1", {put("a.y", "2")}) == "[a]\nx=1\ny=2\n");
  CHECK(edited("ini", "[a]\nx=1", {put("a.x", "2")}) == "[a]\nx=2");
}

} // namespace alula::storage
