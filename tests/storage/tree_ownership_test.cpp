#include "storage/tree_ownership.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::storage {

namespace {

constexpr uid_t uid = 1234;
constexpr gid_t gid = 2345;

/// A volume whose files belong to whoever runs the test.
struct owned_tree {
  disk place;
  directory root;

  owned_tree() {
    REQUIRE(place.opened->create(server));
    auto opened = open_root(place.volume(), std::nullopt);
    REQUIRE(opened);
    root = std::move(*opened);
  }
  fs::path at(const std::string& path) const { return place.volume() / path; }
  ownership_change own(std::stop_token stop = {}) const {
    const auto made = own_tree(root, uid, gid, stop);
    REQUIRE(made);
    return *made;
  }
};

bool is_owned(const fs::path& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_uid == uid && found.st_gid == gid;
}

} // namespace

TEST_CASE("everything in a volume comes to belong to the server user",
          "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  const owned_tree w;
  fs::create_directories(w.at("a/b"));
  write_file(w.at("a/b/c"));
  REQUIRE(::mkfifo(w.at("a/fifo").c_str(), 0600) == 0);
  const auto once = w.own();
  CHECK(once.changed == 5);
  CHECK(once.left == 0);
  for (const auto* path : {"", "a", "a/b", "a/b/c", "a/fifo"})
    CHECK(is_owned(w.at(path)));
  CHECK(w.own().changed == 0);
}

TEST_CASE("a link is owned itself, not what it leads to", "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  const owned_tree w;
  const auto outside = w.place.root / "outside";
  fs::create_directory(outside);
  write_file(outside / "file");
  fs::create_symlink(outside / "file", w.at("file"));
  fs::create_directory_symlink(outside, w.at("directory"));
  CHECK(w.own().changed == 3);
  CHECK(is_owned(w.at("file")));
  CHECK(is_owned(w.at("directory")));
  CHECK_FALSE(is_owned(outside));
  CHECK_FALSE(is_owned(outside / "file"));
}

TEST_CASE("a file with all its names in the volume is owned", "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  const owned_tree w;
  fs::create_directory(w.at("a"));
  write_file(w.at("a/one"));
  fs::create_hard_link(w.at("a/one"), w.at("two"));
  fs::create_hard_link(w.at("a/one"), w.at("a/three"));
  CHECK(w.own().left == 0);
  CHECK(is_owned(w.at("two")));
}

TEST_CASE("a file with a name elsewhere is left to its owner", "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  const owned_tree w;
  write_file(w.place.root / "shadow");
  fs::create_hard_link(w.place.root / "shadow", w.at("one"));
  fs::create_hard_link(w.place.root / "shadow", w.at("two"));
  CHECK(w.own().left == 2);
  CHECK_FALSE(is_owned(w.place.root / "shadow"));
}

TEST_CASE("what is mounted in a volume keeps its owner", "[storage]") {
  if (is_skipped_without_root("gives files to others"))
    return;
  const owned_tree w;
  fs::create_directory(w.at("mnt"));
  write_file(w.at("file"));
  write_file(w.place.root / "foreign");
  const mounted directory{"tmpfs", "tmpfs", w.at("mnt")};
  const mounted file{"", w.place.root / "foreign", w.at("file"), MS_BIND};
  if (is_skipped_unless(directory) || is_skipped_unless(file))
    return;
  write_file(w.at("mnt/inside"));
  CHECK(w.own().changed == 1); // the root
  CHECK_FALSE(is_owned(w.at("mnt/inside")));
  CHECK_FALSE(is_owned(w.place.root / "foreign"));
}

TEST_CASE("owning a tree stops when asked", "[storage]") {
  const owned_tree w;
  for (int i = 0; i < 600; ++i)
    write_file(w.at(std::to_string(i)));
  std::stop_source stop;
  stop.request_stop();
  const auto made =
      own_tree(w.root, ::geteuid(), ::getegid(), stop.get_token());
  REQUIRE_FALSE(made);
  CHECK(made.error().code == jobs::fault_code::interrupted);
}

} // namespace alula::storage
