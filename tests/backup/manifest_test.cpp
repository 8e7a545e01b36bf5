#include "tests/backup/written_manifest.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace alula;
using namespace alula::backup;
using jobs::fault_code;

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
