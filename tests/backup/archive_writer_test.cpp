#include "backup/archive_writer.hpp"
#include "backup/tar_format.hpp"
#include "backup/tar_header.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/deprived.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>

using namespace alula::backup;
using alula::jobs::fault;
using alula::jobs::fault_code;
using alula::jobs::result;
using alula::jobs::status;

namespace {

struct archived {
  scratch_tree place;
  std::string path = (place.root / "a.tar.gz").string();
  archive_summary summary;
  std::vector<archive_entry> entries;

  explicit archived(const scratch_tree& tree, const std::string& rules = {},
                    archive_settings settings = {}) {
    std::ofstream file{path, std::ios::binary};
    settings.found = [&](const archive_entry& entry) -> status {
      entries.push_back(entry);
      return {};
    };
    auto made =
        write_archive(tree.fd.get(), ignore_rules{rules}, settings, {},
                      [&](byte_view data) -> status {
                        file.write(reinterpret_cast<const char*>(data.data()),
                                   static_cast<std::streamsize>(data.size()));
                        return {};
                      });
    REQUIRE(made);
    summary = std::move(*made);
  }

  /// Extracted by GNU tar, compared by diff.
  void check_same_as(const scratch_tree& tree) const {
    scratch_tree back;
    printed_by("tar -xzf " + path + " -C " + back.root.string());
    printed_by("diff -r --no-dereference " + tree.root.string() + " "
               + back.root.string());
  }

  std::string listing() const { return printed_by("tar -tzf " + path); }

  const archive_entry* find(std::string_view name) const {
    const auto at = std::ranges::find(entries, name, &archive_entry::path);
    return at == entries.end() ? nullptr : &*at;
  }
};

std::string pattern(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i)
    out += std::to_string(i * 2654435761U);
  out.resize(size);
  return out;
}

} // namespace

TEST_CASE("GNU tar reads back what was archived", "[archive]") {
  const scratch_tree tree;
  tree.write("world/level.dat", pattern(3'000'000));
  tree.write("world/region/r.0.0.mca", pattern(100));
  tree.write("server.properties", "motd=hello\n");
  tree.write("empty.txt", "");
  std::filesystem::create_symlink("world/level.dat", tree.root / "current");
  std::filesystem::create_symlink("/nowhere", tree.root / "dangling");
  const archived a{tree};
  a.check_same_as(tree);
  printed_by("gzip -t " + a.path);
  CHECK(a.summary.notes.empty());
  CHECK(a.summary.total.files == 6);
}

TEST_CASE("the checksum is the one sha1sum and sha256sum find", "[archive]") {
  const scratch_tree tree;
  tree.write("a", pattern(2'500'000));
  const archived a{tree};
  CHECK(printed_by("sha1sum < " + a.path)
            .starts_with(a.summary.stream.sums.sha1));
  CHECK(printed_by("sha256sum < " + a.path)
            .starts_with(a.summary.stream.sums.sha256));
  CHECK(std::filesystem::file_size(a.path) == a.summary.stream.archive_bytes);
}

TEST_CASE("there are no directory entries, the list knows the directories",
          "[archive]") {
  const scratch_tree tree;
  tree.write("a/b/c", "x");
  std::filesystem::create_directory(tree.root / "empty");
  const archived a{tree};
  CHECK(a.listing() == "a/b/c\n");
  REQUIRE(a.find("empty"));
  CHECK(a.find("empty")->type == entry_type::directory);
  CHECK(a.find("a/b"));
}

TEST_CASE("modes and times are kept, owners are not told", "[archive]") {
  const scratch_tree tree;
  tree.write("run.sh", "x");
  ::chmod((tree.root / "run.sh").c_str(), 04751);
  const std::array<timespec, 2> times{{{1'600'000'000, 5}, {1'600'000'000, 5}}};
  ::utimensat(AT_FDCWD, (tree.root / "run.sh").c_str(), times.data(), 0);
  const archived a{tree};
  const auto line = printed_by("TZ=UTC tar --numeric-owner -tvzf " + a.path);
  CHECK(line.starts_with("-rwsr-x--x 0/0"));
  CHECK(line.find("2020-09-13") != std::string::npos);
  CHECK(a.find("run.sh")->mtime_ns == 1'600'000'000'000'000'005);
  CHECK(a.find("run.sh")->mode == 04751);
}

TEST_CASE("a time that nanoseconds cannot say becomes the nearest they can",
          "[archive]") {
  constexpr std::int64_t far = std::int64_t{1} << 40;
  const auto sign = GENERATE(std::int64_t{1}, std::int64_t{-1});
  const scratch_tree tree{in_memory}; // holds such times
  tree.write("a", "x");
  const std::array<timespec, 2> times{{{sign * far, 5}, {sign * far, 5}}};
  const auto path = tree.root / "a";
  ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0);
  struct stat seen {};
  REQUIRE(::stat(path.c_str(), &seen) == 0);
  if (seen.st_mtim.tv_sec != sign * far)
    return; // this one does not
  const archived a{tree};
  CHECK(a.find("a")->mtime_ns / 1'000'000'000 == sign * 9'223'372'036);
  CHECK(a.listing() == "a\n");
}

TEST_CASE("both names of a hard-linked file carry its content", "[archive]") {
  const scratch_tree tree;
  tree.write("one", "same");
  std::filesystem::create_hard_link(tree.root / "one", tree.root / "two");
  const archived a{tree};
  a.check_same_as(tree);
  const auto linked = std::ranges::count(a.entries, entry_type::hard_link,
                                         &archive_entry::type);
  CHECK(linked == 1);
}

TEST_CASE("an entry's offset leads to its content", "[archive]") {
  const scratch_tree tree;
  tree.write("first", pattern(1'500'000));
  tree.write("second", "needle");
  const archived a{tree};
  const auto stream = printed_by("gzip -dc " + a.path);
  const auto* entry = a.find("second");
  REQUIRE(entry);
  CHECK(stream.substr(entry->offset, entry->size) == "needle");
}

TEST_CASE("odd and long names come through", "[archive]") {
  const scratch_tree tree;
  tree.write("caf\xe9.txt", "latin");
  tree.write("caf\xc3\xa9.txt", "utf-8");
  tree.write("line\nbreak", "x");
  tree.write(std::string(200, 'd') + "/" + std::string(250, 'f'), "long");
  const archived a{tree};
  a.check_same_as(tree);
}

TEST_CASE("GNU tar sees a size that octal digits cannot say", "[archive]") {
  constexpr std::uint64_t size = 20'000'000'000;
  const scratch_tree place;
  const auto path = place.root / "a.tar";
  const auto head = tar_headers({.path = "world.db", .size = size});
  // Its content is a hole: tar passes over it.
  std::ofstream file{path, std::ios::binary};
  file << head;
  file.seekp(
      static_cast<std::streamoff>(head.size() + size + tar_padding(size)));
  file << tar_headers({.path = "after"}) << std::string(tar_end_size, '\0');
  file.close();
  const auto seen = printed_by("tar -tvf " + path.string());
  CHECK(seen.find(" 20000000000 ") != std::string::npos);
  CHECK(seen.ends_with(" after\n"));
}

TEST_CASE("what is ignored is not in the archive", "[archive]") {
  const scratch_tree tree;
  tree.write("keep", "x");
  tree.write("cache/drop", "x");
  CHECK(archived{tree, "/cache"}.listing() == "keep\n");
}

TEST_CASE("an empty server makes an archive tar can read", "[archive]") {
  CHECK(archived{scratch_tree{}}.listing().empty());
}

TEST_CASE("a file that changes its size while it is read keeps its declared "
          "length",
          "[archive]") {
  const auto grow = GENERATE(true, false);
  const scratch_tree tree;
  tree.write("world.db", pattern(4'000'000));
  tree.write("zz-later", "x");
  bool changed = false;
  archive_settings settings;
  settings.tell = [&](const archive_progress& so_far) {
    if (changed || so_far.bytes < 1'000'000)
      return;
    changed = true;
    std::filesystem::resize_file(tree.root / "world.db",
                                 grow ? 6'000'000 : 2'000'000);
  };
  const archived a{tree, {}, settings};
  CHECK(a.find("world.db")->size == 4'000'000);
  REQUIRE(a.summary.notes.size() == 1);
  CHECK(a.summary.notes[0].path == "world.db");
  CHECK(a.summary.notes[0].what.find(grow ? "grew" : "shrank")
        != std::string::npos);
  const auto listing = a.listing();
  CHECK(listing.find("zz-later") != std::string::npos);
}

TEST_CASE("a file nobody may read is noted, not fatal", "[archive]") {
  const scratch_tree tree;
  tree.write("secret", "x");
  tree.write("open", "x");
  ::chmod(tree.root.c_str(), 0755);
  ::chmod((tree.root / "secret").c_str(), 0);
  const auto outcome = [&] {
    const plain_user me;
    return write_archive(tree.fd.get(), {}, {}, {},
                         [](byte_view) -> status { return {}; });
  }();
  REQUIRE(outcome);
  CHECK(outcome->noted == 1);
  CHECK(outcome->notes.at(0).path == "secret");
  CHECK(outcome->total.files == 1);
}

TEST_CASE("an archive that the node has no memory for names what failed",
          "[archive]") {
  const scratch_tree tree;
  std::filesystem::create_symlink("x", tree.root / "a");
  std::filesystem::create_symlink("x", tree.root / "b");
  archive_settings settings;
  bool is_failing = false;
  settings.found = [&](const archive_entry&) -> status {
    is_failing = fail_from_now_on(SYS_readlinkat, ENOMEM);
    return {};
  };
  result<archive_summary> made{fault{}};
  std::thread{[&] {
    made = write_archive(tree.fd.get(), {}, settings, {},
                         [](byte_view) -> status { return {}; });
  }}.join();
  if (!is_failing) {
    WARN("skipped: calls cannot be made to fail here");
    return;
  }
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::io_error);
  CHECK(made.error().what.starts_with("readlinkat"));
}

TEST_CASE("an archive asked to stop stops within a MiB", "[archive]") {
  const scratch_tree tree;
  tree.write("big", pattern(20'000'000));
  std::stop_source stop;
  archive_settings settings;
  std::uint64_t seen = 0;
  settings.tell = [&](const archive_progress& so_far) {
    seen = so_far.bytes;
    stop.request_stop();
  };
  const auto made = write_archive(tree.fd.get(), {}, settings, stop.get_token(),
                                  [](byte_view) -> status { return {}; });
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::interrupted);
  CHECK(seen <= 1024 * 1024);
}

TEST_CASE("a full disk ends the archive with that fault", "[archive]") {
  const scratch_tree tree;
  tree.write("big", pattern(20'000'000));
  const auto made =
      write_archive(tree.fd.get(), {}, {}, {}, [](byte_view) -> status {
        return fault{.code = fault_code::insufficient_storage, .what = "full"};
      });
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::insufficient_storage);
}
