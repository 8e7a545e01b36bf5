/// A volume and a staged tree that a test fills and merges.
#pragma once

#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace alula::storage {

using origin = jobs::volumes::origin;

inline const std::string staged_tree = "0199c1de-0000-7000-8000-000000000002";

inline std::string text_of(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

struct merge_place : disk {
  merge_place() {
    REQUIRE(opened->create(server));
    REQUIRE(opened->stage(staged_tree, {}));
  }
  void in_volume(const fs::path& path, std::string_view text) const {
    fs::create_directories((volume() / path).parent_path());
    write_file(volume() / path, text);
  }
  void in_tree(const fs::path& path, std::string_view text) const {
    fs::create_directories((staged(staged_tree) / path).parent_path());
    write_file(staged(staged_tree) / path, text);
  }
  jobs::result<std::int64_t> merge(std::stop_token stop = {}) {
    return opened->merge(origin::staging, staged_tree, server, entry,
                         std::move(stop));
  }
  std::string now(const fs::path& path) const {
    return text_of(volume() / path);
  }
  std::string kept(const fs::path& path) const {
    return text_of(in_trash() / path);
  }
};

inline void set_time(const fs::path& path, time_t when) {
  const timespec times[] = {{when, 0}, {when, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

} // namespace alula::storage
