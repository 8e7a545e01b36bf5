/// Trees that go into an archive and come back, compared in everything a player
/// could miss; with GNU tar as the other writer and the other reader.
#include "backup/verifier.hpp"
#include "tests/backup/packed_tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace alula::backup;
using alula::jobs::status;

TEST_CASE("a tree comes back as it was, to the last bit", "[round-trip]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{
      tree, GENERATE(archive_format::wings, archive_format::full)};
  for (const bool with_index : {false, true}) {
    const scratch_tree back{in_memory};
    extraction_settings settings;
    settings.manifest = packed.cursor();
    if (with_index)
      settings.reader.members = packed.summary.stream.members;
    const auto made = packed.extract(back, settings);
    check_same(picture(back.root), picture(tree.root));
    CHECK(made.files == static_cast<std::int64_t>(packed.summary.total.files));
    CHECK(made.noted == 2); // the links that lead out
  }
}

TEST_CASE("GNU tar reads every name of ours as it is", "[round-trip]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  tree.write(std::string(90, 'p') + "/" + std::string(99, 'q'), "split");
  const packed_tree packed{tree};
  const scratch_tree back{in_memory};
  printed_by("tar -C " + back.root.string()
             + " --warning=no-unknown-keyword -xpzf " + packed.path);
  auto expected = picture(tree.root, false);
  auto found = picture(back.root, false);
  for (const auto& [path, text] : expected)
    if (!std::filesystem::is_directory(
            std::filesystem::symlink_status(tree.root / path))
        && path != "world/level.dat_old") {
      INFO(path);
      CHECK(found[path] == text);
    }
}

TEST_CASE("an archive of the full format holds the whole tree by itself",
          "[round-trip]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  std::filesystem::create_directories(tree.root / std::string(150, 'd')
                                      / std::string(99, 'e'));
  std::filesystem::create_hard_link(tree.root / "world/level.dat",
                                    tree.root / ("a" + std::string(120, 'h')));
  ::chmod((tree.root / "many/3").c_str(), 0555);
  const packed_tree packed{tree, archive_format::full};
  CHECK(verify_archive(packed.file.get(), {}, {}));
  const scratch_tree back{in_memory};
  SECTION("to the last second, without a manifest") {
    packed.extract(back);
    ::chmod((tree.root / "many/3").c_str(), 0755); // rwx for their owner
  }
  SECTION("for GNU tar, too") {
    printed_by("tar -C " + back.root.string()
               + " --warning=no-unknown-keyword -xpzf " + packed.path);
  }
  check_same(picture(back.root, false), picture(tree.root, false));
}

TEST_CASE("without a manifest all that a tar holds comes back",
          "[round-trip]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{tree};
  const scratch_tree back{in_memory};
  packed.extract(back);
  CHECK(content_of(back.root / "world/level.dat_old") == repeated(3'000'000));
  CHECK_FALSE(std::filesystem::exists(back.root / "plugins"));
  auto expected = picture(tree.root, false);
  for (const auto& [path, text] : picture(back.root, false))
    if (!std::filesystem::is_directory(
            std::filesystem::symlink_status(back.root / path))
        && path != "world/level.dat_old")
      CHECK(text == expected[path]);
}

TEST_CASE("GNU tar's archives come back in every format of it",
          "[round-trip]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const auto format = GENERATE(
      as<std::string>{}, "pax", "gnu", "ustar", "pax -S", "gnu -S",
      "pax -S --sparse-version=0.0", "pax -S --sparse-version=0.1", "v7");
  const bool is_small = format == "ustar" || format == "v7";
  if (is_small)
    std::filesystem::remove_all(tree.root / std::string(200, 'l'));
  if (is_small)
    set_time(tree.root / "empty", 5, 0);
  std::filesystem::resize_file(tree.root / "world/region/r.0.0.mca", 5'000'000);
  std::filesystem::resize_file(tree.root / "empty", 100'000);
  const auto zip = GENERATE(as<std::string>{}, "gzip", "zstd");
  packed_tree packed;
  printed_by("cd " + tree.root.string() + " && tar --format=" + format
             + " -cf - . | " + zip + " -qc > " + packed.path);
  packed.open();
  const scratch_tree back{in_memory};
  packed.extract(back);
  const bool exact = format.starts_with("pax");
  const auto expected = picture(tree.root, exact);
  check_same(picture(back.root, exact), expected);
  CHECK(verify_archive(packed.file.get(), {}, {}));
  const auto listed = [&] {
    std::vector<archive_entry> out;
    verification_settings settings;
    settings.visit = [&](const tar_entry& it) -> status {
      out.push_back(
          {.path = it.path,
           .type = it.type == tar_type::directory   ? entry_type::directory
                   : it.type == tar_type::link      ? entry_type::link
                   : it.type == tar_type::hard_link ? entry_type::hard_link
                                                    : entry_type::file,
           .mode = it.mode,
           .mtime_ns = it.mtime_ns,
           .target = it.target,
           .is_reference = it.type == tar_type::hard_link});
      return {};
    };
    CHECK(verify_archive(packed.file.get(), settings, {}));
    return out;
  }();
  const scratch_tree again{in_memory};
  extraction_settings settings;
  settings.manifest = [&, i = std::size_t{0}]() mutable {
    return i < listed.size() ? &listed[i++] : nullptr;
  };
  CHECK(packed.extract(again, settings).noted == 2); // the links that lead out
  check_same(picture(again.root, exact), expected);
}
