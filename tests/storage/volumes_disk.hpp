/// Volumes, trash and staging in a directory of their own, for one test.
#pragma once

#include "storage/local_volumes.hpp"
#include "tests/contracts/volumes_contract.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace alula::storage {

namespace fs = std::filesystem;

inline const auto server =
    *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
inline const std::string entry = "0199c1de-0000-7000-8000-000000000001";

inline void write_file(const fs::path& path, std::string_view text = "x") {
  std::ofstream{path} << text;
}

/// Of a link itself.
inline struct stat stat_of(const fs::path& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found;
}

inline bool is_root() {
  return ::geteuid() == 0;
}

/// What only root does cannot be shown by others, and the test says so.
inline bool is_skipped_without_root(std::string_view does) {
  if (!is_root())
    WARN("skipped: only root " << does);
  return !is_root();
}

/// A directory of its own, gone with the test, with volumes and trash open.
struct disk : contracts::volumes_world {
  fs::path root;
  std::unique_ptr<local_volumes> opened;

  disk() {
    auto name = (fs::temp_directory_path() / "alula-volumes-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    auto made = local_volumes::open(settings());
    REQUIRE(made);
    opened = std::move(*made);
  }
  ~disk() override {
    opened.reset();
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  volume_settings settings() const {
    return {root / "volumes", root / "trash", root / "staging", ::geteuid(),
            ::getegid()};
  }
  fs::path volume() const { return root / "volumes" / server.to_string(); }
  fs::path in_trash() const { return root / "trash" / entry; }

  /// A volume as a test left it, in the trash.
  void detach() { REQUIRE(*opened->detach(server, entry)); }
  jobs::result<jobs::volumes::purge_progress> purge() {
    return opened->purge(entry, {}, {});
  }

  jobs::volumes& port() override { return *opened; }
  fs::path staged(const std::string& name) const {
    return root / "staging" / name;
  }
  void add_staged(const std::string& name, int count) override {
    for (int i = 0; i < count; ++i)
      write_file(staged(name) / ("staged-" + std::to_string(i)));
  }
  void add_files(const jobs::server_id& id, int count) override {
    for (int i = 0; i < count; ++i)
      write_file(root / "volumes" / id.to_string() / std::to_string(i));
  }
  int files_in(const jobs::server_id& id) override {
    const auto path = root / "volumes" / id.to_string();
    if (!fs::exists(path))
      return -1;
    return static_cast<int>(
        std::distance(fs::directory_iterator{path}, fs::directory_iterator{}));
  }
  std::int64_t free_inodes() override {
    struct statvfs seen {};
    REQUIRE(::statvfs(root.c_str(), &seen) == 0);
    return seen.f_files == 0 ? 0 : static_cast<std::int64_t>(seen.f_favail);
  }
};

/// Something mounted for one test.
class mounted {
public:
  mounted(const char* type, const fs::path& from, const fs::path& where,
          unsigned long flags = 0)
    : where_(where),
      is_mounted_(::mount(from.c_str(), where.c_str(), type, flags, "") == 0) {}
  ~mounted() {
    if (is_mounted_)
      ::umount2(where_.c_str(), MNT_DETACH);
  }
  mounted(const mounted&) = delete;
  mounted& operator=(const mounted&) = delete;
  explicit operator bool() const { return is_mounted_; }
  void moved_to(const fs::path& where) { where_ = where; }

private:
  fs::path where_;
  bool is_mounted_;
};

/// Not even root may mount in some containers.
inline bool is_skipped_unless(const mounted& other) {
  if (!other)
    WARN("skipped: this process may not mount");
  return !other;
}

} // namespace alula::storage
