/// A tree with one of everything, an archive of a tree in a file, and trees
/// held against each other.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/extractor.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/tar_builder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace alula::backup {

inline std::string repeated(std::size_t size, std::uint64_t seed = 1) {
  std::string out;
  for (auto i = seed; out.size() < size; i = i * 6364136223846793005U + 1)
    out += std::to_string(i);
  out.resize(size);
  return out;
}

inline void set_time(const std::filesystem::path& path, time_t seconds,
                     long ns) {
  const std::array<timespec, 2> times{timespec{seconds, ns},
                                      timespec{seconds, ns}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW)
          == 0);
}

/// One of everything.
inline void fill(const scratch_tree& tree) {
  tree.write("server.properties", "motd=hello\n");
  tree.write("empty", "");
  static const auto level = repeated(3'000'000);
  static const auto region = repeated(700'000, 2);
  tree.write("world/level.dat", level);
  tree.write("world/region/r.0.0.mca", region);
  tree.write(std::string(200, 'l') + "/" + std::string(200, 'n'), "long");
  tree.write("odd/new\nline", "1");
  tree.write("odd/not\xFFutf8", "2");
  tree.write("odd/e\xCC\x81", "3");
  tree.write("odd/\xC3\xA9", "4");
  tree.write("odd/ leading and trailing ", "5");
  for (int i = 0; i < 400; ++i)
    tree.write("many/" + std::to_string(i % 7) + "/" + std::to_string(i),
               level.substr(0, static_cast<std::size_t>(i) * 37));
  const auto& root = tree.root;
  std::filesystem::create_directories(root / "plugins/cache/deep");
  std::filesystem::create_hard_link(root / "world/level.dat",
                                    root / "world/level.dat_old");
  std::filesystem::create_symlink("world/level.dat", root / "link");
  std::filesystem::create_symlink("../../usr/bin/python3", root / "odd/python");
  std::filesystem::create_symlink("/home/container/world", root / "absolute");
  std::filesystem::create_symlink("nowhere", root / "dangling");
  ::chmod((root / "server.properties").c_str(), 0640);
  ::chmod((root / "plugins").c_str(), 0750);
  ::chmod((root / "world").c_str(), 0700);
  set_time(root / "world/level.dat", 1'500'000'000, 123'456'789);
  set_time(root / "empty", -5, 0);
  set_time(root / "link", 1'400'000'000, 0);
  set_time(root / "plugins/cache/deep", 1'300'000'000, 5);
  set_time(root / "plugins/cache", 1'300'000'001, 6);
  set_time(root / "plugins", 1'300'000'002, 7);
  set_time(root / "world", 1'300'000'003, 8);
}

struct packed_tree {
  scratch_tree place;
  std::string path = (place.root / "a.tar.gz").string();
  archive_summary summary;
  std::vector<archive_entry> entries;
  file_descriptor file;

  packed_tree() = default;
  explicit packed_tree(const scratch_tree& tree,
                       archive_format format = archive_format::wings) {
    std::ofstream out{path, std::ios::binary};
    archive_settings settings;
    settings.format = format;
    settings.found = [&](const archive_entry& it) -> jobs::status {
      entries.push_back(it);
      return {};
    };
    auto made =
        write_archive(tree.fd.get(), ignore_rules{""}, settings, {},
                      [&](byte_view data) -> jobs::status {
                        out.write(reinterpret_cast<const char*>(data.data()),
                                  static_cast<std::streamsize>(data.size()));
                        return {};
                      });
    REQUIRE(made);
    summary = std::move(*made);
    out.close();
    open();
  }

  void open() {
    file = file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  }

  manifest_cursor cursor() const {
    return [this, i = std::size_t{0}]() mutable -> const archive_entry* {
      return i < entries.size() ? &entries[i++] : nullptr;
    };
  }

  jobs::extraction_made extract(const scratch_tree& to,
                                extraction_settings settings = {}) const {
    auto made = extract_archive(file.get(), to.fd.get(), settings, {});
    if (!made)
      FAIL(made.error().what);
    return std::move(*made);
  }
};

using tree_picture = std::map<std::string, std::string>;

/// All that can be seen of a tree: one line for each path.
inline tree_picture picture(const std::filesystem::path& root,
                            bool with_nanoseconds = true) {
  tree_picture out;
  std::map<ino_t, std::string> first_names;
  std::vector<std::string> paths;
  for (const auto& it : std::filesystem::recursive_directory_iterator{root})
    paths.push_back(it.path().lexically_relative(root).string());
  std::ranges::sort(paths);
  for (const auto& path : paths) {
    struct stat seen {};
    const auto full = root / path;
    REQUIRE(::lstat(full.c_str(), &seen) == 0);
    auto text =
        octal(seen.st_mode, 7) + " " + std::to_string(seen.st_mtim.tv_sec);
    if (with_nanoseconds)
      text += "." + std::to_string(seen.st_mtim.tv_nsec);
    if (S_ISLNK(seen.st_mode))
      text += " -> " + std::filesystem::read_symlink(full).string();
    if (S_ISREG(seen.st_mode)) {
      const auto content = content_of(full);
      text += " " + std::to_string(content.size()) + " "
              + std::to_string(std::hash<std::string>{}(content)) + " as "
              + first_names.try_emplace(seen.st_ino, path).first->second;
    }
    out[path] = text;
  }
  return out;
}

inline void check_same(const tree_picture& found,
                       const tree_picture& expected) {
  for (const auto& [path, text] : expected) {
    INFO(path);
    const auto at = found.find(path);
    CHECK((at == found.end() ? "not there" : at->second) == text);
  }
  CHECK(found.size() == expected.size());
}

} // namespace alula::backup
