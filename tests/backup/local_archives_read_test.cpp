// Archives that are browsed, and single files of them.
#include "tests/backup/backup_place.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <random>
#include <tuple>
#include <vector>

using namespace alula;
using backup::backup_place;
using backup::content_of;
using backup::disk_stage;
using backup::file_descriptor;
using backup::place_of;
using backup::printed_by;
using backup::scratch_tree;
using contracts::archives_stage;
using contracts::fails_with;
using jobs::fault_code;
using strings = std::vector<std::string>;

TEST_CASE("chosen hard links of a full archive come back without their file",
          "[archives]") {
  backup::store_settings settings;
  settings.format = backup::archive_format::full;
  auto on = disk_stage(settings);
  auto& place = place_of(on);
  place.fill({{"x/first", "content"}, {"y/other", "o"}});
  std::filesystem::create_hard_link(place.files.root / "x/first",
                                    place.files.root / "y/second");
  std::filesystem::create_hard_link(place.files.root / "x/first",
                                    place.files.root / "y/third");
  std::filesystem::create_directory(place.files.root / "empty");
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  CHECK(printed_by("tar -tzf " + place.archive_of(on.backup).string())
            .find("empty/\n")
        != std::string::npos);
  for (const auto* part : {"x", "y"}) {
    for (const auto& each :
         std::filesystem::directory_iterator{place.stage.root})
      std::filesystem::remove_all(each);
    jobs::extraction_order order{.backup = on.backup, .paths = {part}};
    const auto made = on.port.extract(order, place.staging(), {}, {});
    REQUIRE(made);
    CHECK(made->noted == 0);
    const auto name = std::string{part} == "x" ? "x/first" : "y/second";
    CHECK(place.staged().at(name) == "content");
  }
  // Of the file that comes along, once.
  for (const auto& [parts, files, bytes] :
       {std::tuple{strings{"x"}, 1, 7}, std::tuple{strings{"y"}, 3, 8},
        std::tuple{strings{"x", "y"}, 4, 8}}) {
    const auto size = on.port.chosen_size(on.backup, parts, {});
    REQUIRE(size);
    CHECK(size->files == files);
    CHECK(size->bytes == bytes);
  }
  std::string whole;
  auto reader = on.port.open_content(on.backup, "y/second");
  REQUIRE(reader);
  REQUIRE((*reader)->read(100, whole));
  CHECK(whole == "content");
}

TEST_CASE("a directory of empty ones only comes back with its time",
          "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  place.fill({{"file", "content"}});
  std::filesystem::create_directories(place.files.root / "a/b/c");
  const auto long_ago =
      std::filesystem::file_time_type::clock::now() - std::chrono::hours{9'000};
  for (const auto* path : {"a/b/c", "a/b", "a"})
    std::filesystem::last_write_time(place.files.root / path, long_ago);
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  REQUIRE(on.port.extract({.backup = on.backup}, place.staging(), {}, {}));
  for (const auto* path : {"a/b/c", "a/b", "a"}) {
    INFO(path);
    CHECK(std::filesystem::last_write_time(place.stage.root / path)
          == long_ago);
  }
}

TEST_CASE("odd files come back from an archive one by one", "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  contracts::archives_world::tree files{
      {"new\nline", "1"}, {"\xff\xfe", "2"}, {"empty", ""}};
  place.fill(files);
  std::string big;
  for (int i = 0; big.size() < 5'000'000; ++i)
    big += std::to_string(i * 2654435761U);
  place.files.write("zz/big", big);
  std::filesystem::create_hard_link(place.files.root / "zz/big",
                                    place.files.root / "twin");
  std::filesystem::create_symlink("zz/big", place.files.root / "link");
  std::filesystem::create_directory(place.files.root / "hollow");
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  files["zz/big"] = files["twin"] = big;
  for (const auto& [path, content] : files) {
    INFO(path);
    auto reader = on.port.open_content(on.backup, path);
    REQUIRE(reader);
    CHECK((*reader)->size() == static_cast<std::int64_t>(content.size()));
    CHECK(contracts::all_of(**reader) == content);
  }
  fails_with(on.port.open_content(on.backup, "link"),
             fault_code::path_not_found);
  const auto top = on.port.browse(on.backup, "", "", 100);
  REQUIRE(top);
  CHECK(contracts::names_of(*top)
        == std::vector<std::string>{"empty", "hollow", "link", "new\nline",
                                    "twin", "zz", "\xff\xfe"});
  CHECK(top->items[2].target == "zz/big");
}

namespace {

/// Bytes that are read for one small file behind so much noise.
std::int64_t cost_of_one(int megabytes, bool is_indexed_again) {
  auto on = disk_stage();
  auto& place = place_of(on);
  std::string noise(1 << 20, ' ');
  std::mt19937_64 random{1};
  for (int i = 0; i < megabytes; ++i) {
    for (std::size_t at = 0; at < noise.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t some = random();
      std::memcpy(noise.data() + at, &some, sizeof some);
    }
    place.files.write("world/" + std::to_string(i), noise);
  }
  place.files.write("world/wanted", "found\n");
  REQUIRE(on.write());
  REQUIRE(on.port.publish(on.backup, on.job));
  if (is_indexed_again) {
    const auto archive = place.archive_of(on.backup).string();
    REQUIRE(std::filesystem::remove(archive + ".manifest"));
    fails_with(on.port.open_content(on.backup, "world/wanted"),
               fault_code::no_manifest);
    REQUIRE(on.port.index(on.backup, on.server, on.later, {}, {}));
  }
  const auto before = backup::bytes_read();
  const auto reader = on.port.open_content(on.backup, "world/wanted");
  REQUIRE(reader);
  CHECK(contracts::all_of(**reader) == "found\n");
  return backup::bytes_read() - before;
}

void costs_the_same(bool is_indexed_again) {
  const auto of_small = cost_of_one(2, is_indexed_again);
  const auto of_large = cost_of_one(48, is_indexed_again);
  INFO(of_small << " and " << of_large);
  CHECK(of_large < 4 << 20);
  CHECK(of_large < of_small + (2 << 20));
}

} // namespace

TEST_CASE("one small file costs the same of an archive of any size",
          "[archives]") {
  costs_the_same(false);
}

TEST_CASE("one small file costs no more when a lost manifest was made again",
          "[archives]") {
  costs_the_same(true);
}

TEST_CASE("an archive of GNU tar with holes, links and dots is indexed",
          "[archives]") {
  auto on = disk_stage();
  auto& place = place_of(on);
  const scratch_tree source;
  source.write("d/plain", "plain");
  source.write("sparse", "begin");
  std::filesystem::resize_file(source.root / "sparse", 3'000'000);
  std::fstream{source.root / "sparse", std::ios::in | std::ios::out}.seekp(
      2'000'000)
      << "end";
  std::filesystem::create_hard_link(source.root / "d/plain",
                                    source.root / "d/twin");
  printed_by(
      "tar -C " + source.root.string() + " --sparse -czf "
      + (place.backups.root / (on.other.to_string() + ".tar.gz")).string()
      + " .");
  REQUIRE(on.port.index(on.other, on.server, on.later, {}, {}));
  const auto read = [&](const std::string& path) {
    auto reader = on.port.open_content(on.other, path);
    REQUIRE(reader);
    return contracts::all_of(**reader);
  };
  CHECK(read("d/plain") == "plain");
  CHECK(read("d/twin") == "plain");
  CHECK(read("sparse") == content_of(source.root / "sparse"));
  CHECK(on.port.browse(on.other, "d", "", 10)->items.at(1).size == 5);
}

TEST_CASE("a file that nobody waits for any more is not read", "[archives]") {
  archives_stage on{std::make_unique<backup_place>(backup::store_settings{},
                                                   backup::in_memory)};
  on.world->put_foreign(on.other, {{"a", "first"}, {"z", "last"}});
  REQUIRE(on.port.index(on.other, on.server, on.later, {}, {}));
  auto file = on.port.open_content(on.other, "z");
  REQUIRE(file);
  std::string out;
  bool is_wanted = false;
  const auto read = [&] {
    return (*file)->read_while([&] { return is_wanted; }, 10, out);
  };
  fails_with(read(), fault_code::interrupted);
  CHECK(out.empty());
  is_wanted = true;
  REQUIRE(read());
  CHECK(out == "last");
}

TEST_CASE("a hundred thousand small files are archived and browsed",
          "[archives][slow]") {
  archives_stage on{std::make_unique<backup_place>(backup::store_settings{},
                                                   backup::in_memory)};
  auto& place = place_of(on);
  for (int d = 0; d < 100; ++d) {
    const auto directory = place.files.root / ("d" + std::to_string(d));
    std::filesystem::create_directory(directory);
    for (int f = 0; f < 1'000; ++f) {
      const file_descriptor made{::open((directory / std::to_string(f)).c_str(),
                                        O_CREAT | O_WRONLY | O_CLOEXEC, 0644)};
      const auto text = std::to_string(d * 1'000 + f);
      REQUIRE(::write(made.get(), text.data(), text.size()) > 0);
    }
  }
  const auto made = on.write();
  REQUIRE(made);
  CHECK(made->facts.files == 100'000);
  REQUIRE(on.port.publish(on.backup, on.job));
  CHECK(on.port.browse(on.backup, "d42", "", 2'000)->items.size() == 1'000);
  CHECK(on.port.browse(on.backup, "", "", 2'000)->items.size() == 100);
  auto reader = on.port.open_content(on.backup, "d77/123");
  REQUIRE(reader);
  CHECK(contracts::all_of(**reader) == "77123");
}
