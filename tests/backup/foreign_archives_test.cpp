/// Archives that other programs wrote (tests/backup/foreign/make), through
/// everything that a node does with a backup.
#include "tests/backup/backup_place.hpp"
#include "tests/doubles/places.hpp"

#include <algorithm>
#include <sys/stat.h>

using namespace alula;
using namespace alula::backup;
namespace fs = std::filesystem;

namespace {

const auto backup_uuid =
    jobs::backup_id::parse("3f2b7c1e-90ab-4cde-8f01-23456789abcd").value();
const auto server =
    jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d").value();
const auto indexer =
    jobs::job_id::parse("0199c1de-0000-7000-8000-000000000002").value();
const std::string far =
    "deep/" + std::string(120, 'l') + "/" + std::string(120, 'l') + "/file";
constexpr time_t noon = 1'793'534'400; // 2026-11-01T12:00:00Z

/// What make fills its tree with.
contracts::archives_world::tree expected() {
  contracts::archives_world::tree out;
  for (const auto& path :
       {std::string{"world/level.dat"}, std::string{"world/region/r.0.0.mca"},
        std::string{"plugins/cache/ünï.yml"}, far, std::string{"run.sh"},
        std::string{"a b"}})
    out[path] = "the content of " + path + "\n";
  for (int i = 0; i < 100'000; ++i)
    out["logs.txt"] += "alula 0123456789\n";
  out["world/session.lock"] = "";
  out["hard"] = out["world/level.dat"];
  return out;
}

struct stat seen_at(const fs::path& path) {
  struct stat seen {};
  INFO(path);
  REQUIRE(::lstat(path.c_str(), &seen) == 0);
  return seen;
}

struct foreign_place {
  backup_place place;
  jobs::archives& port = place.port();

  explicit foreign_place(const std::string& writer) {
    fs::copy_file(fs::path{doubles::places::foreign_archives}
                      / (writer + ".tar.gz"),
                  place.backups.root / (backup_uuid.to_string() + ".tar.gz"));
  }
  jobs::result<jobs::extraction_made>
  extract(std::vector<std::string> paths = {}) {
    jobs::extraction_order order;
    order.backup = backup_uuid;
    order.paths = std::move(paths);
    return port.extract(order, place.staging(), {}, {});
  }
};

} // namespace

TEST_CASE("an archive of another program comes back whole", "[foreign]") {
  const auto writer = GENERATE(as<std::string>{}, "wings", "bsdtar",
                               "bsdtar-gnu", "busybox", "python", "python-gnu");
  INFO(writer);
  foreign_place on{writer};
  CHECK(on.port.verify(backup_uuid, {}, {}, {}));
  const auto size = on.port.content_size(backup_uuid, {}, {});
  REQUIRE(size);
  CHECK(size->bytes >= 1'700'000);
  const auto made = on.extract();
  REQUIRE(made);
  CHECK(made->noted == 0);
  auto staged = on.place.staged();
  staged.erase("link"); // read through
  CHECK(staged == expected());
  const auto& root = on.place.stage.root;
  for (const auto& [path, content] : expected())
    CHECK(seen_at(root / path).st_mtim.tv_sec == noon);
  CHECK((seen_at(root / "run.sh").st_mode & 07777) == 0755);
  CHECK((seen_at(root / "world/level.dat").st_mode & 07777) == 0600);
  if (writer == "wings") // which leaves out what follows
    return;
  CHECK(fs::read_symlink(root / "link") == "world/level.dat");
  CHECK(fs::is_empty(root / "empty"));
  CHECK(seen_at(root / "hard").st_ino
        == seen_at(root / "world/level.dat").st_ino);
}

TEST_CASE("an archive of another program can be looked into once indexed",
          "[foreign]") {
  const auto writer = GENERATE(as<std::string>{}, "wings", "bsdtar",
                               "bsdtar-gnu", "busybox", "python", "python-gnu");
  INFO(writer);
  foreign_place on{writer};
  REQUIRE(on.port.index(backup_uuid, server, indexer, {}, {}));
  CHECK((*on.port.inspect(backup_uuid))->server == server);
  const auto top = on.port.browse(backup_uuid, "", "", 100);
  REQUIRE(top);
  auto names = contracts::names_of(*top);
  std::erase(names, "empty");
  std::erase(names, "link");
  CHECK(names
        == std::vector<std::string>{"a b", "deep", "hard", "logs.txt",
                                    "plugins", "run.sh", "world"});
  for (const auto& [path, content] : expected()) {
    INFO(path);
    const auto reader = on.port.open_content(backup_uuid, path);
    REQUIRE(reader);
    CHECK(contracts::all_of(**reader) == content);
  }
  // The index is used for a restore of what is chosen, too.
  REQUIRE(on.extract({"world/region", "plugins/cache/ünï.yml"}));
  CHECK(on.place.staged().size() == 2);
}

TEST_CASE("a hard link to what was not chosen is noted, not lost in silence",
          "[foreign]") {
  foreign_place on{"bsdtar"}; // "hard" comes first, and holds the content
  const auto made = on.extract({"world"});
  REQUIRE(made);
  REQUIRE(made->noted == 1);
  CHECK(made->notes.at(0).path == "world/level.dat");
  CHECK(on.place.staged().size() == 2);
}

TEST_CASE("what is no tar is refused, and nothing is written", "[foreign]") {
  foreign_place on{"cpio"};
  const auto checked = on.port.verify(backup_uuid, {}, {}, {});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == jobs::fault_code::backup_damaged);
  CHECK_FALSE(on.extract());
  CHECK(on.place.staged().empty());
}
