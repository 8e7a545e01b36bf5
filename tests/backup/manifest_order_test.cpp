// In which order a manifest has the entries of an archive, however many they
// are.
#include "backup/manifest_order.hpp"
#include "tests/backup/written_manifest.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace alula;
using namespace alula::backup;

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
