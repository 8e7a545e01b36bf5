#include "backup/backup_directory.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace alula::backup;

namespace {

/// O_RDONLY, O_WRONLY or O_RDWR.
int access_of(const file_descriptor& fd) {
  return ::fcntl(fd.get(), F_GETFL) & O_ACCMODE;
}

} // namespace

TEST_CASE("what is locked for itself is open for writing, as NFS wants it",
          "[archives]") {
  const scratch_tree tree;
  const auto directory = backup_directory::open(tree.root).value();
  tree.write("a", "bytes");
  const auto found = directory.find_to_lock("a").value();
  REQUIRE(found.fd.is_open());
  CHECK(access_of(found.fd) == O_RDWR);
  CHECK(found.seen.st_size == 5);
  CHECK(access_of(directory.find("a").value().fd) == O_RDONLY);
}

TEST_CASE("what may only be read is locked all the same", "[archives]") {
  const scratch_tree tree;
  const auto directory = backup_directory::open(tree.root).value();
  tree.write("a", "bytes");
  const auto path = tree.root / "a";
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  const auto found = directory.find_to_lock("a").value();
  REQUIRE(found.fd.is_open());
  // To root nothing is refused.
  CHECK(access_of(found.fd) == (::geteuid() == 0 ? O_RDWR : O_RDONLY));
  CHECK(::flock(found.fd.get(), LOCK_EX | LOCK_NB) == 0);
}

TEST_CASE("what is no regular file is not locked", "[archives]") {
  const scratch_tree tree;
  const auto directory = backup_directory::open(tree.root).value();
  const auto path = tree.root / "a";
  SECTION("nothing") {}
  SECTION("a directory, which nobody opens for writing") {
    std::filesystem::create_directory(path);
  }
  SECTION("a link") {
    tree.write("b", "bytes");
    std::filesystem::create_symlink("b", path);
  }
  SECTION("a fifo") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  }
  const auto found = directory.find_to_lock("a");
  REQUIRE(found);
  CHECK_FALSE(found->fd.is_open());
}
