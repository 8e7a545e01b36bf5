#include "backup/tree_walk.hpp"
#include "tests/backup/deprived.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace alula::backup;
using alula::jobs::fault_code;
using alula::jobs::status;

namespace {

struct notes : tree_visitor {
  std::vector<std::string> seen;
  std::function<void(std::string_view)> on_file;

  status file(const place& at, const struct stat&) override {
    seen.push_back("file " + std::string{at.path});
    if (on_file)
      on_file(at.path);
    return {};
  }
  status link(const place& at, const struct stat&) override {
    seen.push_back("link " + std::string{at.path});
    return {};
  }
  status directory(const place& at, const struct stat&,
                   bool is_empty) override {
    seen.push_back((is_empty ? "empty " : "dir ") + std::string{at.path});
    return {};
  }
  void skipped(std::string_view path, std::string_view why) override {
    seen.push_back("skipped " + std::string{path} + ": " + std::string{why});
  }
  bool has(const std::string& line) const {
    return std::ranges::find(seen, line) != seen.end();
  }
};

notes walk(const scratch_tree& tree, const std::string& patterns = {}) {
  notes out;
  REQUIRE(walk_tree(tree.fd.get(), ignore_rules{patterns}, {}, out));
  return out;
}

} // namespace

TEST_CASE("a walk sees files, links and directories, a directory last",
          "[walk]") {
  const scratch_tree tree;
  tree.write("world/region/r.0.0.mca", "x");
  std::filesystem::create_directory(tree.root / "empty");
  std::filesystem::create_symlink("world", tree.root / "current");
  const auto out = walk(tree);
  CHECK(out.seen.size() == 5);
  CHECK(out.has("file world/region/r.0.0.mca"));
  CHECK(out.has("link current"));
  CHECK(out.has("empty empty"));
  CHECK(std::ranges::find(out.seen, "dir world/region")
        < std::ranges::find(out.seen, "dir world"));
}

TEST_CASE("what the rules leave out is not visited, directories are walked",
          "[walk]") {
  const scratch_tree tree;
  tree.write("logs/a.log", "x");
  tree.write("logs/keep.txt", "x");
  const auto out = walk(tree, "*.log");
  CHECK_FALSE(out.has("file logs/a.log"));
  CHECK(out.has("file logs/keep.txt"));
}

TEST_CASE("a link to a directory is a link, wherever it leads", "[walk]") {
  const scratch_tree outside;
  outside.write("secret", "x");
  const scratch_tree tree;
  std::filesystem::create_directory_symlink(outside.root, tree.root / "out");
  std::filesystem::create_directory_symlink("..", tree.root / "up");
  CHECK(walk(tree).seen.size() == 2);
}

TEST_CASE("sockets and fifos are skipped with a note", "[walk]") {
  const scratch_tree tree;
  REQUIRE(::mkfifo((tree.root / "pipe").c_str(), 0600) == 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto path = (tree.root / "sock").string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address)
          == 0);
  const auto out = walk(tree);
  ::close(fd);
  CHECK(out.has("skipped pipe: a fifo"));
  CHECK(out.has("skipped sock: a socket"));
}

TEST_CASE("odd names are names like any other", "[walk]") {
  const scratch_tree tree;
  tree.write("line\nbreak", "x");
  tree.write("caf\xe9", "x");
  tree.write(std::string(255, 'n'), "x");
  const auto out = walk(tree);
  CHECK(out.has("file line\nbreak"));
  CHECK(out.has("file caf\xe9"));
  CHECK(out.has("file " + std::string(255, 'n')));
}

TEST_CASE("a path of thousands of characters is walked to its end", "[walk]") {
  const scratch_tree tree;
  file_descriptor at{::dup(tree.fd.get())};
  const std::string name(200, 'd');
  std::string path;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(::mkdirat(at.get(), name.c_str(), 0755) == 0);
    at = open_beneath(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
    path += name + '/';
  }
  REQUIRE(open_beneath(at.get(), "f", O_WRONLY | O_CREAT, 0644).is_open());
  CHECK(walk(tree).has("file " + path + "f"));
}

TEST_CASE("what is gone before its turn is skipped with a note", "[walk]") {
  const scratch_tree tree;
  tree.write("a", "x");
  tree.write("b", "x");
  notes out;
  std::string gone;
  out.on_file = [&](std::string_view path) {
    gone = path == "a" ? "b" : "a";
    std::filesystem::remove(tree.root / gone);
  };
  REQUIRE(walk_tree(tree.fd.get(), ignore_rules{}, {}, out));
  CHECK(out.seen.size() == 2);
  CHECK(out.has("skipped " + gone + ": vanished"));
}

TEST_CASE("of a directory that cannot be read it is said that more is missing",
          "[walk]") {
  const scratch_tree tree;
  tree.write("closed/file", "x");
  tree.write("open", "x");
  ::chmod(tree.root.c_str(), 0755);
  ::chmod((tree.root / "closed").c_str(), 0);
  notes out;
  const auto walked = [&] {
    const plain_user me;
    return walk_tree(tree.fd.get(), {}, {}, out);
  }();
  ::chmod((tree.root / "closed").c_str(), 0755);
  REQUIRE(walked);
  CHECK(out.has("file open"));
  CHECK(out.has("skipped closed: cannot be read (Permission denied); what is "
                "in it is missing"));
}

TEST_CASE("a walk that the node has no memory for names the call that failed",
          "[walk]") {
  const scratch_tree tree;
  tree.write("a/x", "x");
  tree.write("b/x", "x");
  const bool lists = GENERATE(false, true);
  notes out;
  bool is_failing = false;
  out.on_file = [&](std::string_view) {
    is_failing =
        fail_from_now_on(lists ? SYS_getdents64 : SYS_newfstatat, ENOMEM);
  };
  status walked;
  std::thread{[&] { walked = walk_tree(tree.fd.get(), {}, {}, out); }}.join();
  if (!is_failing) {
    WARN("skipped: calls cannot be made to fail here");
    return;
  }
  REQUIRE_FALSE(walked);
  CHECK(walked.error().code == fault_code::io_error);
  CHECK(walked.error().what.starts_with(lists ? "getdents" : "fstatat"));
}

TEST_CASE("a directory swapped for a link while it is walked leads nowhere",
          "[walk]") {
  const scratch_tree outside;
  outside.write("secret", "x");
  const scratch_tree tree;
  tree.write("a/one", "x");
  tree.write("b/two", "x");
  notes out;
  out.on_file = [&](std::string_view path) {
    const auto* other = path[0] == 'a' ? "b" : "a";
    std::filesystem::remove_all(tree.root / other);
    std::filesystem::create_directory_symlink(outside.root, tree.root / other);
    out.on_file = nullptr;
  };
  REQUIRE(walk_tree(tree.fd.get(), {}, {}, out));
  for (const auto& line : out.seen)
    CHECK(line.find("secret") == std::string::npos);
}

TEST_CASE("a directory too large for the memory is read in parts", "[walk]") {
  const scratch_tree tree{in_memory};
  constexpr int files = 5'000;
  const file_descriptor flat{open_beneath(tree.fd.get(), ".", O_RDONLY)};
  for (int i = 0; i < files; ++i)
    REQUIRE(open_beneath(flat.get(), ("file" + std::to_string(i)).c_str(),
                         O_WRONLY | O_CREAT, 0644)
                .is_open());
  notes out;
  REQUIRE(walk_tree(tree.fd.get(), {}, {}, out, {.most_listed = 1}));
  std::ranges::sort(out.seen);
  CHECK(out.seen.size() == files);
  CHECK(std::ranges::adjacent_find(out.seen) == out.seen.end());
}

TEST_CASE("a list made to be slow ends the walk with a sentence", "[walk]") {
  const scratch_tree tree{in_memory};
  const std::string name(200, 'a');
  for (int i = 0; i < 60; ++i)
    tree.write(name + std::to_string(i), "");
  std::string slow;
  for (int line = 0; line < 60; ++line) {
    for (int i = 0; i < 100; ++i)
      slow += "*a";
    slow += "*b\n";
  }
  notes out;
  const auto ended = walk_tree(tree.fd.get(), ignore_rules{slow}, {}, out);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == fault_code::validation);
  CHECK(ended.error().what.find("ignored files") != std::string::npos);
}

TEST_CASE("a walk asked to stop says so", "[walk]") {
  const scratch_tree tree;
  tree.write("a", "x");
  tree.write("b", "x");
  std::stop_source stop;
  notes out;
  out.on_file = [&](std::string_view) { stop.request_stop(); };
  const auto ended = walk_tree(tree.fd.get(), {}, stop.get_token(), out);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == fault_code::interrupted);
  CHECK(out.seen.size() == 1);
}
