// What a merge keeps of the volume, and how it is taken back.
#include "tests/storage/merge_place.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <sys/stat.h>

namespace alula::storage {

TEST_CASE("a merge can be told by what it has kept", "[storage]") {
  merge_place place;
  for (int i = 0; i < 120; ++i) {
    place.in_volume("many/" + std::to_string(i), "old");
    place.in_tree("many/" + std::to_string(i), "newer");
  }
  place.in_volume("world/deep/level.dat", "old");
  place.in_tree("world/deep/level.dat", "new");
  place.in_tree("world/deep/new", "new");
  std::int64_t told = 0;
  REQUIRE(place.opened->merge(origin::staging, staged_tree, server, entry, {},
                              [&](std::int64_t so_far) { told = so_far; }));
  for (int i = 0; i < 200; ++i)
    fs::create_directories(place.in_trash() / "empty" / std::to_string(i));
  int signs = 0;
  const auto account =
      place.opened->account_of_merge(entry, {}, [&](const auto&) { ++signs; });
  CHECK(signs > 0);
  REQUIRE(account);
  CHECK(account->replaced == 121);
  CHECK(account->bytes == 121 * 3);
  CHECK(account->added == 1);
  CHECK(account->paths.size() == 100);
  CHECK(std::ranges::all_of(account->paths, [](const std::string& path) {
    return path == "world/deep/level.dat" || path.starts_with("many/");
  }));
  CHECK(told == 0); // fewer than anybody waits for
  CHECK_FALSE(place.opened->account_of_merge("../x", {}));
}

TEST_CASE("what a merge put aside can be merged back", "[storage]") {
  merge_place place;
  place.in_volume("a/b/file", "old");
  place.in_tree("a/b/file", "new");
  REQUIRE(::chmod((place.volume() / "a/b").c_str(), 0750) == 0);
  set_time(place.volume() / "a/b", 1'000'000);
  REQUIRE(::chmod((place.staged(staged_tree) / "a/b").c_str(), 0705) == 0);
  set_time(place.staged(staged_tree) / "a/b", 1);
  REQUIRE(place.merge());
  CHECK((stat_of(place.volume() / "a/b").st_mode & 07777) == 0705);
  REQUIRE(place.opened->merge(origin::trash, entry, server, "undone", {}));
  CHECK(place.now("a/b/file") == "old");
  CHECK((stat_of(place.volume() / "a/b").st_mode & 07777) == 0750);
  CHECK(stat_of(place.volume() / "a/b").st_mtime == 1'000'000);
  CHECK(text_of(place.root / "trash/undone/a/b/file") == "new");
  CHECK_FALSE(fs::exists(place.in_trash()));
}

TEST_CASE("what a merge has made is taken out when it is taken back",
          "[storage]") {
  merge_place place;
  place.in_volume("world/level.dat", "old");
  place.in_volume("mods/mine", "mine");
  place.in_tree("world/level.dat", "new");
  place.in_tree("world/region/r.0.0.mca", "new");
  place.in_tree("plugins/a.jar", "new");
  place.in_tree("mods/odd\nname", "new");
  REQUIRE(place.merge());
  place.in_volume("plugins/config", "made since");
  REQUIRE(place.opened->merge(origin::trash, entry, server, "undone", {}));
  CHECK(place.now("world/level.dat") == "old");
  CHECK_FALSE(fs::exists(place.volume() / "world/region"));
  CHECK_FALSE(fs::exists(place.volume() / "plugins"));
  CHECK_FALSE(fs::exists(place.volume() / "mods/odd\nname"));
  CHECK(place.now("mods/mine") == "mine");
  const auto undone = place.root / "trash/undone";
  CHECK(text_of(undone / "plugins/config") == "made since");
  CHECK(text_of(undone / "world/region/r.0.0.mca") == "new");
  CHECK_FALSE(fs::exists(place.root / "trash" / (entry + ".new")));
  // And once more.
  REQUIRE(place.opened->merge(origin::trash, "undone", server, "again", {}));
  CHECK(place.now("world/level.dat") == "new");
  CHECK(place.now("plugins/a.jar") == "new");
  CHECK(place.now("plugins/config") == "made since");
}

TEST_CASE("a name that a crash has torn spoils neither the next nor the undo",
          "[storage]") {
  merge_place place;
  place.in_volume("wor", "the server's own");
  place.in_tree("world", "of the backup");
  const auto list = place.root / "trash" / (entry + ".new");
  write_file(list, std::string{"old"} + '\0' + "wor");
  REQUIRE(place.merge());
  CHECK(text_of(list) == std::string{"old"} + '\0' + "world" + '\0');
  REQUIRE(place.opened->merge(origin::trash, entry, server, "undone", {}));
  CHECK(place.now("wor") == "the server's own");
  CHECK_FALSE(fs::exists(place.volume() / "world"));
}

TEST_CASE("a list of names that is none of ours does no harm", "[storage]") {
  merge_place place;
  place.in_volume("world/level.dat", "old");
  place.in_tree("world/level.dat", "new");
  REQUIRE(place.merge());
  write_file(place.root / "outside", "x");
  const std::string list = std::string{"../../outside"} + '\0' + ".." + '\0'
                           + "/etc/hostname" + '\0' + "world/" + '\0' + '\0'
                           + std::string(1 << 20, 'a');
  write_file(place.root / "trash" / (entry + ".new"), list);
  (void)place.opened->merge(origin::trash, entry, server, "undone", {});
  CHECK(text_of(place.root / "outside") == "x");
  CHECK(fs::exists("/etc/hostname"));
  CHECK(fs::exists(place.volume() / "world"));
}

TEST_CASE("what was made anew over a kept file is kept beside it",
          "[storage]") {
  merge_place place;
  const std::string name(255, 'n');
  place.in_tree(name, "new");
  place.in_volume(name, "made anew");
  fs::create_directories(place.in_trash());
  write_file(place.in_trash() / name, "old");
  REQUIRE(place.merge());
  CHECK(place.now(name) == "new");
  CHECK(place.kept(name) == "old");
  CHECK(place.kept(std::string(253, 'n') + ".1") == "made anew");
}

} // namespace alula::storage
