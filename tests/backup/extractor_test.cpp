/// What of an archive is extracted, how it looks, and what is left out.
#include "backup/extractor.hpp"
#include "tests/backup/packed_tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace alula::backup;
using alula::jobs::fault_code;

TEST_CASE("a chosen name of a file comes with its content", "[extract]") {
  const scratch_tree tree{in_memory};
  tree.write("a/first", "content");
  for (const auto* name : {"b-second", "c-third"})
    std::filesystem::create_hard_link(tree.root / "a/first", tree.root / name);
  const packed_tree packed{tree, archive_format::full};
  std::string first;
  std::vector<std::string> others;
  for (const auto& it : packed.entries)
    if (it.is_reference)
      others.push_back(it.path);
    else if (it.type == entry_type::file)
      first = it.path;
  REQUIRE(others.size() == 2);
  const scratch_tree back{in_memory};
  extraction_settings settings;
  settings.paths = others;
  settings.stand_ins = {{first, others[0]}};
  const auto made = packed.extract(back, settings);
  CHECK(made.noted == 0);
  CHECK(made.files == 2);
  const auto there = picture(back.root);
  CHECK(content_of(back.root / others[0]) == "content");
  CHECK(there.at(others[0]) == there.at(others[1])); // one file
  CHECK_FALSE(there.contains(first));
}

TEST_CASE("owners in an archive are nobody's here", "[extract]") {
  const scratch_tree tree{in_memory};
  tree.write("a", "x");
  packed_tree packed;
  printed_by("cd " + tree.root.string()
             + " && tar --owner=4711 --group=4712 -cf - . | gzip -qc > "
             + packed.path);
  packed.open();
  const scratch_tree back{in_memory};
  packed.extract(back);
  struct stat found {};
  REQUIRE(::lstat((back.root / "a").c_str(), &found) == 0);
  CHECK(found.st_uid == ::geteuid());
  CHECK(found.st_gid == ::getegid());
}

TEST_CASE("a sparse file comes back sparse", "[extract]") {
  const scratch_tree tree;
  tree.write("sparse", repeated(10'000));
  std::filesystem::resize_file(tree.root / "sparse", 64 << 20);
  const auto blocks = [](const std::filesystem::path& path) {
    struct stat seen {};
    REQUIRE(::stat(path.c_str(), &seen) == 0);
    CHECK(seen.st_size == 64 << 20);
    return seen.st_blocks;
  };
  SECTION("by the manifest") {
    const packed_tree packed{tree};
    const scratch_tree back;
    extraction_settings settings;
    settings.manifest = packed.cursor();
    packed.extract(back, settings);
    CHECK(blocks(back.root / "sparse") <= blocks(tree.root / "sparse") + 8);
    CHECK(content_of(back.root / "sparse") == content_of(tree.root / "sparse"));
  }
  SECTION("by GNU tar") {
    packed_tree packed;
    printed_by("tar -C " + tree.root.string() + " -Sczf " + packed.path + " .");
    packed.open();
    const scratch_tree back;
    packed.extract(back);
    CHECK(blocks(back.root / "sparse") <= blocks(tree.root / "sparse") + 8);
    CHECK(content_of(back.root / "sparse") == content_of(tree.root / "sparse"));
  }
}

TEST_CASE("only what is chosen comes back", "[extract]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{tree};
  const scratch_tree back{in_memory};
  extraction_settings settings;
  settings.manifest = packed.cursor();
  settings.paths = {"/odd/", "world/level.dat_old", "plugins/cache", "no/such"};
  packed.extract(back, settings);
  const auto there = picture(back.root);
  const auto before = picture(tree.root);
  CHECK(there.at("odd/new\nline") == before.at("odd/new\nline"));
  CHECK(there.at("plugins/cache/deep") == before.at("plugins/cache/deep"));
  CHECK(content_of(back.root / "world/level.dat_old") == repeated(3'000'000));
  CHECK(there.size() == 12);
}

TEST_CASE("a manifest that calls different files one changes no content",
          "[extract]") {
  const scratch_tree tree{in_memory};
  tree.write("a", repeated(2'500'000));
  tree.write("b", repeated(2'500'000, 9));
  tree.write("c", repeated(2'000'000));
  tree.write("d", repeated(2'500'000) + "more");
  packed_tree packed{tree};
  for (auto& it : packed.entries)
    if (it.path != packed.entries.front().path && it.type == entry_type::file) {
      it.type = entry_type::hard_link;
      it.target = packed.entries.front().path;
    }
  const scratch_tree back{in_memory};
  extraction_settings settings;
  settings.manifest = packed.cursor();
  CHECK(packed.extract(back, settings).noted == 3);
  check_same(picture(back.root), picture(tree.root));
}

TEST_CASE("a manifest of another archive is left alone", "[extract]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const scratch_tree other{in_memory};
  other.write("x/y", "z");
  const packed_tree packed{tree};
  const packed_tree foreign{other};
  const scratch_tree back{in_memory};
  extraction_settings settings;
  settings.manifest = foreign.cursor();
  CHECK(packed.extract(back, settings).notes.back().what.find("manifest")
        != std::string::npos);
  CHECK(content_of(back.root / "world/level.dat") == repeated(3'000'000));
}

TEST_CASE("links out of the tree are left out when told so", "[extract]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{tree};
  const scratch_tree back{in_memory};
  extraction_settings settings;
  settings.keep_outside_links = false;
  packed.extract(back, settings);
  CHECK_FALSE(std::filesystem::is_symlink(back.root / "absolute"));
  CHECK_FALSE(std::filesystem::is_symlink(back.root / "odd/python"));
  CHECK(std::filesystem::is_symlink(back.root / "link"));
  CHECK(std::filesystem::is_symlink(back.root / "dangling"));
}

TEST_CASE("an extraction asked to stop stops", "[extract]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{tree};
  const scratch_tree back{in_memory};
  std::stop_source stop;
  extraction_settings settings;
  settings.tell = [&](const auto&) { stop.request_stop(); };
  const auto made = extract_archive(packed.file.get(), back.fd.get(), settings,
                                    stop.get_token());
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::interrupted);
}

TEST_CASE("a staging directory that holds something is refused", "[extract]") {
  const scratch_tree tree{in_memory};
  tree.write("a", "a");
  const packed_tree packed{tree};
  const auto made = extract_archive(packed.file.get(), tree.fd.get(), {}, {});
  REQUIRE_FALSE(made);
  CHECK(content_of(tree.root / "a") == "a");
}
