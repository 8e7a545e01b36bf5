/// What every implementation of jobs::archives promises, checked alike on the
/// fake and on the real one.
#pragma once

#include "jobs/archives.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <unistd.h>
#include <vector>

namespace alula::contracts {

/// A fresh, empty backup directory with the port on it, a volume and an empty
/// staging directory.
struct archives_world {
  using tree = std::map<std::string, std::string>; ///< path → content
  virtual ~archives_world() = default;
  virtual jobs::archives& port() = 0;
  virtual const jobs::descriptor& volume() = 0;
  virtual const jobs::descriptor& staging() = 0;
  /// Makes the volume hold exactly these files.
  virtual void fill(const tree& files) = 0;
  virtual tree staged() = 0;
  /// Puts an archive there as stock Wings leaves it: no manifest.
  virtual void put_foreign(const jobs::backup_id& backup,
                           const tree& files) = 0;
  /// Changes a byte in the middle of a published archive.
  virtual void damage(const jobs::backup_id& backup) = 0;
};

inline std::string all_of(jobs::content_reader& from) {
  std::string out;
  for (std::size_t before = 1; before != out.size();) {
    before = out.size();
    REQUIRE(from.read(1000, out));
  }
  return out;
}

inline std::vector<std::string> names_of(const jobs::browse_page& page) {
  std::vector<std::string> out;
  for (const auto& item : page.items)
    out.push_back(item.name);
  return out;
}

/// The verbs of the suites below.
struct archives_stage {
  using code = jobs::fault_code;
  std::unique_ptr<archives_world> world;
  jobs::archives& port = world->port();
  jobs::backup_id backup =
      *jobs::backup_id::parse("3f2b7c1e-90ab-4cde-8f01-23456789abcd");
  jobs::backup_id other =
      *jobs::backup_id::parse("4f2b7c1e-90ab-4cde-8f01-23456789abcd");
  jobs::server_id server =
      *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  jobs::job_id job =
      *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000001");
  jobs::job_id later =
      *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000002");

  archives_world::tree files{{"level.dat", std::string(5'000, 'l')},
                             {"logs/latest.log", "started\n"},
                             {"world/region/r.0.0.mca", "chunk"},
                             {"world/session.lock", ""}};

  jobs::archive_order order(const jobs::job_id& of) const {
    jobs::archive_order out;
    out.backup = backup;
    out.server = server;
    out.job = of;
    out.created_at = 1'700'000'000'000;
    return out;
  }
  jobs::result<jobs::archive_made> write(std::stop_token stop = {},
                                         const jobs::archive_tell& tell = {}) {
    return port.write(world->volume(), order(job), stop, tell);
  }
  jobs::archive_made make() {
    world->fill(files);
    auto made = write();
    REQUIRE(made);
    REQUIRE(port.publish(backup, job));
    return *made;
  }
  std::optional<jobs::archive_file> inspect() {
    auto found = port.inspect(backup);
    REQUIRE(found);
    return *found;
  }
};

template<class Result>
void fails_with(const Result& got, jobs::fault_code code) {
  REQUIRE_FALSE(got);
  CHECK(got.error().code == code);
  CHECK_FALSE(got.error().what.empty());
}

inline void
archives_are_made_whole(std::unique_ptr<archives_world> (*make_world)()) {
  using code = jobs::fault_code;
  archives_stage on{make_world()};
  auto& port = on.port;

  SECTION("what will be read is counted") {
    on.world->fill(on.files);
    const auto size =
        port.measure(on.world->volume(), on.order(on.job), {}, {});
    REQUIRE(size);
    CHECK(size->files == 4);
    CHECK(size->bytes == 5'013);
  }

  SECTION("an archive is not there until it is published") {
    on.world->fill(on.files);
    const auto made = on.write();
    REQUIRE(made);
    CHECK(made->facts.files == 4);
    CHECK(made->facts.content_bytes == 5'013);
    CHECK(made->facts.size > 0);
    CHECK(made->facts.sha1.size() == 40);
    CHECK(made->facts.sha256.size() == 64);
    CHECK(made->noted == 0);
    CHECK_FALSE(on.inspect());
    CHECK(port.list()->empty());
    REQUIRE(port.publish(on.backup, on.job));
    const auto there = on.inspect();
    REQUIRE(there);
    CHECK(there->backup == on.backup);
    CHECK(there->server == on.server);
    CHECK(there->has_manifest);
    CHECK(there->size == made->facts.size);
    REQUIRE(there->facts);
    CHECK(there->facts->sha1 == made->facts.sha1);
    CHECK(there->facts->sha256 == made->facts.sha256);
    CHECK(there->facts->files == 4);
    CHECK(there->facts->content_bytes == 5'013);
    REQUIRE(port.list()->size() == 1);
  }

  SECTION("a second publish finds it done, another job finds the name taken") {
    on.make();
    CHECK(port.publish(on.backup, on.job));
    fails_with(port.publish(on.backup, on.later), code::backup_exists);
    REQUIRE(port.write(on.world->volume(), on.order(on.later), {}, {}));
    fails_with(port.publish(on.backup, on.later), code::backup_exists);
  }

  SECTION("a publish of nothing is a fault") {
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  SECTION("a write that is repeated starts over") {
    on.world->fill({{"old", "1"}, {"older", "2"}});
    REQUIRE(on.write());
    on.world->fill(on.files);
    const auto made = on.write();
    REQUIRE(made);
    REQUIRE(port.publish(on.backup, on.job));
    CHECK(on.inspect()->facts->files == 4);
  }

  SECTION("what is discarded is gone, and discarded again without harm") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.discard(on.backup, on.job));
    CHECK(port.discard(on.backup, on.job));
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  const auto nobody_knows = [](const jobs::backup_id&) { return false; };

  SECTION("a sweep spares the unfinished files of live jobs") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.sweep([&](const jobs::job_id& j) { return j == on.job; },
                     nobody_knows));
    CHECK(port.publish(on.backup, on.job));
    CHECK(port.sweep([](const jobs::job_id&) { return false; }, nobody_knows));
    CHECK(on.inspect());
  }

  SECTION("a sweep removes the unfinished files of dead jobs") {
    on.world->fill(on.files);
    REQUIRE(on.write());
    CHECK(port.sweep([&](const jobs::job_id& j) { return j == on.later; },
                     nobody_knows));
    fails_with(port.publish(on.backup, on.job), code::io_error);
  }

  SECTION("a write tells how far it is and ends when asked to") {
    on.world->fill(on.files);
    std::stop_source stop;
    stop.request_stop();
    fails_with(on.write(stop.get_token()), code::interrupted);
    std::int64_t files = 0;
    REQUIRE(on.write({}, [&](const auto& so_far) { files = so_far.files; }));
    CHECK(files == 4);
  }

  SECTION("space is promised once") {
    const auto before = port.space();
    REQUIRE(before);
    CHECK(before->reserved == 0);
    const auto half = before->free / 2;
    REQUIRE(port.reserve(on.job, half));
    REQUIRE(port.reserve(on.job, half)); // in place of the first
    CHECK(port.space()->reserved == half);
    fails_with(port.reserve(on.later, before->free - half / 2),
               code::insufficient_storage);
    CHECK(port.space()->reserved == half);
    port.release(on.job);
    port.release(on.job);
    CHECK(port.space()->reserved == 0);
    fails_with(port.reserve(on.job, before->total * 2),
               code::insufficient_storage);
  }
}

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
    CHECK(port.list()->empty());
  }

  SECTION("the size of the contents is known") {
    on.make();
    CHECK(port.content_size(on.backup, {}, {})->bytes == 5'013);
    on.world->put_foreign(on.other, on.files);
    CHECK(port.content_size(on.other, {}, {})->bytes == 5'013);
    CHECK(port.content_size(on.other, {}, {})->files == 4);
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

/// All of the above.
inline void
archives_keep_their_contract(std::unique_ptr<archives_world> (*make_world)()) {
  SECTION("made") {
    archives_are_made_whole(make_world);
  }
  SECTION("kept") {
    archives_are_kept(make_world);
  }
  SECTION("browsed") {
    archives_are_browsed(make_world);
  }
}

} // namespace alula::contracts
