/// What every jobs::archives promises of archives that are there: that they are
/// what they were, come back, and can be looked into.
#pragma once

#include "tests/contracts/archives_stage.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::contracts {

inline void archives_are_kept(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  archives_stage on{make_world()};
  auto& port = on.port;

  SECTION("an intact archive verifies, with its numbers") {
    const auto made = on.make();
    const auto seen = port.verify(
        on.backup, {made.facts.size, made.facts.sha1, made.facts.sha256}, {},
        {});
    REQUIRE(seen);
    CHECK(seen->facts.sha1 == made.facts.sha1);
    CHECK(seen->facts.files == 4);
    CHECK(seen->entries == 4);
  }

  SECTION("what lies elsewhere is hashed as what is here") {
    const auto made = on.make();
    auto here = port.open(on.backup);
    REQUIRE(here);
    std::string bytes(static_cast<std::size_t>(here->size), '\0');
    REQUIRE(::pread(here->file.get(), bytes.data(), bytes.size(), 0)
            == here->size);
    const auto found = port.hash([&](const jobs::archive_sink& into) {
      const auto half = bytes.size() / 2;
      auto first = into(std::string_view{bytes}.substr(0, half));
      return first ? into(std::string_view{bytes}.substr(half)) : first;
    });
    REQUIRE(found);
    CHECK(found->size == made.facts.size);
    CHECK(found->sha1 == made.facts.sha1);
    CHECK(found->sha256 == made.facts.sha256);
    fails_with(port.hash([](const jobs::archive_sink&) -> jobs::status {
      return jobs::fault{.code = code::store_unavailable, .what = "away"};
    }),
               code::store_unavailable);
  }

  SECTION("another checksum, another size and a changed byte are damage") {
    const auto made = on.make();
    fails_with(port.verify(on.backup, {0, std::string(40, '0'), {}}, {}, {}),
               code::backup_damaged);
    fails_with(port.verify(on.backup, {made.facts.size + 1, {}, {}}, {}, {}),
               code::backup_damaged);
    on.world->damage(on.backup);
    fails_with(port.verify(on.backup, {}, {}, {}), code::backup_damaged);
  }

  SECTION("the stronger of two checksums counts, and one by itself") {
    const auto made = on.make();
    const std::string other_sha1(40, '0');
    const std::string other_sha256(64, '0');
    const auto verify = [&](const std::string& sha1,
                            const std::string& sha256) {
      return port.verify(on.backup, {made.facts.size, sha1, sha256}, {}, {});
    };
    const auto seen = verify(other_sha1, made.facts.sha256);
    REQUIRE(seen); // the SHA-1 was not even taken
    CHECK(seen->facts.sha256 == made.facts.sha256);
    fails_with(verify(made.facts.sha1, other_sha256), code::backup_damaged);
    fails_with(verify({}, other_sha256), code::backup_damaged);
    fails_with(verify(other_sha1, {}), code::backup_damaged);
    for (const auto& known : {verify(made.facts.sha1, {}), verify({}, {})}) {
      REQUIRE(known);
      CHECK(known->facts.sha1 == made.facts.sha1);
      CHECK(known->facts.sha256 == made.facts.sha256);
    }
  }

  SECTION("everything comes back, or what was chosen") {
    on.make();
    jobs::extraction_order order;
    order.backup = on.backup;
    SECTION("all of it") {
      const auto back = port.extract(order, on.world->staging(), {}, {});
      REQUIRE(back);
      CHECK(back->files == 4);
      CHECK(back->bytes == 5'013);
      CHECK(on.world->staged() == on.files);
    }
    SECTION("a directory and a file") {
      order.paths = {"world", "level.dat"};
      REQUIRE(port.extract(order, on.world->staging(), {}, {}));
      auto expected = on.files;
      expected.erase("logs/latest.log");
      CHECK(on.world->staged() == expected);
    }
    SECTION("not more than is allowed") {
      order.limits.bytes = 1'000;
      fails_with(port.extract(order, on.world->staging(), {}, {}),
                 code::archive_refused);
    }
  }

  SECTION("what is not there is not found") {
    jobs::extraction_order order;
    order.backup = on.backup;
    CHECK_FALSE(on.inspect());
    fails_with(port.verify(on.backup, {}, {}, {}), code::backup_not_found);
    fails_with(port.extract(order, on.world->staging(), {}, {}),
               code::backup_not_found);
    fails_with(port.content_size(on.backup, {}, {}), code::backup_not_found);
    fails_with(port.index(on.backup, on.server, on.later, {}, {}),
               code::backup_not_found);
    fails_with(port.browse(on.backup, "", "", 10), code::backup_not_found);
    fails_with(port.open_content(on.backup, "a"), code::backup_not_found);
    fails_with(port.open(on.backup), code::backup_not_found);
    CHECK(port.remove(on.backup));
  }

  SECTION("an archive somebody downloads is not removed") {
    const auto made = on.make();
    auto first = port.open(on.backup);
    REQUIRE(first);
    CHECK(first->size == made.facts.size);
    CHECK(first->name == on.backup.to_string() + ".tar.gz");
    {
      const auto second = port.open(on.backup);
      REQUIRE(second);
      fails_with(port.remove(on.backup), code::backup_in_use);
    }
    fails_with(port.remove(on.backup), code::backup_in_use);
    CHECK(on.inspect());
    first->file.close();
    CHECK(port.remove(on.backup));
    CHECK_FALSE(on.inspect());
    CHECK(port.remove(on.backup));
    CHECK(port.list()->files.empty());
  }

  SECTION("the size of the contents is known") {
    on.make();
    CHECK(port.content_size(on.backup, {}, {})->bytes == 5'013);
    on.world->put_foreign(on.other, on.files);
    CHECK(port.content_size(on.other, {}, {})->bytes == 5'013);
    CHECK(port.content_size(on.other, {}, {})->files == 4);
  }

  SECTION("the size of what is chosen is known by the manifest") {
    on.make();
    const auto size_of = [&](const std::vector<std::string>& paths) {
      const auto found = port.chosen_size(on.backup, paths, {});
      REQUIRE(found);
      return std::pair{found->files, found->bytes};
    };
    using counted = std::pair<std::int64_t, std::int64_t>;
    const auto check = [&] {
      CHECK(size_of({"world", "level.dat"}) == counted{3, 5'005});
      CHECK(size_of({"logs/latest.log"}) == counted{1, 8});
      CHECK(size_of({"wor"}) == counted{0, 0});
    };
    check();
    std::stop_source stop;
    stop.request_stop();
    fails_with(port.chosen_size(on.backup, {"world"}, stop.get_token()),
               code::interrupted);
    REQUIRE(port.drop(on.backup));
    check(); // the archive may lie elsewhere
    on.world->put_foreign(on.other, on.files);
    fails_with(port.chosen_size(on.other, {"world"}, {}), code::no_manifest);
    REQUIRE(port.remove(on.other));
    fails_with(port.chosen_size(on.other, {"world"}, {}),
               code::backup_not_found);
  }

  SECTION("an archive without manifest is listed, and indexed on demand") {
    on.world->put_foreign(on.backup, on.files);
    const auto found = on.inspect();
    REQUIRE(found);
    CHECK_FALSE(found->has_manifest);
    CHECK(found->server.empty());
    CHECK_FALSE(found->facts);
    fails_with(port.browse(on.backup, "", "", 10), code::no_manifest);
    fails_with(port.open_content(on.backup, "level.dat"), code::no_manifest);
    REQUIRE(port.index(on.backup, on.server, on.later, {}, {}));
    const auto known = on.inspect();
    REQUIRE(known);
    CHECK(known->has_manifest);
    CHECK(known->server == on.server);
    REQUIRE(known->facts);
    CHECK(known->facts->files == 4);
    CHECK(names_of(*port.browse(on.backup, "", "", 10))
          == std::vector<std::string>{"level.dat", "logs", "world"});
    auto content = port.open_content(on.backup, "logs/latest.log");
    REQUIRE(content);
    CHECK(all_of(**content) == "started\n");
  }
}

inline void
archives_are_browsed(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  using type = jobs::browse_item::type;
  archives_stage on{make_world()};
  auto& port = on.port;
  on.make();

  SECTION("a directory lists what is directly in it, in byte order") {
    const auto top = port.browse(on.backup, "", "", 10);
    REQUIRE(top);
    CHECK(names_of(*top)
          == std::vector<std::string>{"level.dat", "logs", "world"});
    CHECK(top->next.empty());
    CHECK(top->items[0].is == type::file);
    CHECK(top->items[0].size == 5'000);
    CHECK(top->items[2].is == type::directory);
    CHECK(names_of(*port.browse(on.backup, "world", "", 10))
          == std::vector<std::string>{"region", "session.lock"});
  }

  SECTION("a page ends at its limit and says where the next begins") {
    const auto first = port.browse(on.backup, "", "", 2);
    REQUIRE(first);
    CHECK(names_of(*first) == std::vector<std::string>{"level.dat", "logs"});
    CHECK(first->next == "logs");
    const auto rest = port.browse(on.backup, "", first->next, 2);
    REQUIRE(rest);
    CHECK(names_of(*rest) == std::vector<std::string>{"world"});
    CHECK(rest->next.empty());
  }

  SECTION("a listing goes on behind a name that is not there") {
    // As who looks one name up does: no name is between the two.
    const auto before = "worlc" + std::string(250, '\xff');
    CHECK(names_of(*port.browse(on.backup, "", before, 1))
          == std::vector<std::string>{"world"});
    const auto in_world =
        port.browse(on.backup, "world", "regiom" + std::string(249, '\xff'), 1);
    CHECK(names_of(*in_world) == std::vector<std::string>{"region"});
  }

  SECTION("a path that is not in the archive is not found") {
    fails_with(port.browse(on.backup, "wor", "", 10), code::path_not_found);
    fails_with(port.browse(on.backup, "level.dat", "", 10),
               code::path_not_found);
    fails_with(port.open_content(on.backup, "world"), code::path_not_found);
    fails_with(port.open_content(on.backup, "nowhere"), code::path_not_found);
  }

  SECTION("one file is read in pieces") {
    auto content = port.open_content(on.backup, "level.dat");
    REQUIRE(content);
    CHECK((*content)->size() == 5'000);
    CHECK((*content)->modified_at() > 0);
    CHECK(all_of(**content) == on.files["level.dat"]);
    auto empty = port.open_content(on.backup, "world/session.lock");
    REQUIRE(empty);
    CHECK(all_of(**empty).empty());
  }
}

} // namespace alula::contracts
