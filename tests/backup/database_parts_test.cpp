// The files beside a SQLite database that cannot be opened, or are none.
#include "tests/backup/deprived.hpp"
#include "tests/backup/game_database.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <fcntl.h>
#include <future>
#include <sys/stat.h>

using namespace alula::backup;
namespace fs = std::filesystem;

TEST_CASE("a node short of descriptors loses no commit of a database",
          "[database]") {
  const bool is_copied_aside = GENERATE(false, true);
  INFO((is_copied_aside ? "copied aside" : "straight into the archive"));
  const scratch_tree world{in_memory};
  const scratch_tree aside{in_memory};
  connection game{world.root / "map.sqlite"};
  REQUIRE(game.run("PRAGMA wal_autocheckpoint=0"));
  make_world(game, "wal", 20);
  for (int turn = 0; turn < 3; ++turn)
    REQUIRE(game.run("UPDATE blocks SET turn = turn + 1"));
  archive_settings settings;
  if (is_copied_aside)
    settings.make_spool = [&] { return spool_in(aside); };
  // From too few for the walk to enough for all that is open at once.
  constexpr int enough = 12;
  int failures = 0;
  for (int free = 0; free <= enough; ++free) {
    INFO(free << " descriptors");
    const scratch_tree copy{in_memory};
    const auto file = new_archive_in(copy);
    const auto made = [&] {
      const few_descriptors here{limit_with_free(free)};
      return back_up(world, file.get(), settings);
    }();
    if (!made) {
      ++failures;
      CHECK(made.error().code == alula::jobs::fault_code::io_error);
      continue;
    }
    unpack(file.get(), copy);
    connection restored{copy.root / "back" / "map.sqlite"};
    CHECK(restored.text("PRAGMA integrity_check") == "ok");
    CHECK(restored.text("SELECT min(turn) FROM blocks") == "3");
  }
  CHECK(failures > 0);
  CHECK(failures < enough);
}

TEST_CASE("what belongs to a database and cannot be opened is noted once",
          "[database]") {
  const std::string beside = GENERATE("-shm", "-wal");
  const bool is_copied_aside = GENERATE(false, true);
  INFO(beside << (is_copied_aside ? ", copied aside" : ""));
  const scratch_tree world{in_memory};
  const scratch_tree aside{in_memory};
  connection game{world.root / "map.sqlite"};
  make_world(game, "wal", 5);
  ::chmod(world.root.c_str(), 0755);
  ::chmod(aside.root.c_str(), 0777);
  for (const auto& each : fs::directory_iterator{world.root})
    ::chmod(each.path().c_str(), 0644);
  REQUIRE(::chmod((world.root / ("map.sqlite" + beside)).c_str(), 0) == 0);
  archive_settings settings;
  if (is_copied_aside)
    settings.make_spool = [&] { return spool_in(aside); };
  const scratch_tree copy{in_memory};
  const auto file = new_archive_in(copy);
  const auto made = [&] {
    const plain_user me;
    return back_up(world, file.get(), settings);
  }();
  REQUIRE(made);
  REQUIRE(made->notes.size() == 1);
  const auto& note = made->notes[0];
  CHECK(note.path == (beside == "-shm" ? "map.sqlite" : "map.sqlite-wal"));
  CHECK(note.what.find("Permission denied") != std::string::npos);
}

TEST_CASE("a fifo named like what belongs to a database holds up nobody",
          "[database]") {
  const std::string beside = GENERATE("-shm", "-wal", "-journal");
  INFO(beside);
  const scratch_tree world{in_memory};
  {
    connection game{world.root / "map.sqlite"};
    make_world(game, beside == "-journal" ? "delete" : "wal", 5);
  }
  const auto fifo = world.root / ("map.sqlite" + beside);
  REQUIRE(::mkfifo(fifo.c_str(), 0644) == 0);
  const scratch_tree copy{in_memory};
  const auto file = new_archive_in(copy);
  auto made = std::async(std::launch::async,
                         [&] { return back_up(world, file.get()); });
  const bool has_ended =
      made.wait_for(std::chrono::minutes{2}) == std::future_status::ready;
  // Whoever waits for a writer has one now.
  const file_descriptor writer{
      ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  CHECK(has_ended);
  const auto summary = made.get();
  REQUIRE(summary);
  REQUIRE(summary->notes.size() == 1);
  CHECK(summary->notes[0].path == fifo.filename().string());
  unpack(file.get(), copy);
  connection restored{copy.root / "back" / "map.sqlite"};
  CHECK(restored.text("SELECT count(*) FROM blocks") == "5");
}

TEST_CASE("beside a database of the longest name there can be nothing",
          "[database]") {
  const std::string mode = GENERATE("delete", "wal");
  INFO(mode);
  const scratch_tree world{in_memory};
  {
    connection game{world.root / "map.sqlite"};
    make_world(game, mode, 5);
  }
  fs::rename(world.root / "map.sqlite", world.root / std::string(255, 'n'));
  const scratch_tree copy{in_memory};
  std::vector<archive_note> notes;
  back_up_and_unpack(world, copy, notes);
  CHECK(notes.empty());
}
