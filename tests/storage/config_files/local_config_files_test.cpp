#include "storage/config_files/local_config_files.hpp"
#include "tests/contracts/config_files_contract.hpp"
#include "tests/doubles/fake_config_files.hpp"
#include "tests/storage/volumes_disk.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace alula::storage {

namespace {

using effect = jobs::config_outcome::effect;

struct remembered final : contracts::config_files_world {
  jobs::fake_config_files fake;
  remembered() { fake.volumes.insert(storage::server); }
  jobs::config_files& port() override { return fake; }
  void break_file(const std::string& path) override {
    fake.broken.insert(path);
  }
  bool has_file(const std::string& path) override {
    return fake.held[storage::server].contains(path);
  }
  jobs::server_id server() const override { return storage::server; }
};

struct real final : contracts::config_files_world {
  disk place;
  local_config_files files{
      *place.opened,
      {::geteuid(), ::getegid(), {{"docker.network.interface", "10.0.0.1"}}}};

  real() { REQUIRE(place.opened->create(storage::server)); }
  jobs::config_files& port() override { return files; }
  void break_file(const std::string& path) override {
    write_file(place.volume() / path, "{");
  }
  bool has_file(const std::string& path) override {
    return fs::exists(place.volume() / path);
  }
  jobs::server_id server() const override { return storage::server; }

  fs::path at(const std::string& path) const { return place.volume() / path; }

  std::string text(const std::string& path) const {
    std::ifstream file{at(path)};
    return (std::stringstream{} << file.rdbuf()).str();
  }

  jobs::config_outcome rewrite(const std::string& path,
                               const std::string& parser = "properties",
                               const std::string& value = "25565") {
    auto outcomes = files.rewrite(
        storage::server,
        {{parser,
          path,
          {{"port", "", {jobs::config_value::type::text, value}}}}},
        {});
    REQUIRE(outcomes);
    REQUIRE(outcomes->size() == 1);
    return std::move(outcomes->front());
  }
};

template<class World>
std::unique_ptr<contracts::config_files_world> world() {
  return std::make_unique<World>();
}

std::size_t entries_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(
      fs::directory_iterator{directory}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("the fake of configuration files keeps the contract",
          "[config-files]") {
  contracts::config_files_keep_their_contract(world<remembered>);
}

TEST_CASE("configuration files on a disk keep the contract", "[config-files]") {
  contracts::config_files_keep_their_contract(world<real>);
}

TEST_CASE("a rewritten file keeps its mode and its owner", "[config-files]") {
  real w;
  write_file(w.at("a"), "port=1\n");
  fs::permissions(w.at("a"), fs::perms{0640});
  if (is_root())
    REQUIRE(::chown(w.at("a").c_str(), 1234, 2345) == 0);
  const auto before = stat_of(w.at("a"));
  CHECK(w.rewrite("a").is == effect::rewritten);
  const auto after = stat_of(w.at("a"));
  CHECK(w.text("a") == "port=25565\n");
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_uid == before.st_uid);
  CHECK(after.st_gid == before.st_gid);
  CHECK(entries_in(w.place.volume()) == 1);
}

TEST_CASE("no file becomes set-user-id", "[config-files]") {
  real w;
  write_file(w.at("a"), "port=1\n");
  fs::permissions(w.at("a"), fs::perms{04755});
  CHECK(w.rewrite("a").is == effect::rewritten);
  CHECK((stat_of(w.at("a")).st_mode & 07777) == 0755);
}

TEST_CASE("a new file and its directories belong to the server user",
          "[config-files]") {
  real w;
  w.files.~local_config_files();
  const uid_t uid = is_root() ? 1234 : ::geteuid();
  new (&w.files) local_config_files{*w.place.opened, {uid, ::getegid(), {}}};
  CHECK(w.rewrite("a/b/c").is == effect::created);
  for (const auto* path : {"a", "a/b", "a/b/c"})
    CHECK(stat_of(w.at(path)).st_uid == uid);
  CHECK((stat_of(w.at("a/b")).st_mode & 07777) == 0755);
  CHECK((stat_of(w.at("a/b/c")).st_mode & 07777) == 0644);
}

TEST_CASE("an unchanged file is not written", "[config-files]") {
  real w;
  write_file(w.at("a"), "port=25565\n");
  const auto before = stat_of(w.at("a"));
  CHECK(w.rewrite("a").is == effect::unchanged);
  CHECK(stat_of(w.at("a")).st_ino == before.st_ino);
}

TEST_CASE("a file that cannot be understood stays exactly as it is",
          "[config-files]") {
  real w;
  write_file(w.at("a"), "{\"port\": 1,,}");
  const auto outcome = w.rewrite("a", "json");
  CHECK(outcome.is == effect::failed);
  CHECK(outcome.notes
        == std::vector<std::string>{"It is not JSON from byte 12 on."});
  CHECK(w.text("a") == "{\"port\": 1,,}");
}

TEST_CASE("paths are understood as they are written", "[config-files]") {
  real w;
  CHECK(w.rewrite("/a").is == effect::created);
  CHECK(w.rewrite("./b//c/../a").is == effect::created);
  CHECK(w.has_file("a"));
  CHECK(w.has_file("b/a"));
  for (const auto* path : {"", "/", ".", "..", "a/..", "../x", "b/../../x"})
    CHECK(w.rewrite(path).is == effect::failed);
  CHECK(w.rewrite(std::string(300, 'x')).is == effect::failed);
  CHECK(w.rewrite(std::string(10'000, '/') + "x").is == effect::failed);
}

TEST_CASE("a link inside the volume is followed and stays a link",
          "[config-files]") {
  real w;
  fs::create_directories(w.at("real/deep"));
  write_file(w.at("real/deep/a"), "port=1\n");
  fs::create_directory_symlink("real", w.at("dir"));
  fs::create_symlink("../real/deep/a", w.at("real/link"));
  fs::create_symlink("dir/deep/a", w.at("a"));
  CHECK(w.rewrite("a").is == effect::rewritten);
  CHECK(fs::is_symlink(w.at("a")));
  CHECK(w.text("real/deep/a") == "port=25565\n");
  CHECK(w.rewrite("dir/link", "properties", "2").is == effect::rewritten);
  CHECK(w.text("real/deep/a") == "port=2\n");
}

TEST_CASE("a link that leads out is refused", "[config-files]") {
  real w;
  const auto outside = w.place.root / "outside";
  fs::create_directory(outside);
  write_file(outside / "a", "port=1\n");
  fs::create_symlink(outside / "a", w.at("absolute"));
  fs::create_symlink("../../outside/a", w.at("relative"));
  fs::create_directory_symlink("../../outside", w.at("directory"));
  fs::create_symlink("loop", w.at("loop"));
  fs::create_symlink("/proc/self/root/etc/passwd", w.at("magic"));
  for (const auto* path : {"absolute", "relative", "directory/a",
                           "directory/new", "loop", "magic"}) {
    CAPTURE(path);
    CHECK(w.rewrite(path).is == effect::failed);
  }
  std::ifstream file{outside / "a"};
  CHECK((std::stringstream{} << file.rdbuf()).str() == "port=1\n");
  CHECK(entries_in(outside) == 1);
}

TEST_CASE("what is no file is refused", "[config-files]") {
  real w;
  fs::create_directory(w.at("directory"));
  REQUIRE(::mkfifo(w.at("fifo").c_str(), 0600) == 0);
  write_file(w.at("file"));
  CHECK(w.rewrite("directory").is == effect::failed);
  CHECK(w.rewrite("fifo").is == effect::failed);
  CHECK(w.rewrite("file/below").is == effect::failed);
}

TEST_CASE("the other name of a rewritten file keeps its text",
          "[config-files]") {
  real w;
  write_file(w.at("a"), "port=1\n");
  fs::create_hard_link(w.at("a"), w.at("b"));
  CHECK(w.rewrite("a").is == effect::rewritten);
  CHECK(w.text("a") == "port=25565\n");
  CHECK(w.text("b") == "port=1\n");
}

TEST_CASE("a file on a mount inside the volume is refused", "[config-files]") {
  if (is_skipped_without_root("mounts"))
    return;
  real w;
  fs::create_directory(w.at("mnt"));
  const mounted other{"tmpfs", "tmpfs", w.at("mnt")};
  if (is_skipped_unless(other))
    return;
  write_file(w.at("mnt/a"), "port=1\n");
  CHECK(w.rewrite("mnt/a").is == effect::failed);
  CHECK(w.text("mnt/a") == "port=1\n");
}

TEST_CASE("what a crash left beside a file is replaced", "[config-files]") {
  real w;
  write_file(w.at(".alula-config.part"), "half");
  CHECK(w.rewrite("a").is == effect::created);
  CHECK(entries_in(w.place.volume()) == 1);
}

TEST_CASE("what cannot be written is a note", "[config-files]") {
  real w;
  fs::create_directory(w.at(".alula-config.part"));
  const auto outcome = w.rewrite("a");
  CHECK(outcome.is == effect::failed);
  CHECK(outcome.notes.size() == 1);
  CHECK_FALSE(w.has_file("a"));
}

TEST_CASE("a file that is too large is left", "[config-files]") {
  real w;
  write_file(w.at("a"), std::string((4 << 20) + 1, ' '));
  const auto outcome = w.rewrite("a");
  CHECK(outcome.is == effect::failed);
  CHECK(outcome.notes == std::vector<std::string>{"It is larger than 4 MiB."});
}

TEST_CASE("eggs may ask the node for its network", "[config-files]") {
  real w;
  w.rewrite("a", "properties", "{{config.docker.network.interface}}:1");
  CHECK(w.text("a") == "port=10.0.0.1:1\n");
  const auto outcome = w.rewrite("a", "properties", "{{config.token}}");
  CHECK(outcome.notes.size() == 1);
  CHECK(w.text("a") == "port={{config.token}}\n");
}

TEST_CASE("values never stand in notes", "[config-files]") {
  real w;
  write_file(w.at("a"), "{\"port\": [1]}");
  auto outcomes = w.files.rewrite(
      server,
      {{"json",
        "a",
        {{"port.x", "", {jobs::config_value::type::text, "s3cret"}}}}},
      {});
  REQUIRE(outcomes);
  REQUIRE_FALSE(outcomes->front().notes.empty());
  for (const auto& note : outcomes->front().notes)
    CHECK(note.find("s3cret") == std::string::npos);
}

} // namespace alula::storage
