#include "storage/file_system.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace alula::storage {

namespace {

struct scratch {
  fs::path path;
  scratch() {
    auto name = (fs::temp_directory_path() / "alula-files-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

ownership mine(mode_t mode) {
  return {::geteuid(), ::getegid(), mode};
}

} // namespace

TEST_CASE("a plain name is one component that names an entry", "[storage]") {
  CHECK(is_plain_name("world"));
  CHECK(is_plain_name(".trash"));
  CHECK(is_plain_name("..."));
  CHECK(is_plain_name(std::string(255, 'n')));
  CHECK_FALSE(is_plain_name(""));
  CHECK_FALSE(is_plain_name("."));
  CHECK_FALSE(is_plain_name(".."));
  CHECK_FALSE(is_plain_name("a/b"));
  CHECK_FALSE(is_plain_name(std::string_view{"a\0b", 3}));
  CHECK_FALSE(is_plain_name(std::string(256, 'n')));
}

TEST_CASE("a root is made with its parents, the last one as asked",
          "[storage]") {
  scratch place;
  const auto path = place.path / "srv" / "node" / "volumes/";
  const auto made = open_root(path, mine(0700));
  REQUIRE(made);
  CHECK(made->path == fs::canonical(path));
  CHECK((fs::status(path).permissions() & fs::perms::all)
        == fs::perms::owner_all);
  CHECK(made->path_of("x") == (made->path / "x").string());

  SECTION("one that exists is left as it is") {
    const auto again = open_root(path, mine(0755));
    REQUIRE(again);
    CHECK(again->identity == made->identity);
    CHECK((fs::status(path).permissions() & fs::perms::all)
          == fs::perms::owner_all);
  }
}

TEST_CASE("a root that is no directory is a fault that names it", "[storage]") {
  scratch place;
  std::ofstream{place.path / "file"} << "x";
  const auto opened = open_root(place.path / "file", std::nullopt);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().where.find("file") != std::string::npos);
  CHECK_FALSE(open_root("", std::nullopt));
}

TEST_CASE("what is opened beneath a directory cannot lead out of it",
          "[storage]") {
  scratch place;
  fs::create_directory(place.path / "inside");
  fs::create_directory_symlink("/", place.path / "out");
  fs::create_directory_symlink("inside", place.path / "in");
  const auto root = open_root(place.path, std::nullopt);
  REQUIRE(root);
  const auto open = [&](const char* name) {
    const int fd = open_beneath(root->fd.get(), name, O_RDONLY | O_DIRECTORY);
    if (fd >= 0)
      ::close(fd);
    return fd;
  };
  CHECK(open("inside") >= 0);
  CHECK(open("out") == -ENOTDIR);
  CHECK(open("in") == -ENOTDIR);
  CHECK(open("in/..") == -ELOOP);
  CHECK(open("..") == -EXDEV);
  CHECK(open("/etc") == -EXDEV);
  CHECK(open("missing") == -ENOENT);
}

TEST_CASE("a new directory never takes the place of something else",
          "[storage]") {
  scratch place;
  const auto root = open_root(place.path, std::nullopt);
  REQUIRE(root);
  std::ofstream{place.path / "file"} << "x";
  fs::create_directory_symlink("/tmp", place.path / "link");
  CHECK_FALSE(make_directory(*root, "file", mine(0755)));
  CHECK_FALSE(make_directory(*root, "link", mine(0755)));
  CHECK(*make_directory(*root, "new", mine(0755)));
  CHECK_FALSE(*make_directory(*root, "new", mine(0755)));
}

TEST_CASE("names are listed again from the start each time", "[storage]") {
  scratch place;
  const auto root = open_root(place.path, std::nullopt);
  REQUIRE(root);
  fs::create_directory(place.path / "b");
  std::ofstream{place.path / "a"} << "x";
  for (int i = 0; i < 2; ++i) {
    auto names = list_names(*root);
    REQUIRE(names);
    std::sort(names->begin(), names->end());
    CHECK(*names == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("a descriptor has one owner", "[storage]") {
  file_descriptor first{::open("/", O_RDONLY | O_CLOEXEC)};
  const int number = first.get();
  file_descriptor second{std::move(first)};
  CHECK(second.get() == number);
  CHECK(::fcntl(number, F_GETFD) >= 0);
  second.close();
  CHECK_FALSE(second.is_open());
  CHECK(::fcntl(number, F_GETFD) == -1);
}

} // namespace alula::storage
