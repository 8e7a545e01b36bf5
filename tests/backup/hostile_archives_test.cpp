#include "backup/extractor.hpp"
#include "backup/verifier.hpp"
#include "tests/backup/hostile_archives.hpp"
#include "tests/backup/scratch_tree.hpp"
#include "tests/backup/tar_builder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <sys/stat.h>

using namespace alula::backup;
using alula::jobs::fault_code;

namespace {

/// A staging directory with something around it that must stay as it is.
struct guarded_staging {
  scratch_tree around{in_memory};
  file_descriptor archive;
  file_descriptor staging;

  explicit guarded_staging(const std::string& bytes) {
    around.write("canary", "untouched");
    around.write("a.tar.gz", bytes);
    std::filesystem::create_directory(around.root / "staging");
    archive = file_descriptor{
        ::open((around.root / "a.tar.gz").c_str(), O_RDONLY | O_CLOEXEC)};
    staging = file_descriptor{::open((around.root / "staging").c_str(),
                                     O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }

  std::vector<std::string> left() const {
    std::vector<std::string> out;
    const auto root = around.root / "staging";
    for (const auto& it : std::filesystem::recursive_directory_iterator{root})
      out.push_back(it.path().lexically_relative(root).string());
    std::ranges::sort(out);
    return out;
  }

  void check_surroundings() const {
    std::set<std::string> names;
    for (const auto& it : std::filesystem::directory_iterator{around.root})
      names.insert(it.path().filename().string());
    CHECK(names == std::set<std::string>{"a.tar.gz", "canary", "staging"});
    std::ifstream canary{around.root / "canary"};
    std::string text;
    canary >> text;
    CHECK(text == "untouched");
    CHECK_FALSE(std::filesystem::exists("/tmp/planted"));
  }

  /// Nothing in there is a device, has set-id bits or another file's content.
  void check_harmless() const {
    const auto root = around.root / "staging";
    for (const auto& it : std::filesystem::recursive_directory_iterator{root}) {
      struct stat seen {};
      REQUIRE(::lstat(it.path().c_str(), &seen) == 0);
      CHECK((S_ISREG(seen.st_mode) || S_ISDIR(seen.st_mode)
             || S_ISLNK(seen.st_mode)));
      if (!S_ISLNK(seen.st_mode))
        CHECK((seen.st_mode & 07000U) == 0);
    }
  }
};

bool has_note(const alula::jobs::extraction_made& made,
              const std::string& text) {
  return std::ranges::any_of(made.notes, [&](const auto& it) {
    return it.what.find(text) != std::string::npos;
  });
}

void check_extraction(const hostile_archive& it) {
  const guarded_staging place{it.bytes};
  extraction_settings settings;
  settings.limits = it.limits;
  settings.reader.members = it.members;
  const auto made =
      extract_archive(place.archive.get(), place.staging.get(), settings, {});
  place.check_surroundings();
  place.check_harmless();
  if (it.fault) {
    REQUIRE_FALSE(made);
    INFO(made.error().what);
    CHECK(made.error().code == *it.fault);
    CHECK(made.error().what.find(it.says) != std::string::npos);
    return;
  }
  if (!made)
    FAIL(made.error().what);
  CHECK((it.says.empty() || has_note(*made, it.says)));
  auto leaves = it.leaves;
  std::ranges::sort(leaves);
  CHECK(place.left() == leaves);
}

void check_verification(const hostile_archive& it) {
  const guarded_staging place{it.bytes};
  verification_settings settings;
  settings.limits = it.limits;
  settings.reader.members = it.members;
  const auto verified = verify_archive(place.archive.get(), settings, {});
  CHECK(place.left().empty());
  if (!it.fault || it.is_found_late) {
    if (!verified)
      FAIL(verified.error().what);
    return;
  }
  REQUIRE_FALSE(verified);
  INFO(verified.error().what);
  CHECK(verified.error().code == *it.fault);
  CHECK(verified.error().what.find(it.says) != std::string::npos);
}

} // namespace

TEST_CASE("no hostile archive reaches out of staging", "[hostile]") {
  const auto& all = hostile_archives();
  CHECK(all.size() >= 60);
  for (const auto& it : all) {
    DYNAMIC_SECTION(it.name) {
      check_extraction(it);
    }
  }
}

TEST_CASE("a verification refuses what an extraction would", "[hostile]") {
  for (const auto& it : hostile_archives()) {
    DYNAMIC_SECTION(it.name) {
      check_verification(it);
    }
  }
}

TEST_CASE("files that an egg denies are left out without a word",
          "[hostile][transfers]") {
  const auto archive = gzipped(tar_builder{}
                                   .file("keep.txt", "1")
                                   .directory("plugins")
                                   .file("plugins/evil.jar", "2")
                                   .file("plugins/good.jar", "3")
                                   .hard_link("again.txt", "plugins/evil.jar")
                                   .link("evil.jar", "keep.txt")
                                   .finished());
  const guarded_staging place{archive};
  extraction_settings settings;
  settings.denied = {"evil.jar", "# a comment", ""};
  const auto made =
      extract_archive(place.archive.get(), place.staging.get(), settings, {});
  if (!made)
    FAIL(made.error().what);
  CHECK(place.left()
        == std::vector<std::string>{"keep.txt", "plugins", "plugins/good.jar"});
  CHECK(made->files == 2);
  // Only the name of what is not there is told.
  REQUIRE(made->noted == 1);
  CHECK(made->notes.front().path == "again.txt");
}

TEST_CASE("denied patterns that take too long end an extraction",
          "[hostile][transfers]") {
  tar_builder tar;
  for (int i = 0; i < 400; ++i)
    tar.file("d/" + std::string(90, 'a') + std::to_string(i), "");
  const guarded_staging place{gzipped(tar.finished())};
  extraction_settings settings;
  for (int i = 0; i < 900; ++i)
    settings.denied.emplace_back("*a*a*a*a*a*a*a*a*a*a*a*a*b");
  const auto made =
      extract_archive(place.archive.get(), place.staging.get(), settings, {});
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::archive_refused);
  CHECK(made.error().what.find("too long") != std::string::npos);
}
