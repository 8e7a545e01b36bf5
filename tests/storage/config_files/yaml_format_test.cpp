#include "tests/storage/config_files/edits.hpp"

#include <utility>

namespace alula::storage {

namespace {

using type = jobs::config_value::type;

std::string with(std::string text, const std::string& was,
                 const std::string& is) {
  REQUIRE(text.find(was) != std::string::npos);
  return text.replace(text.find(was), was.size(), is);
}

constexpr const char* of_bungeecord = R"(# BungeeCord of the house
server_connect_timeout: 5000
listeners:
- query_port: 25577
  motd: '&1Another Bungee server'
  tab_list: GLOBAL_PING
  # Players land here first:
  priorities:
  - lobby
  bind_local_address: true
  host: 0.0.0.0:25577
  max_players: 1
servers:
  lobby:
    motd: '&1Just another BungeeCord - Forced Host'
    address: localhost:25565 # moved in May
    restricted: false
  games:
    motd: "Games"
    address: 192.168.1.7:25566
    restricted: false
groups:
  md_5:
  - admin
online_mode: true
)";

constexpr const char* of_spigot = R"(
# This is the main configuration file for Spigot.
# As you can see, there's tons to configure.

settings:
  debug: false
  bungeecord: false
  restart-script: ./start.sh
  player-shuffle: 0
messages:
  whitelist: You are not whitelisted on this server!
  unknown-command: Unknown command. Type "/help" for help.
world-settings:
  default:
    verbose: false
    view-distance: default
    mob-spawn-range: 8
config-version: 12
)";

} // namespace

TEST_CASE("only words of BungeeCord's config.yml change", "[config-files]") {
  auto expected =
      with(of_bungeecord, "host: 0.0.0.0:25577", "host: 0.0.0.0:25600");
  expected = with(expected, "query_port: 25577", "query_port: 25600");
  expected =
      with(expected, "address: localhost:25565", "address: 172.18.0.1:25565");
  CHECK(edited("yaml", of_bungeecord,
               {put("listeners[0].query_port", "25600"),
                put("listeners[0].host", "0.0.0.0:25600"),
                put_if("servers.*.address",
                       "regex:^(127\\.0\\.0\\.1|localhost)(:\\d{1,5})?$",
                       "172.18.0.1$2")})
        == expected);
}

TEST_CASE("only words of spigot.yml change", "[config-files]") {
  auto expected = with(of_spigot, "bungeecord: false", "bungeecord: true");
  expected = with(expected, "restart-script: ./start.sh",
                  "restart-script: './run it.sh'");
  expected = with(expected, "view-distance: default", "view-distance: 6");
  CHECK(edited("yml", of_spigot,
               {put("settings.bungeecord", "true"),
                put("settings.restart-script", "./run it.sh"),
                put("world-settings.default.view-distance", "6")})
        == expected);
}

TEST_CASE("YAML that says it already is left byte for byte", "[config-files]") {
  CHECK(edited("yaml", of_bungeecord,
               {put("listeners[0].max_players", "1"),
                put("listeners[0].motd", "&1Another Bungee server"),
                put("servers.games.motd", "Games"), put("online_mode", "true")})
        == of_bungeecord);
}

TEST_CASE("missing keys of YAML come behind their neighbours",
          "[config-files]") {
  auto expected =
      with(of_spigot, "  player-shuffle: 0\n",
           "  player-shuffle: 0\n  timeout-time: 60\n  deep:\n    key: x\n");
  expected = with(expected, "config-version: 12\n",
                  "config-version: 12\nnew: 'yes'\n");
  CHECK(edited("yaml", of_spigot,
               {put("settings.timeout-time", "60"),
                put("settings.deep.key", "x"), put("new", "yes")})
        == expected);
}

TEST_CASE("missing keys of a map in a list are made", "[config-files]") {
  CHECK(edited("yaml", "l:\n- a: 1\n  b: 2\n- a: 3\n",
               {put("l[0].c", "4"), put("l[1].c", "5")})
        == "l:\n- a: 1\n  b: 2\n  c: 4\n- a: 3\n  c: 5\n");
}

TEST_CASE("an empty YAML file is filled", "[config-files]") {
  const config_replacements wanted{put("a.b.c", "x"), put("a.d", "1"),
                                   put("l[0].host", "0.0.0.0:1")};
  const std::string filled =
      "a:\n  b:\n    c: x\n  d: 1\nl:\n  - host: 0.0.0.0:1\n";
  CHECK(edited("yaml", "", wanted) == filled);
  CHECK(edited("yaml", "# mine\n", wanted) == "# mine\n" + filled);
  CHECK(edited("yaml", "# mine", wanted) == "# mine\n" + filled);
}

TEST_CASE("a YAML key without a value gets one", "[config-files]") {
  CHECK(edited("yaml", "a:\nb: ~\nc: # why\nd: null\ne:\n",
               {put("a", "1"), put("b", "x"), put("c", "3"), put("d.k", "v"),
                put("e.k", "z")})
        == "a: 1\nb: x\nc: 3 # why\nd: {k: v}\ne:\n  k: z\n");
}

TEST_CASE("YAML in brackets stays in brackets", "[config-files]") {
  CHECK(edited("yaml", "m: {a: 1, b: [x, 'y']}\ne: {}\n",
               {put("m.a", "2"), put("m.b[1]", "z"), put("m.c", "3"),
                put("e.k", "v")})
        == "m: {c: 3, a: 2, b: [x, 'z']}\ne: {k: v}\n");
}

TEST_CASE("strings of YAML are quoted where they need it", "[config-files]") {
  const auto value = [](const std::string& text) {
    return edited("yaml", "a: b\n", {put("a", text)});
  };
  CHECK(value("true") == "a: 'true'\n");
  CHECK(value("no") == "a: 'no'\n");
  CHECK(value("null") == "a: 'null'\n");
  CHECK(value("") == "a: ''\n");
  CHECK(value("007") == "a: '007'\n");
  CHECK(value("1.5") == "a: '1.5'\n");
  CHECK(value("12:30:00") == "a: '12:30:00'\n");
  CHECK(value("2026-11-29") == "a: '2026-11-29'\n");
  CHECK(value("0x1F") == "a: '0x1F'\n");
  CHECK(value("&aHi: #1") == "a: '&aHi: #1'\n");
  CHECK(value("it's") == "a: 'it''s'\n");
  CHECK(value("- x") == "a: '- x'\n");
  CHECK(value("x: y") == "a: 'x: y'\n");
  CHECK(value("{{x}}") == "a: '{{x}}'\n");
  CHECK(value("one\ntwo\t\"3\"\\") == "a: \"one\\ntwo\\t\\\"3\\\"\\\\\"\n");
  CHECK(value("§agrün") == "a: §agrün\n");
  CHECK(value("10.0.0.1:25565") == "a: 10.0.0.1:25565\n");
}

TEST_CASE("quotes of YAML are kept", "[config-files]") {
  CHECK(edited("yaml", "a: 'b' # c\nd: \"e\"\nf: '1'\n",
               {put("a", "x"), put("d", "y"), put("f", "2")})
        == "a: 'x' # c\nd: \"y\"\nf: '2'\n");
}

TEST_CASE("values of YAML that the Panel typed keep their type",
          "[config-files]") {
  CHECK(edited("yaml", "a: x\nb: x\nc: x\nd: yes\n",
               {put_typed("a", {type::boolean, "true"}),
                put_typed("b", {type::number, "0.5"}),
                put_typed("c", {type::null, ""}), put("d", "false")})
        == "a: true\nb: 0.5\nc: null\nd: false\n");
}

TEST_CASE("values over several lines are replaced whole", "[config-files]") {
  CHECK(edited("yaml",
               "a: |\n  one\n\n  two\nb: one\n  two\nc:\n  d: 1\n"
               "e: \"one\n  two\"\nf: 1 # last\n",
               {put("a", "x"), put("b", "v"), put("c", "z"), put("e", "w")})
        == "a: x\nb: v\nc: z\ne: \"w\"\nf: 1 # last\n");
}

TEST_CASE("line ends of YAML are kept", "[config-files]") {
  CHECK(edited("yaml", "a: 1\r\nb:\r\n  c: 2\r\n",
               {put("a", "3"), put("b.d", "4"), put("e", "5")})
        == "a: 3\r\nb:\r\n  c: 2\r\n  d: 4\r\ne: 5\r\n");
  CHECK(edited("yaml", "a: 1", {put("a", "2"), put("b", "3")}) == "a: 2\nb: 3");
}

TEST_CASE("a byte order mark is kept", "[config-files]") {
  CHECK(edited("yaml",
               "\xEF\xBB\xBF"
               "a: 1\n",
               {put("a", "2")})
        == "\xEF\xBB\xBF"
           "a: 2\n");
}

TEST_CASE("aliases of YAML are replaced, what they stand for is not",
          "[config-files]") {
  CHECK(edited("yaml", "a: &x 1\nb: *x\nc: {d: *x}\n", {put("b", "2")})
        == "a: &x 1\nb: 2\nc: {d: *x}\n");
  CHECK(edited("yaml", "a: &x {k: 1}\nb: *x\n", {put("a.k", "2")})
        == "a: &x {k: 2}\nb: *x\n");
  const std::string text = "a: &x {k: 1}\nb: *x\n";
  CHECK(edited("yaml", text, {put("b.k", "2")}) == text);
  CHECK(notes("yaml", text, {put("b.k", "2")}).size() == 1);
}

TEST_CASE("a key beside a merged map is its own", "[config-files]") {
  CHECK(
      edited("yaml", "d: &d\n  p: 1\nb:\n  <<: *d\n  q: 2\n", {put("b.p", "3")})
      == "d: &d\n  p: 1\nb:\n  <<: *d\n  q: 2\n  p: 3\n");
}

TEST_CASE("of several YAML documents the first is changed", "[config-files]") {
  CHECK(edited("yaml", "---\na: 1\n---\na: 2\n", {put("a", "3")})
        == "---\na: 3\n---\na: 2\n");
  CHECK(edited("yaml", "a: 1\n...\n", {put("b", "3")}) == "a: 1\nb: 3\n...\n");
}

TEST_CASE("tags of YAML survive beside what changes", "[config-files]") {
  CHECK(edited("yaml", "a: !!str 5\nb: !thing {x: 1}\nc: 1\n",
               {put("c", "2"), put("b.x", "2")})
        == "a: !!str 5\nb: !thing {x: 2}\nc: 2\n");
}

TEST_CASE("YAML that cannot be changed word by word is written anew",
          "[config-files]") {
  const std::string text = "# gone\na:\n-\n- b: 'c'\n  d: 1\n";
  CHECK(edited("yaml", text, {put("a[0]", "x")})
        == "a:\n  - x\n  - b: c\n    d: 1\n");
  CHECK(notes("yaml", text, {put("a[0]", "x")})
        == std::vector<std::string>{"Its comments could not be kept."});
}

TEST_CASE("what is no YAML of keys is left as it is", "[config-files]") {
  CHECK(refusal("yaml", "a: 1\nb: [1\nc: 2\n", {put("a", "2")})
            .starts_with("It is not YAML in line "));
  refusal("yaml", "- a\n", {put("a", "2")});
  refusal("yaml", "just text\n", {put("a", "2")});
  refusal("yaml", "a: *nobody\n", {put("a", "2")});
  refusal("yaml", "[1, 2]: x\n", {put("a", "2")});
  refusal("yaml", "a: caf\xE9\n", {put("a", "2")});
  refusal("yaml", std::string("a: 1\0b", 6), {put("a", "2")});
  refusal("yaml",
          "\xFF\xFE"
          "a\0:\0",
          {put("a", "2")});
}

TEST_CASE("a bomb of aliases stays as small as it is", "[config-files]") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const auto below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int k = 0; k < 9; ++k)
      text += ", " + below;
    text += "]\n";
  }
  CHECK(edited("yaml", text + "port: 1\n", {put("port", "2")})
        == text + "port: 2\n");
}

TEST_CASE("YAML that is nested too deep is left as it is", "[config-files]") {
  refusal("yaml", std::string(100'000, '['), {put("a", "2")});
  refusal("yaml", std::string(100'000, '{'), {put("a", "2")});
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  refusal("yaml", text, {put("a", "2")});
  refusal("yaml", std::string(2'000, '-') + " a", {put("a", "2")});
}

TEST_CASE("strange keys of YAML are found", "[config-files]") {
  CHECK(edited(
            "yaml", "'a b': 1\n\"c:d\": 2\ne.f: 3\n4: 4\n",
            {put("a b", "5"), put("c:d", "6"), put("e~1f", "7"), put("4", "8")})
        == "'a b': 5\n\"c:d\": 6\ne.f: 7\n4: 8\n");
}

TEST_CASE("the last of two equal YAML keys counts", "[config-files]") {
  CHECK(edited("yaml", "a: 1\na: 2\n", {put("a", "3")}) == "a: 1\na: 3\n");
}

} // namespace alula::storage
