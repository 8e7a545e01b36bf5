/// An archive is what was written, or it is damaged.
#include "backup/verifier.hpp"
#include "tests/backup/packed_tree.hpp"
#include "tests/backup/this_process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

using namespace alula::backup;
using alula::jobs::fault_code;
using alula::jobs::status;

TEST_CASE("a verification counts what is there and compares checksums",
          "[verify]") {
  const scratch_tree tree{in_memory};
  fill(tree);
  const packed_tree packed{tree};
  const auto& stream = packed.summary.stream;
  verification_settings settings;
  settings.reader.members = stream.members;
  settings.expected = {static_cast<std::int64_t>(stream.archive_bytes),
                       stream.sums.sha1, stream.sums.sha256};
  std::uint64_t visited = 0;
  settings.visit = [&](const tar_entry& it) -> status {
    const auto at =
        std::ranges::find(packed.entries, it.path, &archive_entry::path);
    REQUIRE(at != packed.entries.end());
    CHECK(at->offset == it.offset);
    ++visited;
    return {};
  };
  const auto found = verify_archive(packed.file.get(), settings, {});
  REQUIRE(found);
  CHECK(found->facts.sha1 == stream.sums.sha1);
  CHECK(found->facts.sha256 == stream.sums.sha256);
  CHECK(found->facts.size == static_cast<std::int64_t>(stream.archive_bytes));
  CHECK(found->facts.files
        == static_cast<std::int64_t>(packed.summary.total.files));
  CHECK(visited == packed.summary.total.files);
  SECTION("another checksum") {
    auto& sha256 = settings.expected.sha256;
    SECTION("of the stronger kind") {
      sha256.front() ^= 1;
    }
    SECTION("of the only kind that is known") {
      sha256.clear();
      settings.expected.sha1.front() ^= 1;
    }
    const auto other = verify_archive(packed.file.get(), settings, {});
    REQUIRE_FALSE(other);
    CHECK(other.error().code == fault_code::backup_damaged);
  }
  SECTION("another size") {
    ++settings.expected.size;
    const auto other = verify_archive(packed.file.get(), settings, {});
    REQUIRE_FALSE(other);
    CHECK(other.error().code == fault_code::backup_damaged);
  }
}

TEST_CASE("a verification finds the members that are worth an index",
          "[verify]") {
  const scratch_tree tree{in_memory};
  tree.write("a", repeated(9'000'000));
  tree.write("b", "b");
  const packed_tree packed{tree};
  const auto& members = packed.summary.stream.members;
  REQUIRE(members.size() > 8);
  const auto found = [&](byte_view archive) {
    std::ofstream{packed.path, std::ios::binary} << std::string{
        reinterpret_cast<const char*>(archive.data()), archive.size()};
    verification_settings settings;
    std::vector<member_position> out;
    settings.members = [&](std::vector<member_position> begins) {
      out = std::move(begins);
    };
    REQUIRE(verify_archive(packed.file.get(), settings, {}));
    return out;
  };
  const auto text = content_of(packed.path);
  const auto raw = std::as_bytes(std::span{text});
  const bytes as_made{raw.begin(), raw.end()};
  CHECK(found(as_made) == members);
  bytes tar;
  for (byte_view rest = as_made; !rest.empty();) {
    const auto member = decode_member(rest, std::size_t{2} << 20);
    REQUIRE(member);
    tar.insert(tar.end(), member->content.begin(), member->content.end());
    rest = rest.subspan(member->consumed);
  }
  member_encoder encoder{compression::best_speed};
  const auto made_of = [&](std::size_t first) {
    bytes out;
    encoder.encode(byte_view{tar}.first(first), out);
    encoder.encode(byte_view{tar}.subspan(first), out);
    return out;
  };
  constexpr std::size_t mib = std::size_t{1} << 20;
  CHECK(found(made_of(4 * mib)).size() == 2);
  CHECK(found(made_of(tar.size())).empty());  // the last one is empty
  CHECK(found(made_of(0)).empty());           // and here the first one
  CHECK(found(made_of(mib / 4)).empty());     // the last one is too long
  CHECK(found(made_of(8 * mib + 1)).empty()); // the first one is
  auto one = bytes{};
  encoder.encode(byte_view{tar}.first(tar.size()), one);
  CHECK(found(one).empty());
}

TEST_CASE("of what was fetched only what is expected is hashed", "[verify]") {
  const scratch_tree tree{in_memory};
  tree.write("a", repeated(3'000));
  const packed_tree packed{tree};
  const auto& sums = packed.summary.stream.sums;
  verification_settings settings;
  settings.expected.fetched_by =
      *alula::jobs::job_id::parse("0190f0c2-0000-7000-8000-000000000001");
  const auto found = [&] {
    auto verified = verify_archive(packed.file.get(), settings, {});
    REQUIRE(verified);
    return verified->facts;
  };
  CHECK(found().sha1.empty());
  CHECK(found().sha256.empty());
  settings.expected.sha1 = sums.sha1;
  CHECK(found().sha1 == sums.sha1);
  CHECK(found().sha256.empty());
  settings.expected.sha1.front() ^= 1;
  CHECK_FALSE(verify_archive(packed.file.get(), settings, {}));
  settings.expected = {.sha256 = sums.sha256,
                       .fetched_by = settings.expected.fetched_by};
  CHECK(found().sha256 == sums.sha256);
  CHECK(found().sha1.empty());
}

TEST_CASE("every byte of an archive matters to a verification", "[verify]") {
  const scratch_tree tree{in_memory};
  tree.write("a", repeated(3'000));
  tree.write("b", "b");
  const packed_tree packed{tree};
  auto bytes = content_of(packed.path);
  verification_settings settings;
  settings.expected.sha256 = packed.summary.stream.sums.sha256;
  for (std::size_t at = 0; at < bytes.size(); at += 13) {
    bytes[at] ^= 0x10;
    std::ofstream{packed.path, std::ios::binary} << bytes;
    bytes[at] ^= 0x10;
    const auto found = verify_archive(packed.file.get(), settings, {});
    REQUIRE_FALSE(found);
    CHECK(found.error().code == fault_code::backup_damaged);
  }
}

TEST_CASE("a check of the sum alone unpacks nothing", "[verify]") {
  const scratch_tree tree{in_memory};
  // No archive at all: what it is nobody looks at, and no thread decodes it.
  auto text = repeated(3 << 20);
  const auto path = tree.root / "bytes";
  const auto put = [&] {
    std::ofstream{path, std::ios::binary} << text;
    return file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  };
  sum_settings settings;
  settings.size = static_cast<std::int64_t>(text.size());
  digest hash{sums::sha256};
  hash.update(view_of(text));
  settings.sha256 = hash.finish().sha256;
  new_threads started;
  std::vector<std::int64_t> told;
  settings.tell = [&](const auto& so_far) {
    started.look();
    told.push_back(so_far.bytes);
    CHECK(so_far.archive_size == settings.size);
  };
  settings.drop_behind = GENERATE(true, false);
  CHECK(verify_sum(put().get(), settings, {}));
  CHECK(started.most() == 0);
  CHECK(told == std::vector<std::int64_t>{1 << 20, 2 << 20, 3 << 20});
  for (const std::size_t at : {std::size_t{0}, text.size() - 1}) {
    text[at] ^= 0x10;
    const auto found = verify_sum(put().get(), settings, {});
    text[at] ^= 0x10;
    REQUIRE_FALSE(found);
    CHECK(found.error().code == fault_code::backup_damaged);
  }
  text.pop_back();
  told.clear();
  CHECK_FALSE(verify_sum(put().get(), settings, {}));
  CHECK(told.empty()); // the size has said it
}
