// Archives that are cut, spoilt or without end, and indexes that lie.
#include "tests/backup/hostile_parts.hpp"

namespace alula::backup::hostile {

namespace {

using jobs::fault_code;

void add_ends(list& out) {
  const auto tar = tar_builder{}.file("a", std::string(2'000, 'x'));
  const auto whole = packed(tar);
  const auto spoil = [&](const char* name, const std::string& bytes,
                         fault_code code, const char* says) {
    out.push_back({name, bytes, code, says});
  };
  spoil("an empty file", "", damaged, "0 bytes");
  spoil("text", "this is no archive at all", damaged, "neither");
  spoil("a plain tar", tar.finished(), damaged, "neither");
  spoil("a gzip cut in the middle", whole.substr(0, whole.size() / 2), damaged,
        "ends inside");
  spoil("a gzip cut in its checksum", whole.substr(0, whole.size() - 3),
        damaged, "ends inside");
  spoil("a gzip cut in its header", whole.substr(0, 6), damaged, "ends inside");
  auto flipped = whole;
  flipped[flipped.size() - 6] ^= 1;
  spoil("a gzip with a wrong CRC", flipped, damaged, "does not decode");
  auto longer = whole;
  longer[longer.size() - 2] ^= 1;
  spoil("a gzip with a wrong length", longer, damaged, "does not decode");
  spoil("a tar cut between entries", gzipped(tar.unfinished()), damaged,
        "ends too early");
  spoil("a tar cut inside a file", gzipped(tar.unfinished().substr(0, 1'000)),
        damaged, "ends too early");
  spoil("a tar cut inside a header", gzipped(tar.unfinished().substr(0, 300)),
        damaged, "ends too early");
  spoil("a tar with one block of zeros",
        gzipped(tar.unfinished() + std::string(512, '\0')), damaged,
        "ends too early");
  spoil("a lone block of zeros",
        gzipped(tar.unfinished() + std::string(512, '\0') + tar.finished()),
        damaged, "lone block");
  spoil("a tar after the tar", gzipped(tar.finished() + tar.finished()),
        damaged, "follows the end");
  spoil("garbage for a tar", gzipped(std::string(10'000, 'g')), damaged,
        "checksum");
  spoil("an empty tar of no blocks", gzipped(""), damaged, "ends too early");
  spoil("garbage after the member", whole + "garbage", damaged,
        "no gzip member");
  spoil("garbage after zeros", whole + std::string(100, '\0') + "garbage",
        damaged, "follows its end");
  const auto text = tar.finished();
  spoil("garbage between members",
        gzipped(text.substr(0, 700)) + "garbage" + gzipped(text.substr(700)),
        damaged, "no gzip member");
  out.push_back({"zeros after the member",
                 whole + std::string(5'000, '\0'),
                 {},
                 "",
                 {"a"}});
  out.push_back({"an empty archive", gzipped(std::string(1'024, '\0')), {}});
}

void add_bombs(list& out) {
  const std::string zeros(80 << 20, '\0');
  const auto big = packed(tar_builder{}.file("zeros", zeros));
  out.push_back({"a gzip bomb by ratio",
                 big,
                 refused,
                 "ratio",
                 {},
                 false,
                 {},
                 {.ratio = 100}});
  out.push_back({"more bytes than allowed",
                 big,
                 refused,
                 "1000000",
                 {},
                 false,
                 {},
                 {.bytes = 1'000'000}});
  tar_builder many;
  for (int i = 0; i < 2'000; ++i)
    many.directory("d" + std::to_string(i));
  out.push_back({"more entries than allowed",
                 packed(many),
                 refused,
                 "1000",
                 {},
                 false,
                 {},
                 {.entries = 1'000}});
  out.push_back({"endless zeros after the end",
                 gzipped(tar_builder{}.file("a").finished() + zeros), refused,
                 "follow the end"});
  const auto head = tar_builder{}.file("a").unfinished();
  out.push_back({"a zstd bomb",
                 zstd_frame(tar_builder{}
                                .add({.path = "z", .size = binary(4LL << 30)})
                                .unfinished(),
                            4LL << 30),
                 refused, "ratio"});
  out.push_back({"a zstd bomb after the end",
                 zstd_frame(tar_builder{}.file("a").finished(), 4LL << 30),
                 refused, "follow the end"});
  out.push_back({"a zstd window of 2 GiB",
                 zstd_frame(tar_builder{}.file("a").finished(), 0, 31), damaged,
                 "zstd"});
  const auto frame = zstd_frame(tar_builder{}.file("a").finished());
  out.push_back({"a zstd frame", frame, {}, "", {"a"}});
  out.push_back({"a zstd frame cut", frame.substr(0, frame.size() - 600),
                 damaged, "zstd"});
  out.push_back({"a zstd frame and garbage", frame + "garbage", damaged, ""});
}

void add_index_lies(list& out) {
  const auto text =
      tar_builder{}.file("a", std::string(3'000, 'x')).file("b").finished();
  const auto first = gzipped(text.substr(0, 1'000));
  const auto second = gzipped(text.substr(1'000));
  const auto all = first + second;
  const auto lie = [&](const char* name, std::vector<member_position> members) {
    out.push_back({name, all, {}, "", {"a", "b"}, false, std::move(members)});
  };
  lie("an index that is right", {{0, 0}, {1'000, first.size()}});
  lie("an index beyond the file", {{0, 0}, {1'000, all.size() + 5}});
  lie("an index that goes back", {{0, 0}, {1'000, first.size()}, {1'500, 3}});
  lie("an index that overlaps",
      {{0, 0}, {1'000, first.size()}, {1'000, first.size()}});
  lie("an index that begins late", {{5, 5}});
  lie("an index into the middle", {{0, 0}, {1'000, first.size() - 7}});
  lie("an index of wrong contents", {{0, 0}, {999, first.size()}});
  lie("an index of huge contents", {{0, 0}, {UINT64_MAX, first.size()}});
  lie("an index that goes back in the content",
      {{0, 0}, {1'000, 10}, {5, first.size()}});
  lie("an index of one member", {{0, 0}});
  out.push_back({"a right index and a damaged member",
                 first.substr(0, first.size() - 1) + "?" + second,
                 damaged,
                 "does not decode",
                 {},
                 false,
                 {{0, 0}, {1'000, first.size()}}});
  out.push_back({"a right index and a file cut",
                 all.substr(0, all.size() - 10),
                 damaged,
                 "ends inside",
                 {},
                 false,
                 {{0, 0}, {1'000, first.size()}}});
}

} // namespace

void add_streams(list& out) {
  add_ends(out);
  add_bombs(out);
  add_index_lies(out);
}

} // namespace alula::backup::hostile
