// What may be in an archive at most: what is made within the limits can be
// restored, and what is over them is left out with a note.
#include "backup/archive_writer.hpp"
#include "backup/extractor.hpp"
#include "backup/file_io.hpp"
#include "backup/verifier.hpp"
#include "tests/backup/deprived.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

using namespace alula::backup;
using alula::jobs::extraction_limits;
using alula::jobs::status;

namespace {

/// A tree of its own, removed by somebody who needs no descriptor per level.
struct deep_tree {
  scratch_tree tree{in_memory};
  ~deep_tree() {
    (void)std::system(("rm -rf " + tree.root.string() + "/*").c_str());
  }

  /// A file with `path` names of `name` above it, made level by level.
  std::string make(int levels, const std::string& name,
                   const std::string& file) const {
    file_descriptor at{::dup(tree.fd.get())};
    std::string path;
    for (int i = 0; i < levels; ++i) {
      (void)::mkdirat(at.get(), name.c_str(), 0755);
      at = open_beneath(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
      REQUIRE(at.is_open());
      path += name + '/';
    }
    REQUIRE(open_beneath(at.get(), file.c_str(), O_WRONLY | O_CREAT, 0644)
                .is_open());
    return path + file;
  }
};

enum class child_says { no, yes, it_has_threads };

/// What `is_so` says in a process of its own, which is given a thread or two.
/// Root is above such limits, so it becomes somebody else.
child_says with_few_threads(const std::function<bool()>& is_so) {
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(60); // who waits for a thread that never was waits for ever
    constexpr uid_t nobody = 65'534;
    if (::geteuid() == 0)
      (void)!::setresuid(nobody, nobody, nobody);
    const auto has_thread = [] {
      try {
        std::thread{[] {}}.join();
        return true;
      } catch (const std::system_error&) {
        return false;
      }
    };
    rlimit most{};
    ::getrlimit(RLIMIT_NPROC, &most);
    most.rlim_cur = 1;
    ::setrlimit(RLIMIT_NPROC, &most);
    if (has_thread())
      ::_exit(static_cast<int>(child_says::it_has_threads));
    do {
      ++most.rlim_cur;
      ::setrlimit(RLIMIT_NPROC, &most);
    } while (!has_thread());
    ::_exit(static_cast<int>(is_so() ? child_says::yes : child_says::no));
  }
  int ended = 0;
  REQUIRE(::waitpid(child, &ended, 0) == child);
  return WIFEXITED(ended) ? child_says{WEXITSTATUS(ended)} : child_says::no;
}

struct round_trip {
  deep_tree back;
  scratch_tree place{in_memory};
  std::vector<archive_note> notes;
  std::vector<archive_entry> entries;
  alula::jobs::result<alula::jobs::archive_verified> verified;
  alula::jobs::result<alula::jobs::extraction_made> restored;

  explicit round_trip(const scratch_tree& from,
                      const extraction_limits& limits = {})
    : verified(alula::jobs::fault{}), restored(alula::jobs::fault{}) {
    const few_descriptors here{200}; // than a deep tree has levels
    const auto file = open_beneath(place.fd.get(), "a.tar.gz",
                                   O_RDWR | O_CREAT | O_EXCL, 0600);
    archive_settings settings;
    settings.limits = limits;
    settings.found = [&](const archive_entry& entry) -> status {
      entries.push_back(entry);
      return {};
    };
    auto made = write_archive(
        from.fd.get(), ignore_rules{}, settings, {}, [&](byte_view part) {
          const auto put = ::write(file.get(), part.data(), part.size());
          return put == static_cast<ssize_t>(part.size())
                     ? status{}
                     : status{alula::jobs::fault{}};
        });
    REQUIRE(made);
    notes = made->notes;
    verified = verify_archive(file.get(), {.limits = limits}, {});
    extraction_settings extraction;
    extraction.limits = limits;
    extraction.manifest = [this, next = std::size_t{0}]() mutable {
      return next < entries.size() ? &entries[next++] : nullptr;
    };
    restored = extract_archive(file.get(), back.tree.fd.get(), extraction, {});
  }

  void check_is_accepted() const {
    if (!verified)
      FAIL(verified.error().what);
    if (!restored)
      FAIL(restored.error().what);
  }

  bool has(const std::string& path) const {
    return open_beneath(back.tree.fd.get(), path.c_str(), O_RDONLY).is_open();
  }

  bool has_note_about(const std::string& path) const {
    return std::ranges::find(notes, path, &archive_note::path) != notes.end();
  }
};

} // namespace

TEST_CASE("a tree as deep as the limit comes back, one deeper is noted",
          "[limits]") {
  const deep_tree from;
  const auto depth = extraction_limits{}.depth;
  const auto deepest = from.make(depth - 1, "d", "f");
  const auto too_deep = from.make(depth, "d", "f");
  const round_trip trip{from.tree};
  trip.check_is_accepted();
  CHECK(trip.has(deepest));
  CHECK_FALSE(trip.has(too_deep));
  CHECK(trip.has_note_about(too_deep));
}

TEST_CASE("a path as long as the limit comes back, a longer one is noted",
          "[limits]") {
  const deep_tree from;
  REQUIRE(extraction_limits{}.path_length == 4'095);
  const std::string name(255, 'n');
  const auto longest = from.make(15, name, std::string(255, 'f'));
  const auto too_long = from.make(16, name, "f");
  REQUIRE(longest.size() == 4'095);
  const round_trip trip{from.tree};
  trip.check_is_accepted();
  CHECK(trip.has(longest));
  CHECK_FALSE(trip.notes.empty());
}

TEST_CASE("files over the limit of entries are left out with a note",
          "[limits]") {
  const scratch_tree from{in_memory};
  for (int i = 0; i < 5; ++i)
    from.write("f" + std::to_string(i), "x");
  extraction_limits limits;
  limits.entries = 5;
  CHECK(round_trip{from, limits}.notes.empty());
  limits.entries = 4;
  const round_trip trip{from, limits};
  trip.check_is_accepted();
  CHECK(trip.restored->files == 4);
  CHECK(trip.notes.size() == 1);
}

TEST_CASE("links over the limit of their memory are left out with a note",
          "[limits]") {
  const scratch_tree from{in_memory};
  for (int i = 0; i < 3; ++i)
    std::filesystem::create_symlink("t", from.root / ("l" + std::to_string(i)));
  extraction_limits limits;
  limits.links = std::int64_t{3} * (64 + 2 + 1);
  CHECK(round_trip{from, limits}.notes.empty());
  --limits.links;
  const round_trip trip{from, limits};
  trip.check_is_accepted();
  CHECK(trip.restored->files == 2);
  CHECK(trip.notes.size() == 1);
}

TEST_CASE("a node short of descriptors leaves no files out, but fails",
          "[limits]") {
  const scratch_tree tree;
  const std::string below = GENERATE("", "/in/it");
  tree.write("a" + below, "x");
  tree.write("b" + below, "x");
  std::optional<few_descriptors> short_of;
  archive_settings settings;
  settings.found = [&](const archive_entry&) -> status {
    if (!short_of)
      short_of.emplace(0); // those that are open stay open
    return {};
  };
  const auto made = write_archive(tree.fd.get(), ignore_rules{}, settings, {},
                                  [](byte_view) -> status { return {}; });
  short_of.reset();
  REQUIRE_FALSE(made);
  CHECK(made.error().code == alula::jobs::fault_code::io_error);
  CHECK(made.error().what.find("Too many open files") != std::string::npos);
}

TEST_CASE("a node that gives too few threads fails, and does not wait for them",
          "[limits]") {
  const scratch_tree tree{in_memory};
  tree.write("a", std::string(3'000'000, 'a'));
  ::chmod(tree.root.c_str(), 0755);
  const auto file =
      open_beneath(tree.fd.get(), "a.tar.gz", O_RDWR | O_CREAT | O_EXCL, 0600);
  const auto write = [&](unsigned threads) {
    archive_settings settings;
    settings.pipeline.threads = threads;
    return write_archive(tree.fd.get(), ignore_rules{"a.tar.gz"}, settings, {},
                         [&](byte_view part) {
                           return write_all(file.get(), part, "the archive");
                         });
  };
  const auto made = write(2);
  REQUIRE(made);
  verification_settings reading;
  reading.reader.members = made->stream.members;
  reading.reader.threads = 8;
  REQUIRE(verify_archive(file.get(), reading, {}));
  const auto said = with_few_threads([&] {
    const auto written = write(8);
    const auto read = verify_archive(file.get(), reading, {});
    const auto is_told = [](const auto& outcome) {
      return !outcome
             && outcome.error().code == alula::jobs::fault_code::io_error
             && outcome.error().what.find("thread") != std::string::npos;
    };
    return is_told(written) && is_told(read);
  });
  if (said == child_says::it_has_threads)
    WARN("skipped: the number of threads cannot be limited here");
  else
    CHECK(said == child_says::yes);
}
