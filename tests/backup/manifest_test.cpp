#include "backup/manifest_order.hpp"
#include "backup/manifest_reader.hpp"
#include "backup/manifest_writer.hpp"
#include "tests/backup/backup_place.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace alula;
using namespace alula::backup;
using jobs::fault_code;

namespace {

archive_entry file_at(std::string path, std::uint64_t offset = 0,
                      std::uint64_t size = 7) {
  archive_entry out;
  out.path = std::move(path);
  out.mode = 0644;
  out.mtime_ns = 1'700'000'000'000'000'005;
  out.size = size;
  out.offset = offset;
  return out;
}

archive_entry directory_at(std::string path, std::uint64_t offset = 0) {
  auto out = file_at(std::move(path), offset, 0);
  out.type = entry_type::directory;
  out.mode = 0750;
  return out;
}

manifest_facts some_facts() {
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

/// A manifest on the disk, from entries in any order.
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

std::vector<std::string> all_paths(manifest_reader& from) {
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

std::vector<std::string> names_in(manifest_reader& from,
                                  const std::string& path,
                                  const std::string& after = {},
                                  std::size_t limit = 1000) {
  auto page = from.browse(path, after, limit);
  REQUIRE(page);
  return contracts::names_of(*page);
}

} // namespace

TEST_CASE("a manifest holds what it was given", "[manifest]") {
  written_manifest m;
  auto link = file_at("current", 3, 0);
  link.type = entry_type::link;
  link.target = "world/level.dat";
  auto twin = file_at("twin", 4'000'000'000'000, 5'000'000'000'000);
  twin.type = entry_type::hard_link;
  twin.target = "world/level.dat";
  twin.is_sparse = true;
  twin.mode = 04751;
  for (const auto& each :
       {twin, file_at("world/level.dat", 512), directory_at("world"), link})
    m.add(each);
  const std::vector<member_position> members{
      {0, 0}, {1'048'576, 400'000}, {2'097'152, 400'900}};
  m.finish(members, {{"a\nb", "vanished"}, {"\xff", "a socket"}});

  auto reader = m.reader();
  CHECK(reader.facts().backup == some_facts().backup);
  CHECK(reader.facts().server == some_facts().server);
  CHECK(reader.facts().job == some_facts().job);
  CHECK(reader.facts().archive.size == 12'345);
  CHECK(reader.facts().archive.sha256 == std::string(64, 'b'));
  CHECK(reader.facts().entries == 4);
  CHECK(reader.facts().noted == 2);
  CHECK(reader.facts().level == compression::best_compression);
  CHECK(reader.facts().ignored_by == ignore_source::pteroignore);
  CHECK(**reader.find("twin") == twin);
  CHECK(**reader.find("current") == link);
  CHECK(**reader.find("world") == directory_at("world"));
  CHECK(**reader.find("world/level.dat") == file_at("world/level.dat", 512));
  CHECK_FALSE(*reader.find("worl"));
  CHECK_FALSE(*reader.find("zzz"));
  CHECK(*reader.members() == members);
  const auto notes = reader.notes();
  REQUIRE(notes->size() == 2);
  CHECK(notes->at(0).path == "a\nb");
  CHECK(notes->at(1).path == "\xff");
  CHECK(notes->at(1).what == "a socket");
}

TEST_CASE("zcat shows a manifest", "[manifest]") {
  written_manifest m;
  m.add(file_at("server.properties"));
  m.finish({{0, 0}});
  const auto shown = printed_by("zcat < " + m.path.string());
  CHECK(shown.find("\"alula_manifest\":1") != std::string::npos);
  CHECK(shown.find("{\"path\":\"server.properties\",\"type\":\"file\"")
        != std::string::npos);
}

TEST_CASE("names of any bytes survive", "[manifest]") {
  written_manifest m;
  std::vector<std::string> odd{"new\nline",
                               "quote\"d",
                               "back\\slash",
                               "\x01\x02\x1f\x7f",
                               "\xff\xfe",
                               "\xed\xa0\x80 surrogate",
                               "\xc0\xaf overlong",
                               "\xf4\x90\x80\x80",
                               "grün",
                               "\xf0\x9f\xaa\xb6",
                               " ",
                               std::string(255, 'n')};
  std::string deep;
  while (deep.size() < 4'000)
    deep += std::string(200, 'd') + '/';
  odd.push_back(deep + "end");
  for (const auto& each : odd)
    m.add(file_at(each));
  m.finish();
  auto reader = m.reader();
  for (const auto& each : odd) {
    INFO(each);
    const auto found = reader.find(each);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->path == each);
  }
  deep.pop_back();
  CHECK(names_in(reader, deep) == std::vector<std::string>{"end"});
  std::ranges::sort(odd);
  auto top = names_in(reader, "");
  CHECK(std::ranges::is_sorted(top));
  CHECK(top.size() == odd.size());
}

TEST_CASE("parents nobody listed become directories, listed ones stay",
          "[manifest]") {
  written_manifest m;
  m.add(file_at("a/b/c"));
  m.add(directory_at("a/b"));
  m.add(file_at("a-b"));
  m.add(file_at("a/b.txt"));
  m.finish();
  auto reader = m.reader();
  CHECK((*reader.find("a"))->mode == 0755);
  CHECK((*reader.find("a"))->type == entry_type::directory);
  CHECK((*reader.find("a/b"))->mode == 0750);
  CHECK(reader.facts().entries == 5);
  CHECK(names_in(reader, "") == std::vector<std::string>{"a", "a-b"});
  CHECK(names_in(reader, "a") == std::vector<std::string>{"b", "b.txt"});
}

TEST_CASE("of two entries of one path the later one stays", "[manifest]") {
  written_manifest m;
  m.add(file_at("a", 1));
  m.add(file_at("a", 2));
  m.finish();
  CHECK((*m.reader().find("a"))->offset == 2);
}

TEST_CASE("a hard link without content leads to the file that has it",
          "[manifest]") {
  written_manifest m;
  auto twin = file_at("twin", 9, 0);
  twin.type = entry_type::hard_link;
  twin.target = "real";
  twin.is_reference = true;
  auto round = twin;
  round.path = "round";
  round.target = "round";
  m.add(file_at("real", 512, 42));
  m.add(twin);
  m.add(round);
  m.finish();
  auto reader = m.reader();
  CHECK((*reader.find_content("twin"))->path == "real");
  CHECK_FALSE(*reader.find_content("round"));
  CHECK(reader.browse("", "real", 9)->items.back().size == 42);
}

TEST_CASE("more entries than a run holds are sorted and found", "[manifest]") {
  constexpr int count = 300'000;
  written_manifest m;
  std::vector<int> order(count);
  for (int i = 0; i < count; ++i)
    order[static_cast<std::size_t>(i)] = i;
  std::ranges::shuffle(order, std::mt19937{7});
  const auto path_of = [](int i) {
    return "d" + std::to_string(i % 3) + "/sub/f" + std::to_string(i);
  };
  for (const auto i : order)
    if (!m.writer.add(file_at(path_of(i), static_cast<std::uint64_t>(i))))
      FAIL("entry " << i << " is not taken");
  m.add(file_at("last"));
  m.finish();
  CHECK(m.spools == 2);
  auto reader = m.reader();
  CHECK(reader.facts().entries == count + 7);

  { // each is found
    for (int i = 0; i < count; i += 997)
      CHECK((*reader.find(path_of(i)))->offset
            == static_cast<std::uint64_t>(i));
    CHECK_FALSE(*reader.find("d1/sub/f0x"));
  }
  { // they come in byte order
    auto from_the_first = m.reader();
    const auto paths = all_paths(from_the_first);
    CHECK(paths.size() == count + 7);
    CHECK(std::ranges::is_sorted(paths));
  }
  { // what is below a directory is not read to list it
    const auto before = bytes_read();
    CHECK(names_in(reader, "")
          == std::vector<std::string>{"d0", "d1", "d2", "last"});
    const auto size =
        static_cast<std::int64_t>(std::filesystem::file_size(m.path));
    INFO(bytes_read() - before << " of " << size);
    CHECK(bytes_read() - before < size / 4);
  }
  { // pages join without gap or repetition
    std::vector<std::string> seen;
    for (std::string after;;) {
      const auto page = reader.browse("d1/sub", after, 7'777);
      REQUIRE(page);
      for (const auto& item : page->items)
        seen.push_back(item.name);
      if (page->next.empty())
        break;
      after = page->next;
    }
    CHECK(seen.size() == count / 3);
    CHECK(std::ranges::adjacent_find(seen, std::ranges::greater_equal{})
          == seen.end());
  }
}

TEST_CASE("paths with the same long beginning are told apart", "[manifest]") {
  written_manifest m;
  const std::string same(700, 's');
  for (int i = 0; i < 5'000; ++i)
    m.add(
        file_at(same + "/" + std::to_string(i), static_cast<std::uint64_t>(i)));
  m.finish();
  auto reader = m.reader();
  for (int i = 0; i < 5'000; i += 123)
    CHECK((*reader.find(same + "/" + std::to_string(i)))->offset
          == static_cast<std::uint64_t>(i));
  CHECK(names_in(reader, same).size() == 1000);
}

TEST_CASE("a manifest is read in the order of its archive", "[manifest]") {
  written_manifest m;
  const std::vector<archive_entry> in_order{file_at("z/late", 512, 100),
                                            file_at("z/empty", 1536, 0),
                                            directory_at("z", 1536),
                                            file_at("a", 2048, 1),
                                            directory_at("hollow/in/out", 2560),
                                            directory_at("hollow/in", 2560),
                                            directory_at("hollow", 2560)};
  for (const auto& each : in_order)
    m.add(each);
  m.finish();
  auto reader = m.reader();
  auto order = manifest_order::of(reader, [&] { return m.spool(); }, {});
  REQUIRE(order);
  for (const auto& each : in_order) {
    const auto next = order->next();
    REQUIRE(next);
    REQUIRE(*next);
    CHECK(**next == each);
  }
  CHECK(*order->next() == nullptr);
}

TEST_CASE("a torn or damaged manifest is recognised", "[manifest]") {
  written_manifest m;
  for (int i = 0; i < 3'000; ++i)
    m.add(file_at("f" + std::to_string(i)));
  m.finish({{0, 0}});
  const auto whole = content_of(m.path);

  SECTION("cut anywhere") {
    for (std::size_t size = 0; size < whole.size(); size += 13) {
      m.replace(whole.substr(0, size));
      const auto opened = m.reopen();
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code == fault_code::backup_damaged);
    }
  }
  SECTION("longer than it was") {
    m.replace(whole + "x");
    CHECK_FALSE(m.reopen());
  }
  SECTION("a byte changed anywhere is never believed") {
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      auto bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      m.replace(bad);
      auto opened = m.reopen();
      if (!opened) {
        CHECK(opened.error().code == fault_code::backup_damaged);
        continue;
      }
      for (;;) {
        auto next = opened->next();
        if (!next || !*next)
          break;
        CHECK((*next)->path.starts_with('f'));
        CHECK((*next)->size == 7);
      }
    }
  }
}

TEST_CASE("a merge of many runs keeps the order and the last line",
          "[manifest]") {
  scratch_tree place;
  entry_sort sort{[&]() -> jobs::result<file_descriptor> {
                    return file_descriptor{
                        ::open(place.root.c_str(), O_TMPFILE | O_RDWR, 0600)};
                  },
                  2'000};
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 3'000; ++i) {
      char path[16];
      std::snprintf(path, sizeof path, "%05d", (i * 7919) % 3'000);
      REQUIRE(sort.add(path, std::to_string(round), round == 2));
    }
  for (int i = 0; i < 3'000; ++i) {
    const auto next = sort.next();
    REQUIRE(next);
    REQUIRE(*next);
    CHECK(std::stoi((*next)->path) == i);
    CHECK((*next)->text == "1"); // the third is only implied
  }
  CHECK(*sort.next() == nullptr);
}
