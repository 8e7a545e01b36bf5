/// A manifest on the disk, from entries in any order.
#pragma once

#include "backup/manifest_reader.hpp"
#include "backup/manifest_writer.hpp"
#include "tests/backup/backup_place.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace alula::backup {

inline archive_entry file_at(std::string path, std::uint64_t offset = 0,
                             std::uint64_t size = 7) {
  archive_entry out;
  out.path = std::move(path);
  out.mode = 0644;
  out.mtime_ns = 1'700'000'000'000'000'005;
  out.size = size;
  out.offset = offset;
  return out;
}

inline archive_entry directory_at(std::string path, std::uint64_t offset = 0) {
  auto out = file_at(std::move(path), offset, 0);
  out.type = entry_type::directory;
  out.mode = 0750;
  return out;
}

inline manifest_facts some_facts() {
  manifest_facts out;
  out.backup = *jobs::backup_id::parse("3f2b7c1e-90ab-4cde-8f01-23456789abcd");
  out.server = *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  out.job = *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000001");
  out.created_at = 1'700'000'000'000;
  out.archive = {.size = 12'345,
                 .sha1 = std::string(40, 'a'),
                 .sha256 = std::string(64, 'b'),
                 .content_bytes = 100,
                 .files = 3};
  out.noted = 2;
  out.level = compression::best_compression;
  out.ignored_by = ignore_source::pteroignore;
  return out;
}

struct written_manifest {
  scratch_tree place;
  std::filesystem::path path = place.root / "m";
  manifest_writer writer{[this] { return spool(); }};
  int spools = 0;

  jobs::result<file_descriptor> spool() {
    ++spools;
    return file_descriptor{
        ::open(place.root.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  }

  void add(const archive_entry& entry) { REQUIRE(writer.add(entry)); }

  void finish(const std::vector<member_position>& members = {},
              const std::vector<jobs::file_note>& notes = {}) {
    const file_descriptor into{
        ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
    REQUIRE(writer.finish(some_facts(), members, notes, {}, into.get()));
  }

  jobs::result<manifest_reader> reopen() const {
    return manifest_reader::open(
        file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)});
  }

  manifest_reader reader() const {
    auto opened = reopen();
    REQUIRE(opened);
    return std::move(*opened);
  }

  void replace(const std::string& content) const {
    std::ofstream{path, std::ios::binary} << content;
  }
};

inline std::vector<std::string> all_paths(manifest_reader& from) {
  std::vector<std::string> out;
  for (;;) {
    auto next = from.next();
    if (!next)
      FAIL(next.error().what);
    if (!*next)
      return out;
    out.push_back((*next)->path);
  }
}

inline std::vector<std::string> names_in(manifest_reader& from,
                                         const std::string& path,
                                         const std::string& after = {},
                                         std::size_t limit = 1000) {
  auto page = from.browse(path, after, limit);
  REQUIRE(page);
  return contracts::names_of(*page);
}

} // namespace alula::backup
