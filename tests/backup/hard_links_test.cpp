#include "backup/hard_links.hpp"

#include <catch2/catch.hpp>

using namespace alula::backup;

namespace {

/// As the walk finds a file with so many names.
struct stat file_of(ino_t inode, nlink_t names, off_t size, time_t mtime) {
  struct stat out {};
  out.st_dev = 1;
  out.st_ino = inode;
  out.st_nlink = names;
  out.st_size = size;
  out.st_mtim.tv_sec = mtime;
  return out;
}

archive_entry taken(hard_links& links, const std::string& path,
                    const struct stat& seen) {
  archive_entry entry{.path = path};
  CHECK(links.take(entry, seen).empty());
  return entry;
}

} // namespace

TEST_CASE("a further name of a file is a hard link to the first", "[links]") {
  hard_links links;
  const auto file = file_of(7, 3, 10, 1'000);
  CHECK(taken(links, "a", file).type == entry_type::file);
  for (const auto* further : {"b", "c"}) {
    const auto entry = taken(links, further, file);
    CHECK(entry.type == entry_type::hard_link);
    CHECK(entry.target == "a");
  }
  CHECK(taken(links, "d", file_of(8, 2, 10, 1'000)).type == entry_type::file);
}

TEST_CASE("another file with the inode of one that is gone has its own content",
          "[links]") {
  hard_links links;
  taken(links, "gone", file_of(7, 2, 10, 1'000));
  const auto other =
      GENERATE(file_of(7, 2, 11, 1'000), file_of(7, 2, 10, 1'001));
  CHECK(taken(links, "b", other).type == entry_type::file);
  const auto further = taken(links, "c", other);
  CHECK(further.type == entry_type::hard_link);
  CHECK(further.target == "b");
}
