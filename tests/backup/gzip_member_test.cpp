#include "backup/gzip_member.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>

using namespace alula::backup;

namespace {

bytes text_of(std::size_t size) {
  bytes out;
  std::mt19937 random{1};
  while (out.size() < size) {
    const auto line = "[12:00:0" + std::to_string(random() % 10)
                      + "] player moved to " + std::to_string(random() % 100)
                      + "\n";
    const auto said = std::as_bytes(std::span{line});
    out.insert(out.end(), said.begin(), said.end());
  }
  out.resize(size);
  return out;
}

bytes noise_of(std::size_t size) {
  bytes out(size + sizeof(std::uint64_t));
  std::mt19937_64 random{2};
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t some = random();
    std::memcpy(out.data() + at, &some, sizeof some);
  }
  out.resize(size);
  return out;
}

bytes encode(compression level, const bytes& block) {
  member_encoder encoder{level};
  bytes out;
  encoder.encode(block, out);
  return out;
}

constexpr std::size_t mib = 1024 * 1024;
constexpr compression levels[] = {compression::none, compression::best_speed,
                                  compression::best_compression};

} // namespace

TEST_CASE("every block comes back as it was, at every level", "[gzip]") {
  for (const auto level : levels)
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{65535},
          std::size_t{65536}, mib + 17})
      for (const auto& block : {text_of(size), noise_of(size)}) {
        const auto member = encode(level, block);
        const auto back = decode_member(member, 4 * mib);
        REQUIRE(back);
        CHECK(back->content == block);
        CHECK(back->consumed == member.size());
      }
}

TEST_CASE("a member ends where the next one begins", "[gzip]") {
  const auto first = text_of(100'000);
  const auto second = noise_of(50'000);
  auto both = encode(compression::best_speed, first);
  const auto boundary = both.size();
  const auto more = encode(compression::best_speed, second);
  both.insert(both.end(), more.begin(), more.end());
  const auto back = decode_member(both, mib);
  REQUIRE(back);
  CHECK(back->consumed == boundary);
  CHECK(decode_member(byte_view{both}.subspan(boundary), mib)->content
        == second);
}

TEST_CASE("text shrinks, more so when asked to", "[gzip]") {
  const auto block = text_of(mib);
  const auto fast = encode(compression::best_speed, block).size();
  const auto small = encode(compression::best_compression, block).size();
  CHECK(fast < block.size() / 2);
  CHECK(small < fast);
}

TEST_CASE("noise is stored, not fought", "[gzip]") {
  const auto block = noise_of(mib);
  member_encoder encoder{compression::best_speed};
  bytes out;
  encoder.encode(block, out);
  CHECK(encoder.stored_blocks() == 1);
  CHECK(out.size() <= block.size() + 18 + 5 * 17);
}

TEST_CASE("text behind a noisy start is still compressed", "[gzip]") {
  auto block = noise_of(200'000);
  const auto rest = text_of(mib - block.size());
  block.insert(block.end(), rest.begin(), rest.end());
  CHECK(encode(compression::best_speed, block).size() < block.size() * 3 / 4);
}

TEST_CASE("damage is noticed wherever it is", "[gzip]") {
  const auto text = text_of(100'000);
  const auto member = encode(compression::best_speed, text);
  CHECK_FALSE(decode_member({}, mib));
  CHECK_FALSE(decode_member(byte_view{member}.first(member.size() - 1), mib));
  CHECK_FALSE(decode_member(byte_view{member}.first(5), mib));
  std::mt19937 random{3};
  for (int i = 0; i < 200; ++i) {
    auto broken = member;
    const auto at = 10 + random() % (broken.size() - 10);
    broken[at] ^= static_cast<std::byte>(1 + random() % 255);
    const auto back = decode_member(broken, mib);
    CHECK_FALSE((back && back->content != text));
  }
}

TEST_CASE("a bomb costs no more than the limit", "[gzip]") {
  const auto member = encode(compression::best_compression, bytes(64 * mib));
  CHECK(member.size() < 100'000);
  const auto back = decode_member(member, mib);
  REQUIRE_FALSE(back);
  CHECK(back.error().what.find("limit") != std::string::npos);
}
