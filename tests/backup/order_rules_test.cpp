#include "backup/order_rules.hpp"
#include "tests/backup/deprived.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace alula::backup;
using alula::jobs::archive_order;

TEST_CASE("a node short of descriptors does not take a volume to have no rules",
          "[rules]") {
  const scratch_tree volume;
  volume.write(".pteroignore", "*.log\n");
  const auto short_of = [&](const archive_order& order) {
    const few_descriptors none{0};
    return rules_for(volume.fd.get(), order);
  };
  const auto ordered = short_of({});
  REQUIRE_FALSE(ordered);
  CHECK(ordered.error().code == alula::jobs::fault_code::io_error);
  CHECK(ordered.error().where == ".pteroignore");
  CHECK(short_of({.ignore = "b.txt"})); // it is not asked for then
  CHECK(short_of({.is_whole = true}));
  const auto later = rules_for(volume.fd.get(), {});
  REQUIRE(later);
  CHECK(later->source == ignore_source::pteroignore);
  CHECK(later->rules.is_ignored("a.log"));
}

TEST_CASE("rules of a volume that cannot be read are noted", "[rules]") {
  const scratch_tree volume;
  volume.write(".pteroignore", "*.log\n");
  ::chmod(volume.root.c_str(), 0755);
  ::chmod((volume.root / ".pteroignore").c_str(), 0);
  const auto ordered = [&] {
    const plain_user me;
    return rules_for(volume.fd.get(), {});
  }();
  REQUIRE(ordered);
  CHECK(ordered->source == ignore_source::none);
  REQUIRE(ordered->notes.size() == 1);
  CHECK(ordered->notes[0].path == ".pteroignore");
  CHECK(ordered->notes[0].what.find("Permission denied") != std::string::npos);
}

TEST_CASE("what is no file has no rules, and nobody waits for it", "[rules]") {
  const scratch_tree volume;
  const auto file = volume.root / ".pteroignore";
  SECTION("nothing") {}
  SECTION("a fifo") {
    REQUIRE(::mkfifo(file.c_str(), 0644) == 0);
  }
  SECTION("a link") {
    volume.write("rules", "*.log\n");
    std::filesystem::create_symlink("rules", file);
  }
  SECTION("a directory") {
    std::filesystem::create_directory(file);
  }
  const auto ordered = rules_for(volume.fd.get(), {});
  REQUIRE(ordered);
  CHECK(ordered->source == ignore_source::none);
  CHECK(ordered->notes.empty());
}
