/// Directories for tests.
#pragma once

#include "backup/file_descriptor.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace alula::backup {

/// Where a sync costs nothing.
inline const std::filesystem::path in_memory = "/dev/shm";

/// A directory of its own for one test, gone with it.
class scratch_tree {
public:
  explicit scratch_tree(const std::filesystem::path& below =
                            std::filesystem::temp_directory_path()) {
    std::string name = (below / "alula-backup-test-XXXXXX").string();
    root = ::mkdtemp(name.data());
    fd = file_descriptor{
        ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }
  ~scratch_tree() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }

  void write(const std::string& path, const std::string& content) const {
    const auto full = root / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream{full, std::ios::binary} << content;
  }

  std::filesystem::path root;
  file_descriptor fd;
};

} // namespace alula::backup
