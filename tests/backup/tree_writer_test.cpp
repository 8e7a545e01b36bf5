#include "backup/tree_writer.hpp"
#include "tests/backup/deprived.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace alula::backup;
using alula::jobs::fault_code;
using outcome = tree_writer::outcome;

namespace {

/// A tree with one file.
tree_writer tree_in(const scratch_tree& place, const std::string& path) {
  auto tree = tree_writer::open(place.fd.get(), {});
  REQUIRE(tree);
  const auto at = tree->place(path);
  REQUIRE(at);
  auto file = new_file::create(*at, path);
  REQUIRE(file);
  REQUIRE(file->write(0, view_of("content")));
  REQUIRE(file->finish(7, {.mode = 0644}, {}));
  return std::move(*tree);
}

} // namespace

TEST_CASE("a node short of descriptors takes no file to be missing", "[tree]") {
  const scratch_tree place;
  auto tree = tree_in(place, "in/first");
  const auto without = [&](auto run) {
    const few_descriptors none{0};
    return run();
  };
  const auto linked =
      without([&] { return tree.make_hard_link("second", "in/first"); });
  REQUIRE_FALSE(linked);
  CHECK(linked.error().code == fault_code::io_error);
  CHECK_FALSE(without([&] { return tree.open_file("in/first"); }));
  CHECK(*tree.make_hard_link("second", "in/first") == outcome::made);
  CHECK_FALSE(without([&] { return tree.open_file("second"); }));
  CHECK(tree.open_file("second")->fd.is_open());
}

TEST_CASE("a hard link to what is not there is none", "[tree]") {
  const scratch_tree place;
  auto tree = tree_in(place, "in/first");
  for (const auto* missing : {"in/none", "none/first", "in"})
    CHECK(*tree.make_hard_link("second", missing) == outcome::no_target);
  for (const auto* missing : {"in/none", "none/first", "in"})
    CHECK_FALSE(tree.open_file(missing)->fd.is_open());
}
