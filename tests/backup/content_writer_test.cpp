// The content of files on its way into an archive: holes, the page cache, and
// being asked to stop.
#include "backup/archive_file_writer.hpp"
#include "backup/archive_writer.hpp"
#include "backup/content_writer.hpp"
#include "backup/extractor.hpp"
#include "backup/file_io.hpp"
#include "backup/quiet_reader.hpp"
#include "backup/verifier.hpp"
#include "tests/backup/backup_place.hpp"
#include "tests/backup/scratch_tree.hpp"
#include "tests/backup/this_process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <future>
#include <stop_token>
#include <thread>

using namespace alula::backup;
namespace fs = std::filesystem;
using alula::contracts::archives_stage;
using alula::jobs::fault_code;
using alula::jobs::status;

namespace {

constexpr std::uint64_t terabyte = std::uint64_t{1} << 40;

/// Ten terabytes, of which three small pieces are there.
void make_sparse(const fs::path& file) {
  std::ofstream out{file, std::ios::binary};
  out << "begin";
  out.seekp(static_cast<std::streamoff>(5 * terabyte));
  out << "middle";
  out.close();
  fs::resize_file(file, 10 * terabyte);
}

const auto into_nothing = [](byte_view) { return status{}; };

} // namespace

TEST_CASE("a file of holes takes no time and no room, and comes back",
          "[sparse]") {
  backup_place place{{}, in_memory};
  make_sparse(place.files.root / "huge");
  place.files.write("small", "x");
  archives_stage on{nullptr, *place.store};
  const auto order = on.order(on.job);
  const auto size = place.store->measure(place.volume(), order, {}, {});
  REQUIRE(size);
  CHECK(size->bytes < 1'000'000);
  const auto made = place.store->write(place.volume(), order, {}, {});
  REQUIRE(made);
  CHECK(made->notes.empty());
  CHECK(made->facts.content_bytes < 1'000'000);
  REQUIRE(place.store->publish(on.backup, on.job));

  const auto chosen =
      place.store->chosen_size(on.backup, {"huge", "small"}, {});
  REQUIRE(chosen);
  CHECK(chosen->files == 2);
  CHECK(chosen->bytes == 1); // what huge has nobody knows, and it is not 10 TB

  const auto verified = place.store->verify(on.backup, {}, {}, {});
  REQUIRE(verified);
  CHECK(verified->facts.content_bytes == made->facts.content_bytes);
  alula::jobs::extraction_order all{
      .backup = on.backup, .paths = {}, .limits = {}};
  all.limits.bytes = 1'000'000; // a quota
  REQUIRE(place.store->extract(all, place.staging(), {}, {}));
  const auto back = place.stage.root / "huge";
  CHECK(fs::file_size(back) == 10 * terabyte);
  std::ifstream file{back, std::ios::binary};
  file.seekg(static_cast<std::streamoff>(5 * terabyte - 2));
  std::string text(10, 'x');
  file.read(text.data(), 10);
  CHECK(text == std::string("\0\0middle\0\0", 10));

  const auto archive =
      (place.backups.root / ("backup-" + on.backup.to_string() + ".tar.gz"))
          .string();
  CHECK(printed_by("tar -tvzf " + archive).find("10995116277760")
        != std::string::npos);
  const scratch_tree other{in_memory};
  printed_by("tar -xzf " + archive + " -C " + other.root.string());
  CHECK(fs::file_size(other.root / "huge") == 10 * terabyte);
  CHECK(printed_by("dd status=none bs=6 count=1 iflag=skip_bytes skip="
                   + std::to_string(5 * terabyte)
                   + " if=" + (other.root / "huge").string())
        == "middle");
}

TEST_CASE("the page cache is as it was after a file was read", "[content]") {
  const scratch_tree place;
  const auto path = place.root / "file";
  {
    std::ofstream out{path, std::ios::binary};
    for (int i = 0; i < 12 * 1024; ++i)
      out << std::string(1024, static_cast<char>('a' + i % 20));
  }
  const file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  REQUIRE(::fsync(file.get()) == 0);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);
  constexpr std::size_t all = 12 * 256, of_the_game = 256;
  std::size_t before = 0;
  std::size_t after = 0;
  // A kernel that is busy with its memory holds on to single pages, or takes
  // some away.
  for (int i = 0; i < 20 && (before != of_the_game || after != before); ++i) {
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (pages_in_memory(file.get()) == all)
      return; // a file system in memory
    std::vector<char> buffer(1024 * 1024);
    REQUIRE(::pread(file.get(), buffer.data(), buffer.size(), 5 * 1024 * 1024)
            > 0);
    before = pages_in_memory(file.get());
    REQUIRE(
        write_archive(place.fd.get(), ignore_rules{}, {}, {}, into_nothing));
    after = pages_in_memory(file.get());
  }
  CHECK(before == of_the_game);
  CHECK(after == before);
}

TEST_CASE("zeros for what cannot be read stop when asked to", "[content]") {
  std::stop_source stop;
  const auto token = stop.get_token();
  member_pipeline pipeline{{.level = compression::none}, [&](byte_view) {
                             stop.request_stop();
                             return status{};
                           }};
  content_writer content{pipeline, 0, token, [](std::size_t) {}};
  const auto ended = content.zeros(10 * terabyte);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == fault_code::interrupted);
}

// A byte each second: without the stop they would wait for days.
TEST_CASE("a wait for the read limit ends when asked to stop", "[content]") {
  const scratch_tree place;
  place.write("file", std::string(100'000, 'x'));
  const auto file = open_beneath(place.fd.get(), "file", O_RDONLY);
  std::stop_source stop;
  const auto token = stop.get_token();
  std::promise<void> first;
  member_pipeline pipeline{{}, into_nothing};
  content_writer content{pipeline, 1, token,
                         [&](std::size_t) { first.set_value(); }};
  const std::jthread asks{[&, read = first.get_future()] {
    read.wait();
    stop.request_stop();
  }};
  REQUIRE(content.file(file.get(), {.at = 0, .size = 1}));
  const auto ended = content.file(file.get(), {.at = 1, .size = 99'999});
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == fault_code::interrupted);
}

TEST_CASE("a wait for the write limit ends when asked to stop", "[content]") {
  const scratch_tree place;
  std::stop_source stop;
  std::promise<void> first;
  archive_file_writer file{
      open_beneath(place.fd.get(), "a", O_WRONLY | O_CREAT, 0600), "a", 1,
      stop.get_token(), [&](std::size_t) { first.set_value(); }};
  const std::jthread asks{[&, written = first.get_future()] {
    written.wait();
    stop.request_stop();
  }};
  const std::vector<std::byte> data(100'000);
  REQUIRE(file.write(byte_view{data}.first(1)));
  const auto ended = file.write(data);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == fault_code::interrupted);
  CHECK(file.size() == 1);
}
