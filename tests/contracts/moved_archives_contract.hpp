/// What every jobs::archives promises of archives that come from elsewhere or
/// lie elsewhere.
#pragma once

#include "tests/contracts/archives_stage.hpp"

#include <array>
#include <string>
#include <string_view>
#include <unistd.h>

namespace alula::contracts {

inline std::string bytes_of(const jobs::descriptor& file) {
  std::string out;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto got = ::pread(file.get(), piece.data(), piece.size(),
                             static_cast<off_t>(out.size()));
    if (got <= 0)
      return out;
    out.append(piece.data(), static_cast<std::size_t>(got));
  }
}

/// As a download does.
inline void fetch(archives_stage& on, jobs::archive_half which,
                  std::string_view bytes) {
  const auto part = on.port.open_part(on.backup, on.later, which);
  REQUIRE(part);
  REQUIRE(::pwrite(part->get(), bytes.data(), bytes.size(), 0)
          == static_cast<ssize_t>(bytes.size()));
  REQUIRE(on.port.keep_part(on.backup, on.later, which));
}

inline void
archives_are_moved(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  using jobs::archive_half;
  archives_stage on{make_world()};
  auto& port = on.port;
  const auto made = on.make();
  const auto archive = bytes_of(port.open(on.backup).value().file);
  const auto manifest = bytes_of(port.open_manifest(on.backup).value().file);

  SECTION("a manifest that lies elsewhere is read by its beginning") {
    const auto size = static_cast<std::int64_t>(manifest.size());
    const auto beginning = manifest.substr(0, 4'096);
    const auto seen = port.read_manifest(beginning, size);
    REQUIRE(seen);
    CHECK(seen->backup == on.backup);
    CHECK(seen->server == on.server);
    CHECK(seen->size == made.facts.size);
    REQUIRE(seen->facts);
    CHECK(seen->facts->size == made.facts.size);
    CHECK(seen->facts->sha1 == made.facts.sha1);
    CHECK(seen->facts->sha256 == made.facts.sha256);
    CHECK(seen->facts->files == made.facts.files);
    // Torn, or another thing altogether.
    fails_with(port.read_manifest(beginning, size - 1), code::backup_damaged);
    fails_with(port.read_manifest(beginning.substr(0, 20), size),
               code::backup_damaged);
    fails_with(port.read_manifest("nothing of the kind", 19),
               code::backup_damaged);
    fails_with(port.read_manifest("", 0), code::backup_damaged);
  }
  SECTION("one that was dropped is still looked into, and not read") {
    REQUIRE(port.drop(on.backup));
    CHECK(port.drop(on.backup));
    CHECK_FALSE(on.inspect());
    CHECK(port.browse(on.backup, "world", "", 10));
    CHECK(port.find_piece(on.backup, "level.dat"));
    fails_with(port.open(on.backup), code::backup_not_found);
  }
  SECTION("a small file of a large archive is read from a piece of it alone") {
    auto files = on.files;
    files["world/region/r.1.0.mca"] = std::string(std::size_t{3} << 20, 'r');
    on.world->fill(files);
    auto order = on.order(on.later);
    order.backup = on.other;
    REQUIRE(port.write(on.world->volume(), order, {}, {}));
    REQUIRE(port.publish(on.other, on.later));
    const auto large = bytes_of(port.open(on.other).value().file);
    REQUIRE(port.drop(on.other));
    for (const auto& [path, content] : files) {
      CAPTURE(path);
      const auto piece = port.find_piece(on.other, path);
      REQUIRE(piece);
      CHECK(piece->archive_size == static_cast<std::int64_t>(large.size()));
      REQUIRE(piece->at >= 0);
      REQUIRE(piece->at + piece->length <= piece->archive_size);
      if (content.size() < 10'000)
        CHECK(piece->length < piece->archive_size);
      auto spool = port.make_spool();
      REQUIRE(spool);
      REQUIRE(::ftruncate(spool->get(), piece->archive_size) == 0);
      REQUIRE(::pwrite(spool->get(), large.data() + piece->at,
                       static_cast<std::size_t>(piece->length), piece->at)
              == piece->length);
      const auto reader = port.open_piece(on.other, path, *std::move(spool));
      REQUIRE(reader);
      CHECK((all_of(**reader) == content));
    }
    fails_with(port.find_piece(on.other, "nothing"), code::path_not_found);
  }
  SECTION("one that is dropped while somebody reads it is read to its end") {
    const auto reader = port.open(on.backup);
    REQUIRE(reader);
    REQUIRE(port.drop(on.backup));
    fails_with(port.open(on.backup), code::backup_not_found);
    CHECK(bytes_of(reader->file) == archive);
  }
  SECTION("one that was fetched is checked, and gets its name once") {
    REQUIRE(port.drop(on.backup));
    fetch(on, archive_half::archive, archive);
    CHECK_FALSE(on.inspect());
    CHECK(port.verify(on.backup,
                      {.size = made.facts.size,
                       .sha1 = made.facts.sha1,
                       .sha256 = made.facts.sha256,
                       .fetched_by = on.later},
                      {}, {}));
    const auto by_sum = port.verify(on.backup,
                                    {.size = made.facts.size,
                                     .sha256 = made.facts.sha256,
                                     .fetched_by = on.later,
                                     .depth = jobs::check_depth::sum_of_ours},
                                    {}, {});
    REQUIRE(by_sum);
    CHECK_FALSE(by_sum->is_whole); // its manifest is here, and ours
    REQUIRE(port.adopt(on.backup, on.later));
    CHECK(port.adopt(on.backup, on.later));
    CHECK(on.inspect()->has_manifest);
    CHECK(port.open_content(on.backup, "level.dat"));
  }
  SECTION("a whole volume is packed, and nothing of that is kept") {
    auto files = on.files;
    files[".pteroignore"] = "*.mca\n";
    on.world->fill(files);
    std::string packed;
    const auto sent = port.pack(on.world->volume(), on.later,
                                [&](std::string_view piece) -> jobs::status {
                                  packed += piece;
                                  return {};
                                },
                                {}, {});
    REQUIRE(sent);
    CHECK(sent->facts.size == static_cast<std::int64_t>(packed.size()));
    CHECK(sent->facts.files == static_cast<std::int64_t>(files.size()));
    CHECK(sent->facts.sha256.size() == 64);
    CHECK(port.list()->files.size() == 1);
  }
  SECTION("whoever takes a packed volume may end it") {
    fails_with(port.pack(on.world->volume(), on.later,
                         [](std::string_view) -> jobs::status {
                           return jobs::fault{.code = code::upload_failed,
                                              .what = "no more"};
                         },
                         {}, {}),
               code::upload_failed);
    std::stop_source stop;
    stop.request_stop();
    fails_with(port.pack(on.world->volume(), on.later,
                         [](std::string_view) { return jobs::status{}; },
                         stop.get_token(), {}),
               code::interrupted);
  }
  SECTION("a download goes on where it was") {
    fetch(on, archive_half::archive, "the first half");
    const auto again =
        port.open_part(on.backup, on.later, archive_half::archive);
    CHECK(bytes_of(again.value()) == "the first half");
    CHECK(port.discard(on.backup, on.later));
    const auto anew =
        port.open_part(on.backup, on.later, archive_half::archive);
    CHECK(bytes_of(anew.value()).empty());
  }
  SECTION("where an archive has the name, nothing of it is changed") {
    fetch(on, archive_half::manifest, "of something else");
    fetch(on, archive_half::archive, archive);
    fails_with(port.adopt(on.backup, on.later), code::backup_exists);
    CHECK(on.inspect()->has_manifest);
    CHECK(bytes_of(port.open_manifest(on.backup).value().file) == manifest);
    CHECK(port.browse(on.backup, "world", "", 10));
  }
}

} // namespace alula::contracts
