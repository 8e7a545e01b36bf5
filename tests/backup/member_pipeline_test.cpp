#include "backup/member_pipeline.hpp"
#include "tests/backup/this_process.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <random>

using namespace alula::backup;
using alula::jobs::fault;
using alula::jobs::fault_code;
using alula::jobs::status;

namespace {

bytes mixed(std::size_t size) {
  bytes out(size);
  std::mt19937_64 random{5};
  for (std::size_t i = 0; i < size; ++i)
    out[i] = (i / 50'000) % 2 == 0 ? static_cast<std::byte>(random())
                                   : static_cast<std::byte>(i / 100);
  return out;
}

bytes decode_all(byte_view archive) {
  bytes out;
  while (!archive.empty()) {
    const auto member = decode_member(archive, 1 << 24);
    REQUIRE(member);
    out.insert(out.end(), member->content.begin(), member->content.end());
    archive = archive.subspan(member->consumed);
  }
  return out;
}

struct collected {
  bytes archive;
  member_pipeline::sink sink() {
    return [this](byte_view data) -> status {
      archive.insert(archive.end(), data.begin(), data.end());
      return {};
    };
  }
};

} // namespace

TEST_CASE("blocks come out in order, whoever compresses them", "[pipeline]") {
  const auto content = mixed(3'000'000);
  collected out;
  member_pipeline pipeline{{.threads = 4, .block_size = 64 * 1024}, out.sink()};
  for (std::size_t at = 0; at < content.size(); at += 10'007)
    REQUIRE(pipeline.write(byte_view{content}.subspan(
        at, std::min<std::size_t>(10'007, content.size() - at))));
  const auto made = pipeline.finish();
  REQUIRE(made);
  CHECK(made->content_bytes == content.size());
  CHECK(made->archive_bytes == out.archive.size());
  CHECK(decode_all(out.archive) == content);
}

TEST_CASE("the index says where every member begins", "[pipeline]") {
  const auto content = mixed(1'000'000);
  collected out;
  member_pipeline pipeline{{.block_size = 100'000}, out.sink()};
  REQUIRE(pipeline.write(content));
  const auto made = pipeline.finish();
  REQUIRE(made);
  REQUIRE(made->members.size() == 10);
  for (const auto& member : made->members) {
    const auto part =
        decode_member(byte_view{out.archive}.subspan(member.archive), 1 << 20);
    REQUIRE(part);
    CHECK(std::equal(part->content.begin(), part->content.end(),
                     content.begin()
                         + static_cast<std::ptrdiff_t>(member.content)));
  }
}

TEST_CASE("a cut begins a member of its own", "[pipeline]") {
  collected out;
  member_pipeline pipeline{{}, out.sink()};
  REQUIRE(pipeline.write(mixed(10)));
  REQUIRE(pipeline.cut());
  REQUIRE(pipeline.cut());
  REQUIRE(pipeline.write(mixed(20)));
  const auto made = pipeline.finish();
  REQUIRE(made);
  REQUIRE(made->members.size() == 2);
  CHECK(made->members[1].content == 10);
}

TEST_CASE("an empty stream is one empty member", "[pipeline]") {
  collected out;
  member_pipeline pipeline{{}, out.sink()};
  REQUIRE(pipeline.finish());
  CHECK(decode_all(out.archive).empty());
  CHECK_FALSE(out.archive.empty());
}

TEST_CASE("the checksums are those of the archive", "[pipeline]") {
  collected out;
  member_pipeline pipeline{{.block_size = 1000}, out.sink()};
  REQUIRE(pipeline.write(mixed(12'345)));
  const auto made = pipeline.finish();
  REQUIRE(made);
  digest again;
  again.update(out.archive);
  CHECK(made->sums == again.finish());
  CHECK(made->sums.sha1.size() == 40);
  CHECK(made->sums.sha256.size() == 64);
}

TEST_CASE("the checksums are taken by two threads, each in order",
          "[pipeline]") {
  new_threads started;
  collected out;
  auto sink = out.sink();
  member_pipeline pipeline{{.threads = 3, .block_size = 1000},
                           [&](byte_view archive) {
                             started.look();
                             return sink(archive);
                           }};
  REQUIRE(pipeline.write(mixed(500'000)));
  const auto made = pipeline.finish();
  REQUIRE(made);
  CHECK(started.most() == 3 + 2);
  digest again;
  again.update(out.archive);
  CHECK(made->sums == again.finish());
}

TEST_CASE("a sink that fails ends the pipeline with its fault", "[pipeline]") {
  std::atomic<int> calls = 0;
  member_pipeline pipeline{{.block_size = 1000}, [&](byte_view) -> status {
                             if (++calls == 3)
                               return fault{
                                   .code = fault_code::insufficient_storage,
                                   .what = "full"};
                             return {};
                           }};
  status last;
  for (int i = 0; i < 100 && last; ++i)
    last = pipeline.write(mixed(1000));
  const auto made = pipeline.finish();
  REQUIRE_FALSE(made);
  CHECK(made.error().code == fault_code::insufficient_storage);
  CHECK(calls == 3);
}

TEST_CASE("a pipeline that is given up ends at once", "[pipeline]") {
  collected out;
  {
    member_pipeline pipeline{{.block_size = 1000}, out.sink()};
    REQUIRE(pipeline.write(mixed(500)));
  }
  CHECK(out.archive.empty());
}
