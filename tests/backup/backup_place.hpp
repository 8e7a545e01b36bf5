/// A backup directory, a volume and a staging directory for one test.
#pragma once

#include "backup/local_archives.hpp"
#include "tests/backup/scratch_tree.hpp"
#include "tests/contracts/archives_stage.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <sstream>

namespace alula::backup {

/// What a shell command prints.
inline std::string printed_by(const std::string& command) {
  std::string out;
  auto* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  std::size_t got = 0;
  while ((got = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0)
    out.append(buffer.data(), got);
  INFO(command);
  REQUIRE(::pclose(pipe) == 0);
  return out;
}

inline std::string content_of(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

/// Bytes that this process has asked the kernel to read.
inline std::int64_t bytes_read() {
  std::ifstream in{"/proc/self/io"};
  std::string key;
  std::int64_t value = 0;
  in >> key >> value;
  return value;
}

struct backup_place final : contracts::archives_world {
  std::filesystem::path parent;
  scratch_tree backups{parent};
  scratch_tree files{parent}; ///< the volume
  scratch_tree stage{parent};
  jobs::descriptor volume_fd = reopened(files);
  jobs::descriptor stage_fd = reopened(stage);
  std::unique_ptr<local_archives> store;

  explicit backup_place(
      store_settings settings = {},
      std::filesystem::path disk = std::filesystem::temp_directory_path())
    : parent(std::move(disk)) {
    settings.directory = backups.root;
    auto opened = local_archives::open(std::move(settings));
    REQUIRE(opened);
    store = std::move(*opened);
  }

  static jobs::descriptor reopened(const scratch_tree& tree) {
    return jobs::descriptor{
        ::open(tree.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }

  jobs::archives& port() override { return *store; }
  const jobs::descriptor& volume() override { return volume_fd; }
  const jobs::descriptor& staging() override { return stage_fd; }

  void fill(const tree& wanted) override {
    for (const auto& each : std::filesystem::directory_iterator{files.root})
      std::filesystem::remove_all(each);
    for (const auto& [path, content] : wanted)
      files.write(path, content);
  }

  tree staged() override {
    tree out;
    using walk = std::filesystem::recursive_directory_iterator;
    for (const auto& each : walk{stage.root})
      if (each.is_regular_file())
        out[each.path().lexically_relative(stage.root).string()] =
            content_of(each.path());
    return out;
  }

  void put_foreign(const jobs::backup_id& backup, const tree& wanted) override {
    const scratch_tree source;
    for (const auto& [path, content] : wanted)
      source.write(path, content);
    printed_by("tar -C " + source.root.string() + " -cf - . | gzip > "
               + (backups.root / (backup.to_string() + ".tar.gz")).string());
  }

  std::filesystem::path archive_of(const jobs::backup_id& backup) const {
    return backups.root / ("backup-" + backup.to_string() + ".tar.gz");
  }

  void damage(const jobs::backup_id& backup) override {
    std::fstream file{archive_of(backup),
                      std::ios::binary | std::ios::in | std::ios::out};
    file.seekg(0, std::ios::end);
    const auto middle = file.tellg() / 2;
    file.seekg(middle);
    const auto before = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(before ^ 0x55));
  }

  /// Names in the backup directory, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& each : std::filesystem::directory_iterator{backups.root})
      out.push_back(each.path().filename().string());
    std::ranges::sort(out);
    return out;
  }
};

/// The archives of a contract on a disk, and the place that they have there.
inline contracts::archives_stage disk_stage(store_settings settings = {}) {
  return contracts::archives_stage{
      std::make_unique<backup_place>(std::move(settings))};
}
inline backup_place& place_of(contracts::archives_stage& on) {
  return dynamic_cast<backup_place&>(*on.world);
}

} // namespace alula::backup
